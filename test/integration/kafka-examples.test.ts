import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { Judge, judgeMissing } from '../judge.ts'
import { KafkaTools, type ConsoleRecord } from '../kafka-tools.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../kafka.ts'
import { currentLsn, differences } from '../mirror.ts'
import { startPostgres, type PostgresServer } from '../postgres.ts'
import { registrySkip, startRegistry } from '../registry.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const examples = join(import.meta.dirname, '../../config/examples')

interface Example {
  readonly name: string
  readonly config: Readonly<Record<string, string>>
}

const example = (file: string): Example => JSON.parse(readFileSync(join(examples, `${file}.json`), 'utf8')) as Example

/** POSTs an example as it is, but for addresses and paths. */
async function post(worker: WorkerProcess, file: string, changes: Readonly<Record<string, string>> = {}): Promise<string> {
  const { name, config } = example(file)
  await worker.call('POST', '/connectors', { name, config: { ...config, ...changes } })
  return name
}

async function kafkaWorker(t: TestContext, kafka: TestKafka): Promise<{ readonly worker: WorkerProcess; readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-examples-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(examples, 'worker-kafka.json')
  const worker = await WorkerProcess.start(folder, { 'bootstrap.servers': kafka.bootstrap }, { file, env: { PGPASSWORD: 'choose-one' } })
  return { worker, folder }
}

/** A database that is set up by the README's SQL, with a table of orders. */
async function shop(): Promise<PostgresServer> {
  const server = await startPostgres()
  await server.query('CREATE DATABASE shop')
  await server.query(
    `CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10,2), placed timestamptz); INSERT INTO orders SELECT n, n * 1.1, now() FROM generate_series(1, 500) n;
     CREATE ROLE millrace LOGIN REPLICATION PASSWORD 'choose-one'; GRANT CONNECT, CREATE ON DATABASE shop TO millrace; GRANT USAGE ON SCHEMA public TO millrace;
     ALTER TABLE orders OWNER TO millrace`,
    'shop',
  )
  return server
}

/** One broker for the tests whose topics have names of their own. */
let broker: Promise<TestKafka> | undefined
const shared = (): Promise<TestKafka> => (broker ??= startKafka({ own: true }))
after(async () => {
  await (await broker)?.stop()
})

const committed = async (kafka: TestKafka, topic: string): Promise<readonly ConsoleRecord[]> =>
  new KafkaTools(kafka.bootstrap).consume(topic, { idleMs: 6_000 })

async function counted(t: TestContext, kafka: TestKafka, topic: string, least: number): Promise<void> {
  let count = 0
  await waitFor(
    async () => {
      const ends = await kafka.admin((admin) => admin.fetchTopicOffsets(topic)).catch(() => [])
      count = ends.reduce((total, { high }) => total + Number(high), 0)
      return count >= least
    },
    60_000,
    () => `${topic} has ${count} offsets`,
  )
  t.diagnostic(`${topic}: ${count} offsets`)
}

test(
  'the events pipeline: valid ones are enriched, large ones go to a topic of their own, bad ones to the dead letters, the rest to the lake',
  { skip: kafkaSkip() },
  async (t) => {
    await using judge = Judge.open()
    if (!judge) return t.skip(judgeMissing)
    const kafka = await shared()
    const { worker, folder } = await kafkaWorker(t, kafka)
    await using _ = worker
    await post(worker, 'shop-events', { count: '4000', rate: '0' })
    await post(worker, 'shop-events-sort')
    const lake = await post(worker, 'shop-events-to-lake', { path: join(folder, 'lake'), 'flush.interval.ms': '200' })
    await worker.running(lake)

    const parse = (records: readonly ConsoleRecord[]) =>
      records.map(({ value }) => (JSON.parse(value!.toString()) as { payload: Record<string, unknown> }).payload)
    let sorted = { clean: 0, high: 0, rejected: 0 }
    await waitFor(
      async () => {
        const offsets = (await worker.call('GET', '/connectors/shop-events-sort/offsets')).offsets as { offset: { kafka_offset: number } }[]
        return (offsets[0]?.offset.kafka_offset ?? 0) >= 4000
      },
      60_000,
      () => worker.log.slice(-3000),
    )
    const [clean, high, rejected] = [
      await committed(kafka, 'orders-clean'),
      await committed(kafka, 'orders-high-value'),
      await committed(kafka, 'orders-rejected'),
    ]
    sorted = { clean: clean.length, high: high.length, rejected: rejected.length }
    t.diagnostic(JSON.stringify(sorted))
    assert.equal(sorted.clean + sorted.high + sorted.rejected, 4000, 'every event is in exactly one place')
    assert.ok(sorted.high > 0 && sorted.rejected > 0)
    const event = parse(clean)[0]!
    assert.equal(event['checked_by'], 'shop-events-sort')
    assert.equal(event['came_from'], 'orders')
    const letter = rejected[0]!
    assert.equal(
      (JSON.parse(letter.value!.toString()) as { payload: Record<string, unknown> }).payload['currency'],
      'JPY',
      'the original event',
    )
    const headers = new Map(letter.headers.map(([name, value]) => [name, value?.toString()]))
    assert.equal(headers.get('__connect.errors.topic'), 'orders')
    assert.equal(headers.get('__connect.errors.stage'), 'TRANSFORMATION')
    assert.match(headers.get('__connect.errors.exception.message') ?? '', /currency.*JPY|JPY.*currency/)

    await waitFor(
      async () =>
        Number(
          (await judge.readTable(join(folder, 'lake/orders-clean'), { sql: 'SELECT count(*) AS n FROM t' }).catch(() => []))[0]?.['n'],
        ) === sorted.clean,
      60_000,
      () => worker.log.slice(-3000),
    )
  },
)

test('Kafka to Kafka, routed by a field, exactly once', { skip: kafkaSkip() }, async (t) => {
  await using kafka = await startKafka({ own: true })
  await kafka.topic('orders', 3)
  const { worker } = await kafkaWorker(t, kafka)
  await using _ = worker
  await post(worker, 'shop-events', { count: '1500', rate: '0' })
  await post(worker, 'kafka-to-kafka')
  const currencies = ['EUR', 'USD', 'GBP', 'JPY', 'CHF']
  for (const currency of currencies) await counted(t, kafka, `orders-${currency}`, 100)
  await waitFor(
    async () => {
      const { offsets } = (await worker.call('GET', '/connectors/orders-by-currency/offsets')) as {
        offsets: { offset: { kafka_offset: number } }[]
      }
      return offsets.reduce((total, { offset }) => total + offset.kafka_offset, 0) >= 1500
    },
    60_000,
    () => worker.log.slice(-3000),
  )
  const all = await committed(kafka, currencies.map((currency) => `orders-${currency}`).join('|'))
  const ids = all.map(({ value }) => (JSON.parse(value!.toString()) as { payload: { id: number } }).payload.id)
  assert.equal(ids.length, 1500)
  assert.equal(new Set(ids).size, 1500)
})

test('Postgres to Kafka, and from there into a lake that equals the database', { skip: kafkaSkip() }, async (t) => {
  await using judge = Judge.open()
  if (!judge) return t.skip(judgeMissing)
  const kafka = await shared()
  await using server = await shop()
  const { worker, folder } = await kafkaWorker(t, kafka)
  await using _ = worker
  const up = await post(worker, 'postgres-to-kafka', { 'database.port': String(server.port) })
  await worker.passed(up, 0)
  await server.query('UPDATE orders SET total = 0 WHERE id % 10 = 0; DELETE FROM orders WHERE id % 50 = 0', 'shop')
  await worker.passed(up, await currentLsn(server, 'shop'))
  const down = await post(worker, 'kafka-to-delta', { path: join(folder, 'lake'), 'flush.interval.ms': '200' })
  await waitFor(
    async () =>
      (await differences(server, judge, 'orders', join(folder, 'lake/public/orders'), 'shop').catch(() => ['not yet'])).length === 0,
    60_000,
    () => `${down}: ${worker.log.slice(-3000)}`,
  )
})

test('Postgres to Kafka in Avro, with a schema registry, and into a lake', { skip: kafkaSkip() || registrySkip() }, async (t) => {
  await using judge = Judge.open()
  if (!judge) return t.skip(judgeMissing)
  const kafka = await shared()
  await using registry = await startRegistry()
  await using server = await shop()
  const { worker, folder } = await kafkaWorker(t, kafka)
  await using _ = worker
  const registered = { 'key.converter.schema.registry.url': registry.url, 'value.converter.schema.registry.url': registry.url }
  const up = await post(worker, 'postgres-to-kafka-avro', { 'database.port': String(server.port), ...registered })
  await worker.passed(up, 0)
  await server.query('ALTER TABLE orders ADD COLUMN note text; UPDATE orders SET note = $$changed$$ WHERE id % 10 = 0', 'shop')
  await worker.passed(up, await currentLsn(server, 'shop'))
  const { config } = example('postgres-to-kafka-avro')
  const down = await post(worker, 'kafka-to-delta', {
    'topics.regex': 'shopavro\\.public\\..*',
    path: join(folder, 'lake'),
    'flush.interval.ms': '200',
    'key.converter': config['key.converter']!,
    'value.converter': config['value.converter']!,
    ...registered,
  })
  await waitFor(
    async () =>
      (await differences(server, judge, 'orders', join(folder, 'lake/public/orders'), 'shop').catch(() => ['not yet'])).length === 0,
    60_000,
    () => `${down}: ${worker.log.slice(-3000)}`,
  )
})
