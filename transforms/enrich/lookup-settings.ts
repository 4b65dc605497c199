import { ConfigError, type TransformContext } from '../../core/index.ts'
import type { Cell } from './cells.ts'
import type { Choice } from './columns.ts'
import type { EnrichConfig } from './config.ts'

/** What every lookup is made of. */
export interface LookupSettings {
  readonly config: EnrichConfig
  /** Where the parts of the key stand in what is looked up; empty: the key has no names. */
  readonly keyColumns: readonly string[]
  /** Empty: all fields. */
  readonly choices: readonly Choice[]
  readonly types: ReadonlyMap<string, Cell>
  /** Absent while a config is checked. */
  readonly context: TransformContext | undefined
}

/** The value of a key that this lookup needs. Throws a ConfigError where it is not given. */
export function needed({ config }: LookupSettings, key: keyof EnrichConfig): string {
  const value = config[key]
  if (typeof value === 'string' && value !== '') return value
  throw new ConfigError([{ key, message: `Missing required configuration "${key}": lookup=${config.lookup} needs it` }])
}

/** Throws a ConfigError where nobody says in which columns the key is. */
export function neededKeyColumns({ config, keyColumns }: LookupSettings): readonly string[] {
  if (keyColumns.length > 0) return keyColumns
  const message = `Missing required configuration "lookup.key": lookup=${config.lookup} needs the name of the column or member that holds the key`
  throw new ConfigError([{ key: 'lookup.key', message }])
}
