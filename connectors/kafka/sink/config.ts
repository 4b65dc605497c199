import { defineConfig, type ConfigOf } from '../../../core/index.ts'
import { clientConfig } from '../config/client-keys.ts'
import { producerKeys } from './producer-keys.ts'

/** Settings of the Kafka sink: the client's and the producer's, by the names that Java's client gives them. */
export const kafkaSinkConfig = defineConfig({ ...clientConfig, ...producerKeys })

export type KafkaSinkConfig = ConfigOf<typeof kafkaSinkConfig>
