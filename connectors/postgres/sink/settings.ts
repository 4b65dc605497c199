import type { ConfigIssue, ConfigOf } from '../../../core/index.ts'
import type { ConnectionSettings, SslMode } from '../connection.ts'
import type { sinkConfig } from './config.ts'
import { parseUrl } from './jdbc-url.ts'

export type SinkConfig = ConfigOf<typeof sinkConfig>
export type InsertMode = 'insert' | 'upsert' | 'update'
export type KeyMode = 'none' | 'kafka' | 'record_key' | 'record_value' | 'record_header'

/** The config with its synonyms resolved. */
export interface SinkSettings {
  /** One per host of the URL, in the order in which they are tried. */
  readonly connections: readonly ConnectionSettings[]
  /** Schema of tables whose name has none; undefined: the session's own. */
  readonly schema: string | undefined
  readonly mode: InsertMode
  readonly deletes: boolean
  readonly truncates: boolean
  readonly keyMode: KeyMode
  readonly keyFields: readonly string[]
  readonly nameFormat: string
  /** Dots of the topic become underscores, as Debezium has it. */
  readonly flatTopic: boolean
  readonly create: boolean
  readonly evolve: boolean
  readonly takesField: (topic: string, field: string) => boolean
  readonly batchRows: number
  readonly exactlyOnce: boolean
  readonly offsetsTable: string
  readonly foldNames: boolean
  readonly zone: string
  /** undefined: no bound of the sink's own. */
  readonly retriesMax: number | undefined
  readonly retryMs: number | undefined
  readonly placeholder: string
}

/** Resolves the config. Throws an Error for a URL that cannot be read: the config's check has refused it before. */
export function settingsOf(config: SinkConfig): SinkSettings {
  const url = parseUrl(config['connection.url'])
  const evolution = config['schema.evolution']?.toLowerCase()
  const keyFields = config['pk.fields'].length > 0 ? config['pk.fields'] : config['primary.key.fields']
  return {
    connections: connections(config),
    schema: url.parameters['currentSchema']?.split(',')[0],
    mode: config['insert.mode'].toLowerCase() as InsertMode,
    deletes: config['delete.enabled'],
    truncates: config['truncate.enabled'],
    keyMode: (config['pk.mode'] ?? config['primary.key.mode'] ?? 'record_key').toLowerCase() as KeyMode,
    keyFields,
    nameFormat: config['table.name.format'] ?? config['collection.name.format'] ?? '${topic}',
    // Debezium's sink has it under both names, table.name.format being the older one.
    flatTopic: config['collection.name.format'] !== undefined,
    create: evolution === undefined ? config['auto.create'] : evolution === 'basic',
    evolve: evolution === undefined ? config['auto.evolve'] : evolution === 'basic',
    takesField: fieldFilter(config),
    batchRows: config['batch.size'],
    exactlyOnce: config.delivery.toLowerCase() === 'exactly-once',
    offsetsTable: config['offsets.table'],
    foldNames: !(config['quote.identifiers'] ?? config['quote.sql.identifiers']?.toLowerCase() !== 'never'),
    zone: config['db.timezone'] ?? config['use.time.zone'] ?? 'UTC',
    retriesMax: config['max.retries'] ?? config['flush.max.retries'],
    retryMs: config['retry.backoff.ms'] ?? config['flush.retry.delay.ms'],
    placeholder: config['unavailable.value.placeholder'],
  }
}

/** What is wrong between keys. */
export function settingsIssues(config: SinkConfig): readonly ConfigIssue[] {
  const settings = settingsOf(config)
  const issues: ConfigIssue[] = []
  const keyMode = config['pk.mode'] !== undefined ? 'pk.mode' : 'primary.key.mode'
  if (settings.mode !== 'insert' && settings.keyMode === 'none') {
    const message = `insert.mode=${settings.mode} needs to know rows by their keys; set ${keyMode} to record_key, record_value or kafka`
    issues.push({ key: keyMode, value: settings.keyMode, message })
  }
  if (settings.deletes && settings.keyMode !== 'record_key' && config['delete.enabled']) {
    const message = `delete.enabled=true needs pk.mode=record_key, as a deleted record has nothing but its key; set it, or delete.enabled=false`
    issues.push({ key: 'delete.enabled', value: 'true', message })
  }
  if (settings.keyMode === 'kafka' && settings.keyFields.length !== 0 && settings.keyFields.length !== 3) {
    const message = 'pk.mode=kafka needs three pk.fields (topic, partition, offset) or none'
    issues.push({ key: 'pk.fields', value: settings.keyFields.join(','), message })
  }
  if (settings.keyMode === 'record_header' && settings.keyFields.length === 0) {
    const key = config['pk.mode'] !== undefined ? 'pk.fields' : 'primary.key.fields'
    issues.push({ key, value: '', message: `${keyMode}=record_header needs the names of the headers that are the key` })
  }
  if (settings.connections[0]!.user === '') {
    issues.push({ key: 'connection.user', message: 'Set connection.user, or user in connection.url' })
  }
  return issues
}

function connections(config: SinkConfig): readonly ConnectionSettings[] {
  const { addresses, database, parameters } = parseUrl(config['connection.url'])
  const user = config['connection.user'] ?? config['connection.username'] ?? parameters['user'] ?? ''
  const timeoutMs = config['connection.timeout.ms']
  return addresses.map(({ host, port }) => ({
    host,
    port,
    user,
    password: config['connection.password'] ?? parameters['password'],
    database: database === '' ? user : database,
    sslMode: (parameters['sslmode'] ?? (parameters['ssl'] === 'true' ? 'require' : 'prefer')) as SslMode,
    sslRootCert: parameters['sslrootcert'],
    sslCert: parameters['sslcert'],
    sslKey: parameters['sslkey'],
    sslPassword: parameters['sslpassword'],
    tcpKeepAlive: parameters['tcpKeepAlive'] !== 'false',
    connectTimeoutMs: parameters['connectTimeout'] === undefined ? timeoutMs : Number(parameters['connectTimeout']) * 1000 || timeoutMs,
    queryTimeoutMs: 0,
    applicationName: parameters['ApplicationName'] ?? 'millrace sink',
    initialStatements: undefined,
  }))
}

/** Include and exclude lists; an entry `topic:field` holds for that topic alone. */
function fieldFilter(config: SinkConfig): (topic: string, field: string) => boolean {
  const included = new Set([...config['fields.whitelist'], ...config['field.include.list']])
  const excluded = new Set([...config['fields.blacklist'], ...config['field.exclude.list']])
  const names = (list: ReadonlySet<string>, topic: string, field: string) => list.has(field) || list.has(`${topic}:${field}`)
  return (topic, field) => (included.size === 0 || names(included, topic, field)) && !names(excluded, topic, field)
}
