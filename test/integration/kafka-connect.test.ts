import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { avroConverters, connectSkip, startConnectWorker, type TestConnectWorker } from '../connect-worker.ts'
import { KafkaTools } from '../kafka-tools.ts'
import { startKafka, type TestKafka } from '../kafka.ts'
import { Judge, judgeMissing } from '../judge.ts'
import { differences } from '../mirror.ts'
import { startPostgres, type PostgresServer } from '../postgres.ts'
import { registrySkip, startRegistry, type TestRegistry } from '../registry.ts'
import { WorkerProcess } from '../worker-process.ts'

// A film rental database between Millrace and its peers on Apache Kafka Connect: what one side writes to topics the other side reads.
const tables = [
  'language', 'category', 'actor', 'film', 'film_actor', 'film_category', 'address', 'store', 'staff', 'customer', 'inventory', 'rental', 'payment',
] // prettier-ignore
const formats = ['json', 'avro'] as const
type Format = (typeof formats)[number]

const skip = connectSkip() || registrySkip()
let kafka: TestKafka
let registry: TestRegistry
let connect: TestConnectWorker
let folder: string
before(async () => {
  if (skip !== false) return
  folder = await mkdtemp(join(tmpdir(), 'millrace-connect-peers-'))
  kafka = await startKafka({ own: true })
  registry = await startRegistry()
  connect = await startConnectWorker(kafka.bootstrap)
})
after(async () => {
  await connect?.stop()
  await registry?.stop()
  await kafka?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

test('topics that Debezium wrote on Kafka Connect, as JSON and as Avro, become the same tables in the lake', { skip }, async (t) => {
  await using judge = Judge.open()
  if (!judge) return t.skip(judgeMissing)
  await using server = await pagila()
  // Its snapshot reads a generated column that its stream then lacks, which the lake rightly takes for a dropped one.
  const debezium = (prefix: string) => ({ ...source(server, prefix), 'column.exclude.list': 'public.film.revenue_projection' })
  for (const format of formats) await connect.create(`debezium-${format}`, { ...debezium(`d${format}`), ...peerConverters(format) })
  t.after(() => Promise.all(formats.map((format) => connect.remove(`debezium-${format}`))))
  await using worker = await startWorker('to-lake')
  for (const format of formats)
    await run(worker, `lake-${format}`, {
      'connector.class': 'delta',
      'topics.regex': `d${format}\\.public\\..*`,
      'consumer.override.metadata.max.age.ms': '1000',
      'flush.interval.ms': '500',
      path: join(folder, format),
      mode: 'upsert',
      ...converters(format),
    })
  const compare = async (when: string) => {
    for (const format of formats)
      for (const table of tables)
        await settles(
          () => differences(server, judge, table, join(folder, format, 'public', table)),
          `${table} over ${format}, ${when}`,
          worker,
        )
  }
  await compare('after the snapshot')
  for (const statement of changes) await server.query(statement)
  await compare('after the changes')
})

for (const format of formats)
  test(`topics that Millrace wrote as ${format} are read by Debezium's JDBC sink on Kafka Connect`, { skip }, async (t) => {
    await using server = await pagila()
    // The peer makes points with PostGIS.
    const copied = tables.filter((table) => table !== 'address')
    const copies = copied.map((table) => `CREATE TABLE copy.${table} (LIKE public.${table} INCLUDING ALL EXCLUDING IDENTITY)`)
    await server.query(`CREATE SCHEMA copy; ${copies.join(';')}`)
    await using worker = await startWorker(`from-${format}`)
    await run(worker, `rental-${format}`, { ...source(server, `m${format}`), ...converters(format) })
    await settles(async () => ((await kafkaTopics()).filter((name) => name.startsWith(`m${format}.`)).length < tables.length ? ['topics'] : []), 'topics', worker) // prettier-ignore
    await connect.create(`jdbc-${format}`, {
      'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
      topics: copied.map((table) => `m${format}.public.${table}`).join(','),
      // Text is taken for enums, ranges and addresses.
      'connection.url': `jdbc:postgresql://${server.host}:${server.port}/${server.database}?stringtype=unspecified`,
      'connection.username': server.user,
      'connection.password': server.password,
      'insert.mode': 'upsert',
      'delete.enabled': 'true',
      'primary.key.mode': 'record_key',
      // It cannot take a composite key in a header of any source, Debezium's own included, once SimpleHeaderConverter made a map of it.
      'header.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'schema.evolution': 'none',
      'collection.name.format': 'copy.${source.table}',
      ...peerConverters(format),
    })
    t.after(() => connect.remove(`jdbc-${format}`))
    const compare = async (when: string) => {
      for (const table of copied)
        await settles(() => copyDifferences(server, table, `jdbc-${format}`), `${table} over ${format}, ${when}`, worker)
    }
    await compare('after the snapshot')
    for (const statement of changes)
      await server.query(statement.replace(/^ALTER TABLE (\w+) .*/, '$&; ALTER TABLE copy.$1 ADD COLUMN loyalty numeric(8,3)'))
    await compare('after the changes')
  })

test("topics that Millrace wrote are read by Kafka's console consumer and by Kafka Connect's file sink", { skip }, async () => {
  await using server = await pagila()
  await using worker = await startWorker('to-files')
  await run(worker, 'rental-plain', { ...source(server, 'plain'), ...plainJson, 'decimal.handling.mode': 'string' })
  const rows = (await server.query(
    'SELECT payment_id, payment_date, amount::text FROM payment ORDER BY payment_id',
  )) as unknown as Payment[]
  const records = await new KafkaTools(kafka.bootstrap).consume('plain.public.payment', { max: rows.length })
  const read = records.map(({ key, value }) => ({ key: JSON.parse(String(key)), after: JSON.parse(String(value)).after as Payment }))
  const amounts = (payments: readonly Payment[]) => payments.map(({ payment_id, amount }) => `${payment_id}: ${amount}`).sort()
  assert.deepEqual(amounts(read.map(({ after }) => after)), amounts(rows))
  for (const { key, after } of read) assert.deepEqual(key, { payment_date: after.payment_date, payment_id: after.payment_id })

  const file = join(folder, 'payments')
  const text = 'org.apache.kafka.connect.storage.StringConverter'
  const sink = {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector',
    file,
    'value.converter': text,
    'key.converter': text,
  }
  await connect.create('files', { ...sink, topics: 'plain.public.payment' })
  await settles(async () => ((await linesOf(file)).length < rows.length ? ['lines are missing'] : []), 'the file', worker)
  assert.deepEqual((await linesOf(file)).toSorted(), records.map(({ value }) => String(value)).sort())
  await connect.remove('files')
})

test('topics without schemas that Debezium wrote on Kafka Connect are read line by line', { skip }, async (t) => {
  await using server = await pagila()
  await connect.create('debezium-plain', { ...source(server, 'dplain'), ...plainJson, 'decimal.handling.mode': 'string' })
  t.after(() => connect.remove('debezium-plain'))
  await using worker = await startWorker('to-lines')
  const file = join(folder, 'changes')
  const sink = { 'connector.class': 'FileStreamSink', file, topics: 'dplain.public.payment', format: 'json', ...plainJson }
  await run(worker, 'lines', { ...sink, 'flush.interval.ms': '200', 'consumer.override.metadata.max.age.ms': '1000' })
  await server.query('DELETE FROM payment WHERE payment_id % 2 = 0')
  const changes = async () =>
    (await linesOf(file)).map((line) => JSON.parse(line) as { value: { op: string; after: Payment | null } | null })
  const rows = (await server.query('SELECT payment_id, amount::text FROM payment')) as unknown as Payment[]
  const total = 1500 + 2 * (1500 - rows.length)
  await settles(
    async () => ((await changes()).length < total ? [`${(await changes()).length} of ${total} changes`] : []),
    'the file',
    worker,
  )
  const found = await changes()
  const count = (op: string | undefined) => found.filter(({ value }) => value?.op === op).length
  assert.deepEqual([count('r'), count('d'), count(undefined)], [1500, 1500 - rows.length, 1500 - rows.length])
  const read = new Map(found.flatMap(({ value }) => (value?.after ? [[value.after.payment_id, value.after.amount] as const] : [])))
  assert.deepEqual(rows.filter((row) => read.get(row.payment_id) !== row.amount), []) // prettier-ignore
})

interface Payment {
  readonly payment_id: number
  readonly payment_date: string
  readonly amount: string
}

const changes = [
  `UPDATE film SET title = title || ' (cut)', special_features = array_append(special_features, 'new, "quoted"') WHERE film_id % 13 = 0`,
  `UPDATE actor SET actor_id = actor_id + 1000 WHERE actor_id > 195 AND NOT EXISTS (SELECT FROM film_actor WHERE film_actor.actor_id = actor.actor_id)`,
  `DELETE FROM film_actor WHERE film_id % 3 = 0`,
  `UPDATE payment SET payment_date = payment_date + interval '1 month' WHERE payment_id % 5 = 0`,
  `DELETE FROM payment WHERE payment_id % 17 = 0`,
  `ALTER TABLE customer ADD COLUMN loyalty numeric(8,3)`,
  `UPDATE customer SET loyalty = customer_id / 8.0, preferences = NULL WHERE customer_id < 20`,
  `BEGIN; INSERT INTO category (name) VALUES ('kept'); SAVEPOINT a; INSERT INTO category (name) VALUES ('rolled back'); ROLLBACK TO a; COMMIT`,
  `UPDATE staff SET picture = '\\x00', ip = 'fe80::1/64', badge = gen_random_uuid() WHERE staff_id = 2`,
]

const jsonConverter = 'org.apache.kafka.connect.json.JsonConverter'
const plainJson = {
  'key.converter': jsonConverter,
  'key.converter.schemas.enable': 'false',
  'value.converter': jsonConverter,
  'value.converter.schemas.enable': 'false',
}

/** Millrace's converters of the format. JsonConverter writes and reads a column's default in place of a null unless it is told not to. */
function converters(format: Format): Record<string, string> {
  if (format === 'json') return { 'value.converter': jsonConverter, 'value.converter.replace.null.with.default': 'false' }
  const avro = 'io.confluent.connect.avro.AvroConverter'
  const keys = ['key', 'value'].flatMap((side) => [[`${side}.converter`, avro], [`${side}.converter.schema.registry.url`, registry.url]]) // prettier-ignore
  return Object.fromEntries(keys) as Record<string, string>
}

/** The same for Kafka Connect. */
function peerConverters(format: Format): Record<string, string> {
  return format === 'avro' ? avroConverters(registry.url) : converters('json')
}

/** The same config for Debezium and for Millrace. */
function source(server: PostgresServer, prefix: string): Record<string, string> {
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    ...server.connectorConfig(),
    'topic.prefix': prefix,
    'plugin.name': 'pgoutput',
    'slot.name': prefix,
    'publication.name': prefix,
    'publication.autocreate.mode': 'filtered',
    'publish.via.partition.root': 'true',
    'table.include.list': tables.map((table) => `public.${table}`).join(','),
    'topic.creation.default.partitions': '1',
    'topic.creation.default.replication.factor': '1',
  }
}

async function pagila(): Promise<PostgresServer> {
  const server = await startPostgres()
  await server.query(readFileSync(join(import.meta.dirname, '../fixtures/pagila.sql'), 'utf8'))
  // Java's Avro converter writes a column's default in place of a null, as Connect's Struct.get gives it; here that is 1970.
  await server.query(`UPDATE customer SET last_update = '2022-02-15' WHERE last_update IS NULL`)
  return server
}

async function startWorker(name: string): Promise<WorkerProcess> {
  return await WorkerProcess.start(await mkdtemp(join(folder, `${name}-`)), { 'bootstrap.servers': kafka.bootstrap })
}

async function run(worker: WorkerProcess, name: string, config: Readonly<Record<string, string>>): Promise<void> {
  await worker.call('POST', '/connectors', { name, config })
  await worker.running(name, 60_000)
}

async function kafkaTopics(): Promise<readonly string[]> {
  return await kafka.admin((admin) => admin.listTopics())
}

async function linesOf(file: string): Promise<readonly string[]> {
  return (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
}

/** Rows that only one of the table and its copy has. */
async function copyDifferences(server: PostgresServer, table: string, sink: string): Promise<readonly string[]> {
  const status = await connect.status(sink)
  const failed = status?.tasks.find((task) => task.state === 'FAILED')
  if (failed !== undefined) throw new Error(`${sink} failed: ${failed.trace}`)
  const minus = (left: string, right: string) =>
    `SELECT '${left}' || t::text AS row FROM ${left}.${table} t EXCEPT SELECT '${left}' || t::text FROM ${right}.${table} t`
  return (await server.query(`(${minus('public', 'copy')}) UNION ALL (${minus('copy', 'public')})`)).map(({ row }) => String(row))
}

/** Waits until there are no differences; fails with the first of them after a minute, or when a task of the worker failed. */
async function settles(find: () => Promise<readonly string[]>, what: string, worker: WorkerProcess): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await sleep(300)) {
    // A table that is not there yet is a difference, too.
    const found = await find().catch((error: Error) => [error.message])
    if (found.length === 0) return
    const states = JSON.stringify(await worker.call('GET', '/connectors?expand=status'))
    if (Date.now() > deadline || states.includes('FAILED')) assert.fail(`${what}: ${found.slice(0, 4).join('\n')}\n${states}\n${worker.log.slice(-3000)}`) // prettier-ignore
  }
}
