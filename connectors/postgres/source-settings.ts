import { anyMatches, captured, type Captured } from './captured.ts'
import type { PostgresConfig } from './config.ts'
import type { ConnectionSettings, SslMode } from './connection.ts'
import { parseKeyColumns } from './key-columns.ts'
import type { PublicationSettings } from './publication.ts'
import type { RecordSettings, ValueSettings } from './settings.ts'

/** Version that `source.version` tells; Debezium's own connectors write theirs. */
export const connectorVersion = '0.1.0'

/** The database connection that a config asks for. */
export function connectionSettings(config: PostgresConfig, connector: string): ConnectionSettings {
  const mode = config['database.sslmode'].toLowerCase()
  return {
    host: config['database.hostname'],
    port: config['database.port'],
    user: config['database.user'],
    password: config['database.password'],
    database: config['database.dbname'],
    sslMode: (mode === 'required' ? 'require' : mode) as SslMode,
    sslRootCert: config['database.sslrootcert'],
    sslCert: config['database.sslcert'],
    sslKey: config['database.sslkey'],
    sslPassword: config['database.sslpassword'],
    tcpKeepAlive: config['database.tcpKeepAlive'],
    connectTimeoutMs: config['connection.timeout.ms'],
    queryTimeoutMs: config['database.query.timeout.ms'],
    // Postgres cuts longer names; other bytes than ASCII would show as question marks.
    applicationName: `Millrace ${connector}`.replace(/[^ -~]/g, '?').slice(0, 63),
    initialStatements: config['database.initial.statements'],
  }
}

export function capturedBy(config: PostgresConfig): Captured {
  return captured({
    schemaInclude: config['schema.include.list'],
    schemaExclude: config['schema.exclude.list'],
    tableInclude: config['table.include.list'],
    tableExclude: config['table.exclude.list'],
    columnInclude: config['column.include.list'],
    columnExclude: config['column.exclude.list'],
  })
}

export function valueSettings(config: PostgresConfig, filter: Captured): ValueSettings {
  const unknown = config['include.unknown.datatypes']
  return {
    prefix: config['topic.prefix'],
    database: config['database.dbname'],
    delimiter: config['topic.delimiter'],
    decimals: lower(config['decimal.handling.mode']) as ValueSettings['decimals'],
    times: lower(config['time.precision.mode']) as ValueSettings['times'],
    hstore: lower(config['hstore.handling.mode']) as ValueSettings['hstore'],
    intervals: lower(config['interval.handling.mode']) as ValueSettings['intervals'],
    binary: lower(config['binary.handling.mode']) as ValueSettings['binary'],
    placeholder: config['unavailable.value.placeholder'],
    unknownTypes: unknown === undefined ? 'text' : unknown ? 'binary' : 'omit',
    schemaNames: lower(config['schema.name.adjustment.mode']) as ValueSettings['schemaNames'],
    fieldNames: lower(config['field.name.adjustment.mode']) as ValueSettings['fieldNames'],
    keyColumns: parseKeyColumns(config['message.key.columns']),
    includeColumn: (schema, table, column) => filter.column(schema, table, column),
  }
}

export function recordSettings(config: PostgresConfig): RecordSettings {
  return {
    tombstones: config['tombstones.on.delete'],
    transactionMetadata: config['provide.transaction.metadata'],
    version: connectorVersion,
    contextHeaders: [],
  }
}

/** `capturesRoots`: a partitioned table is captured, so its changes are wanted under its own name unless the config says otherwise. */
export function publicationSettings(config: PostgresConfig, capturesRoots: boolean): PublicationSettings {
  return {
    name: config['publication.name'],
    mode: lower(config['publication.autocreate.mode']) as PublicationSettings['mode'],
    viaRoot: config['publish.via.partition.root'] ?? capturesRoots,
  }
}

/** Which events become records. */
export interface EventFilter {
  readonly creates: boolean
  readonly updates: boolean
  readonly deletes: boolean
  readonly truncates: boolean
  readonly message: (prefix: string) => boolean
  /** BEGIN and END events. */
  readonly transactions: boolean
}

export function eventFilter(config: PostgresConfig): EventFilter {
  const skipped = new Set(config['skipped.operations'])
  const include = config['message.prefix.include.list']
  const included = include.length > 0 ? anyMatches(include) : () => true
  const excluded = anyMatches(config['message.prefix.exclude.list'])
  return {
    creates: !skipped.has('c'),
    updates: !skipped.has('u'),
    deletes: !skipped.has('d'),
    truncates: !skipped.has('t'),
    message: (prefix) => included(prefix) && !excluded(prefix),
    transactions: config['provide.transaction.metadata'],
  }
}

function lower(text: string): string {
  return text.toLowerCase()
}
