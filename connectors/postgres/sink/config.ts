import { defineConfig } from '../../../core/index.ts'
import { parseUrl } from './jdbc-url.ts'

const group = 'Postgres sink'
const javaOnly = 'it names a Java class, which cannot run here'
const noEffect = 'Has no effect here.'

/** Keys of the sink under its own name; the JDBC sinks of Confluent and Debezium have the same ones with their own defaults. */
export const sinkConfig = defineConfig({
  'connection.url': {
    type: 'string',
    required: true,
    importance: 'high',
    group,
    doc: 'Address of the database: jdbc:postgresql://host:5432/database. Several hosts with commas between them are tried in order, until one takes writes.',
    check: urlFault,
  },
  'connection.user': { type: 'string', importance: 'high', group, doc: 'Role to connect as.' },
  'connection.username': { type: 'string', importance: 'high', group, doc: "Debezium's name of connection.user." },
  'connection.password': { type: 'password', importance: 'high', group, doc: 'Password of the role.' },
  'connection.timeout.ms': { type: 'int', default: 10_000, min: 100, group, doc: 'Longest time to open a connection. Milliseconds.' },
  'insert.mode': {
    type: 'string',
    default: 'upsert',
    oneOf: ['insert', 'upsert', 'update'],
    importance: 'high',
    group,
    doc: 'insert: every record is a new row; upsert: it takes the place of the row with its key; update: it changes that row, and nothing where there is none.',
  },
  'delete.enabled': {
    type: 'boolean',
    default: true,
    importance: 'medium',
    group,
    doc: "Delete the row of the key for tombstones and deletes of a change log; needs pk.mode=record_key. false: they are left out; Confluent's sink refuses tombstones then.",
  },
  'truncate.enabled': {
    type: 'boolean',
    default: true,
    importance: 'low',
    group,
    doc: "Empty the table for a change log's TRUNCATE. false: it is left out.",
  },
  'pk.mode': {
    type: 'string',
    oneOf: ['none', 'kafka', 'record_key', 'record_value', 'record_header'],
    importance: 'high',
    group,
    doc: "Where the primary key comes from: nowhere, the record's topic, partition and offset, its key, fields of its value, or headers. Default: record_key.",
  },
  'primary.key.mode': {
    type: 'string',
    oneOf: ['none', 'kafka', 'record_key', 'record_value', 'record_header'],
    importance: 'high',
    group,
    doc: "Debezium's name of pk.mode.",
  },
  'pk.fields': {
    type: 'list',
    default: [],
    importance: 'medium',
    group,
    doc: 'Columns of the primary key. record_key: fields of the key (all), or the column of a key that is no struct; record_value: fields of the value (all); record_header: headers; kafka: the three columns (__connect_topic, __connect_partition, __connect_offset).',
  },
  'primary.key.fields': { type: 'list', default: [], importance: 'medium', group, doc: "Debezium's name of pk.fields." },
  'table.name.format': {
    type: 'string',
    importance: 'medium',
    group,
    doc: "Table of a topic, with ${topic} in it; [schema.]table, and of three parts the first, a database or server, is left away. Default: ${topic}. With Debezium's sink: the older name of collection.name.format.",
  },
  'collection.name.format': {
    type: 'string',
    importance: 'medium',
    group,
    doc: "Debezium's name of table.name.format: dots of the topic become underscores, and ${source.schema}, ${source.table} and others come from a change log's source block.",
  },
  'auto.create': {
    type: 'boolean',
    default: true,
    importance: 'medium',
    group,
    doc: "Create tables that are not there, from the records' schemas.",
  },
  'auto.evolve': {
    type: 'boolean',
    default: true,
    importance: 'medium',
    group,
    doc: 'Add columns that the records have and the table has not. Nothing else of a table is ever changed.',
  },
  'schema.evolution': {
    type: 'string',
    oneOf: ['none', 'basic'],
    importance: 'medium',
    group,
    doc: "Debezium's: basic is auto.create and auto.evolve, none is neither.",
  },
  'fields.whitelist': {
    type: 'list',
    default: [],
    importance: 'medium',
    group,
    doc: 'Fields of the value that become columns; empty: all.',
  },
  'fields.blacklist': { type: 'list', default: [], importance: 'medium', group, doc: 'Fields of the value that become no columns.' },
  'field.include.list': { type: 'list', default: [], importance: 'medium', group, doc: "Debezium's: field or topic:field; empty: all." },
  'field.exclude.list': { type: 'list', default: [], importance: 'medium', group, doc: "Debezium's: field or topic:field." },
  'batch.size': {
    type: 'int',
    default: 5_000,
    min: 1,
    max: 1_000_000,
    importance: 'medium',
    group,
    doc: 'Most rows that are written at once. How many are committed at once is said by flush.rows, flush.bytes and flush.interval.ms.',
  },
  delivery: {
    type: 'string',
    default: 'exactly-once',
    oneOf: ['exactly-once', 'at-least-once'],
    importance: 'medium',
    group,
    doc: 'exactly-once: positions are kept in the table offsets.table, in the same transactions as the rows.',
  },
  'offsets.table': {
    type: 'string',
    default: 'millrace_offsets',
    importance: 'low',
    group,
    doc: "Table of the connectors' positions: [schema.]table; it is created.",
  },
  'quote.identifiers': {
    type: 'boolean',
    importance: 'low',
    group,
    doc: 'false: names are folded to lower case, as Postgres does with names without quotes. All names are quoted in SQL either way. Default: true.',
  },
  'quote.sql.identifiers': {
    type: 'string',
    oneOf: ['always', 'never'],
    importance: 'low',
    group,
    doc: "Confluent's: never is quote.identifiers=false.",
  },
  'db.timezone': {
    type: 'string',
    importance: 'low',
    group,
    doc: 'Time zone in which columns without one (timestamp) are written. Default: UTC.',
    check: zoneFault,
  },
  'use.time.zone': { type: 'string', importance: 'low', group, doc: "Debezium's name of db.timezone.", check: zoneFault },
  'max.retries': {
    type: 'int',
    min: 0,
    importance: 'medium',
    group,
    doc: 'How often a transaction that failed for a passing reason is tried again before the task fails. Default: as long as errors.retry.timeout or task.retry.timeout.ms allow.',
  },
  'retry.backoff.ms': { type: 'int', min: 0, importance: 'medium', group, doc: 'Shortest time between two tries. Milliseconds.' },
  'flush.max.retries': { type: 'int', min: 0, group, doc: "Debezium's name of max.retries." },
  'flush.retry.delay.ms': { type: 'int', min: 0, group, doc: "Debezium's name of retry.backoff.ms." },
  'unavailable.value.placeholder': {
    type: 'string',
    default: '__debezium_unavailable_value',
    importance: 'low',
    group,
    doc: "What stands in a change log for a value that did not change and was not sent: the column keeps what it has. The source's key of the same name.",
  },
  'dialect.name': {
    type: 'string',
    importance: 'low',
    group,
    doc: 'PostgreSqlDatabaseDialect or nothing.',
    check: (value: string) => (/^(PostgreSqlDatabaseDialect)?$/.test(value) ? undefined : 'This sink speaks to PostgreSQL only'),
  },
  'table.types': {
    type: 'list',
    default: ['TABLE'],
    importance: 'low',
    group,
    doc: 'Has no effect: tables, partitioned tables, foreign tables and views with triggers are all taken.',
  },
  'connection.attempts': { type: 'int', importance: 'low', group, doc: `${noEffect} See errors.retry.timeout.` },
  'connection.backoff.ms': { type: 'int', importance: 'low', group, doc: `${noEffect} See errors.retry.timeout.` },
  'connection.provider': { type: 'string', group, doc: 'A Java class.', unsupported: javaOnly },
  'connection.pool.min_size': { type: 'int', group, doc: `${noEffect} A task has one connection.` },
  'connection.pool.max_size': { type: 'int', group, doc: `${noEffect} A task has one connection.` },
  'connection.pool.acquire_increment': { type: 'int', group, doc: noEffect },
  'connection.pool.timeout': { type: 'int', group, doc: noEffect },
  'connection.restart.on.errors': { type: 'boolean', group, doc: `${noEffect} It always is.` },
  'use.reduction.buffer': { type: 'boolean', group, doc: `${noEffect} Rows are always reduced by their keys.` },
  'trim.sensitive.log': { type: 'boolean', group, doc: noEffect },
  'mssql.use.merge.holdlock': { type: 'boolean', group, doc: noEffect },
  'dialect.sqlserver.identity.insert': { type: 'boolean', group, doc: noEffect },
  'dialect.postgres.postgis.schema': { type: 'string', group, doc: `${noEffect} The schema of PostGIS is looked up.` },
  'replace.null.with.default': {
    type: 'boolean',
    default: false,
    group,
    doc: 'A null becomes the default of its field. Not supported: a null stays a null.',
    check: (value: boolean) => (value ? 'A null stays a null here; set replace.null.with.default=false' : undefined),
  },
  'date.timezone': { type: 'string', oneOf: ['db_timezone', 'utc'], group, doc: `${noEffect} A date is a day and has no zone.` },
  'timestamp.precision.mode': { type: 'string', group, doc: noEffect },
  'timestamp.fields.list': { type: 'list', group, doc: 'Fields.', unsupported: 'use the TimestampConverter transform' },
  'column.naming.strategy': { type: 'string', group, doc: 'A Java class.', unsupported: `${javaOnly}; use a ReplaceField transform` },
  'table.naming.strategy': { type: 'string', group, doc: 'A Java class.', unsupported: `${javaOnly}; use collection.name.format` },
  'collection.naming.strategy': { type: 'string', group, doc: 'A Java class.', unsupported: `${javaOnly}; use collection.name.format` },
})

/** Confluent's JDBC sink: the same keys, its defaults. */
export const confluentConfig = defineConfig({
  ...sinkConfig,
  'insert.mode': { ...sinkConfig['insert.mode'], default: 'insert' },
  'delete.enabled': { ...sinkConfig['delete.enabled'], default: false },
  'truncate.enabled': { ...sinkConfig['truncate.enabled'], default: false },
  'pk.mode': { ...sinkConfig['pk.mode'], default: 'none' },
  'auto.create': { ...sinkConfig['auto.create'], default: false },
  'auto.evolve': { ...sinkConfig['auto.evolve'], default: false },
  'batch.size': { ...sinkConfig['batch.size'], default: 3_000 },
  'max.retries': { ...sinkConfig['max.retries'], default: 10 },
  'retry.backoff.ms': { ...sinkConfig['retry.backoff.ms'], default: 3_000 },
})

/** Debezium's JDBC sink: the same keys, its defaults. */
export const debeziumConfig = defineConfig({
  ...sinkConfig,
  'insert.mode': { ...sinkConfig['insert.mode'], default: 'insert' },
  'delete.enabled': { ...sinkConfig['delete.enabled'], default: false },
  'truncate.enabled': { ...sinkConfig['truncate.enabled'], default: false },
  'primary.key.mode': { ...sinkConfig['primary.key.mode'], default: 'none' },
  'collection.name.format': { ...sinkConfig['collection.name.format'], default: '${topic}' },
  'schema.evolution': { ...sinkConfig['schema.evolution'], default: 'none' },
  'quote.identifiers': { ...sinkConfig['quote.identifiers'], default: false },
  'batch.size': { ...sinkConfig['batch.size'], default: 500 },
  'flush.max.retries': { ...sinkConfig['flush.max.retries'], default: 5 },
  'flush.retry.delay.ms': { ...sinkConfig['flush.retry.delay.ms'], default: 1_000 },
})

function urlFault(value: string): string | undefined {
  try {
    parseUrl(value)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function zoneFault(value: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return undefined
  } catch {
    return 'No time zone of this name is known; write it as Europe/Paris or UTC'
  }
}
