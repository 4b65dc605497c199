import type { Header } from '../../core/index.ts'
/** How values become records: Debezium's keys under their short names. The source's config maps to it one to one. */
export interface ValueSettings {
  /** `topic.prefix` */
  readonly prefix: string
  /** `database.dbname` */
  readonly database: string
  /** `topic.delimiter` */
  readonly delimiter: string
  /** `decimal.handling.mode` */
  readonly decimals: 'precise' | 'string' | 'double'
  /** `time.precision.mode` */
  readonly times: 'adaptive' | 'adaptive_time_microseconds' | 'connect' | 'isostring' | 'microseconds' | 'nanoseconds'
  /** `hstore.handling.mode` */
  readonly hstore: 'json' | 'map'
  /** `interval.handling.mode` */
  readonly intervals: 'numeric' | 'string'
  /** `binary.handling.mode` */
  readonly binary: 'bytes' | 'base64' | 'base64-url-safe' | 'hex'
  /** `unavailable.value.placeholder` */
  readonly placeholder: string
  /** `include.unknown.datatypes`: not given = their text, true = Debezium's bytes, false = left out. */
  readonly unknownTypes: 'text' | 'binary' | 'omit'
  /** `schema.name.adjustment.mode` */
  readonly schemaNames: 'none' | 'avro' | 'avro_unicode'
  /** `field.name.adjustment.mode` */
  readonly fieldNames: 'none' | 'avro' | 'avro_unicode'
  /** `message.key.columns`: the columns that override the key of a table; undefined: the table's own key. */
  readonly keyColumns: (schema: string, table: string) => readonly string[] | undefined
  /** `column.include.list` / `column.exclude.list`. */
  readonly includeColumn: (schema: string, table: string, column: string) => boolean
}

/** Debezium's defaults for everything but the names. */
export const valueDefaults: Omit<ValueSettings, 'prefix' | 'database'> = {
  delimiter: '.',
  decimals: 'precise',
  times: 'adaptive',
  hstore: 'json',
  intervals: 'numeric',
  binary: 'bytes',
  placeholder: '__debezium_unavailable_value',
  unknownTypes: 'text',
  schemaNames: 'none',
  fieldNames: 'none',
  keyColumns: () => undefined,
  includeColumn: () => true,
}

/** What the records say about where they come from, and which extra records there are. */
export interface RecordSettings {
  /** `tombstones.on.delete` */
  readonly tombstones: boolean
  /** `provide.transaction.metadata` */
  readonly transactionMetadata: boolean
  /** `source.version` of every record. */
  readonly version: string
  /** Headers on every table event (Debezium's `__debezium.context.*`); usually none. */
  readonly contextHeaders: readonly Header[]
}

/**
 * GUCs without which Postgres' text output depends on the server: give them to every connection, the replication one included.
 * `row_security` off makes a table whose policies hide rows from this role an error instead of a smaller table.
 */
export const sessionOptions: Readonly<Record<string, string>> = {
  datestyle: 'ISO,YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '3',
  lc_monetary: 'C',
  xmloption: 'content',
  client_encoding: 'UTF8',
  row_security: 'off',
  // Off, a NULL in an array that is written becomes the text "NULL".
  array_nulls: 'on',
}
