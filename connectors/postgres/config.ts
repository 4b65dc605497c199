import { defineConfig, type ConfigOf } from '../../core/index.ts'
import { captureKeys } from './config-capture.ts'
import { connectionKeys } from './config-connection.ts'
import { ignoredKeys } from './config-ignored.ts'
import { streamKeys } from './config-stream.ts'
import { unsupportedKeys } from './config-unsupported.ts'
import { valueKeys } from './config-values.ts'

/** The keys of Debezium's Postgres connector, under their names and with their meaning, and a few of ours. */
export const config = defineConfig({ ...connectionKeys, ...captureKeys, ...valueKeys, ...streamKeys, ...ignoredKeys, ...unsupportedKeys })

export type PostgresConfig = ConfigOf<typeof config>
