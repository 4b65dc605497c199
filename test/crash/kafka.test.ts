import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Judge, judgeMissing } from '../judge.ts'
import { KafkaTools, type ConsoleRecord } from '../kafka-tools.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../kafka.ts'
import { currentLsn, differences } from '../mirror.ts'
import { startPostgres, type PostgresServer } from '../postgres.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

/** Changes that are written; a million with MILLRACE_CRASH_RECORDS=1000000 (`npm run soak`). */
const records = Number(process.env['MILLRACE_CRASH_RECORDS'] ?? 60_000)
const snapshotRows = records / 4
const killsMin = records >= 1_000_000 ? 20 : 10
const partitions = 4
/** Over how long the writing is spread, at least. */
const writingMs = 15_000
const topic = 'shop.public.orders'

test(
  `${records} changes go from Postgres through Kafka into Delta while both workers are killed ${killsMin} times: every row once, for every reader`,
  { skip: kafkaSkip(true), timeout: 3_600_000 },
  async (t) => {
    await using judge = Judge.open()
    if (!judge) return t.skip(judgeMissing)
    await using kafka = await startKafka({ own: true })
    await using server = await startPostgres({ settings: { max_wal_size: "'4GB'" } })
    await server.query(
      'CREATE TABLE orders (id bigint PRIMARY KEY, customer int, total numeric(12,2), note text, changed timestamptz DEFAULT clock_timestamp())',
    )
    await server.query(`INSERT INTO orders SELECT g, g % 1000, g * 1.01, 'n' || g FROM generate_series(1, ${snapshotRows}) g`)
    const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-crash-'))
    t.after(() => rm(folder, { recursive: true, force: true }))

    const settings = { 'bootstrap.servers': kafka.bootstrap }
    await using reader = await WorkerProcess.start(join(folder), { ...settings, 'store.path': join(folder, 'up.db') })
    await using writer = await WorkerProcess.start(join(folder), { ...settings, 'store.path': join(folder, 'down.db') })
    await reader.call('POST', '/connectors', { name: 'shop-to-kafka', config: upConfig(server) })
    for (const mode of ['upsert', 'append']) await writer.call('POST', '/connectors', { name: mode, config: downConfig(mode, folder) })

    // First in the snapshot, then while changes are written.
    const kills = { reader: 0, writer: 0 }
    for (; kills.reader < 3; kills.reader++) {
      await sleep(300 + Math.random() * 700)
      await reader.kill()
      await reader.restart()
    }
    await reader.passed('shop-to-kafka', 0, 180_000)
    let writing = true
    const written = write(server).finally(() => (writing = false))
    const harass = async (name: 'reader' | 'writer', worker: WorkerProcess) => {
      while (writing || kills[name] < killsMin) {
        await sleep(200 + Math.random() * 1300)
        await worker.kill()
        kills[name]++
        await worker.restart()
      }
    }
    const [, , changes] = await Promise.all([harass('reader', reader), harass('writer', writer), written])
    t.diagnostic(`${kills.reader} kills of the reading worker, ${kills.writer} of the writing one`)

    await reader.passed('shop-to-kafka', await currentLsn(server), 180_000)
    let seen = await readCommitted(kafka, 5_000)
    // On a busy machine the consumer's patience may end before it has joined its group.
    if (seen.changes < snapshotRows + changes) seen = await readCommitted(kafka, 60_000)
    t.diagnostic(`${seen.total} records in the topic`)
    assert.equal(seen.twice.length, 0, `a read_committed consumer saw twice: ${seen.twice.slice(0, 5).join(', ')}`)
    assert.equal(seen.changes, snapshotRows + changes, 'every change that was made is in the topic')
    for (const mode of ['upsert', 'append']) await caughtUp(writer, kafka, mode)
    assert.deepEqual(await differences(server, judge, 'orders', join(folder, 'upsert/public/orders')), [])
    const [log] = await judge.readTable(join(folder, 'append/public/orders'), {
      sql: `SELECT count(*) AS rows, count(DISTINCT concat("__op", '/', CAST("__lsn" AS STRING), '/', CAST(id AS STRING))) AS places FROM t`,
    })
    assert.deepEqual({ rows: Number(log!['rows']), places: Number(log!['places']) }, { rows: seen.changes, places: seen.changes })
  },
)

function upConfig(server: PostgresServer): Record<string, string> {
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    ...server.connectorConfig(),
    'topic.prefix': 'shop',
    'publication.autocreate.mode': 'filtered',
    'exactly.once.support': 'required',
    'topic.creation.default.partitions': String(partitions),
    'topic.creation.default.replication.factor': '1',
    'producer.override.compression.type': 'lz4',
    'tombstones.on.delete': 'true',
  }
}

function downConfig(mode: string, folder: string): Record<string, string> {
  return {
    'connector.class': 'delta',
    topics: topic,
    'tasks.max': '2',
    path: join(folder, mode),
    mode,
    'flush.interval.ms': '500',
    'consumer.override.isolation.level': 'read_committed',
    'consumer.override.session.timeout.ms': '6000',
    'consumer.override.metadata.max.age.ms': '1000',
  }
}

/** Inserts, updates, deletes and changed keys, in transactions of all sizes, from three sessions; how many changes that was. */
async function write(server: PostgresServer): Promise<number> {
  const each = Math.ceil((records - snapshotRows) / 3)
  const made = await Promise.all(
    [1, 2, 3].map(async (session) => {
      let made = 0
      let low = session * 100_000_000
      while (made < each) {
        const rows = 1 + Math.floor(Math.random() * 400)
        await server.query(
          `INSERT INTO orders (id, customer, total, note) SELECT g, g % 997, (g % 100000) * 0.07, 'session ${session}' FROM generate_series(${low}, ${low + Math.ceil(rows / 2)}) g;
           UPDATE orders SET total = total + 1, changed = clock_timestamp() WHERE id BETWEEN ${low} AND ${low + Math.floor(rows / 4)};
           DELETE FROM orders WHERE id BETWEEN ${low} AND ${low + Math.floor(rows / 8)};
           UPDATE orders SET id = -id WHERE id = ${low + Math.ceil(rows / 2)}`,
        )
        low += rows + 1
        // A changed key is a delete and an insert.
        made += Math.ceil(rows / 2) + 1 + Math.floor(rows / 4) + 1 + Math.floor(rows / 8) + 1 + 2
        await sleep((Math.random() * 2 * writingMs) / (each / 180))
      }
      return made
    }),
  )
  return made.reduce((total, one) => total + one, 0)
}

/** Reads the whole topic with Kafka's own consumer, read_committed: what is there twice, and how many changes there are. */
async function readCommitted(kafka: TestKafka, idleMs: number): Promise<{ total: number; changes: number; twice: string[] }> {
  const places = new Set<string>()
  const twice: string[] = []
  let total = 0
  let changes = 0
  const each = ({ value }: ConsoleRecord): void => {
    total++
    if (value === null) return
    changes++
    const { payload } = JSON.parse(value.toString()) as Event
    const place = `${payload.op}/${payload.source.lsn}/${(payload.after ?? payload.before)!.id}`
    if (places.has(place)) twice.push(place)
    places.add(place)
  }
  await new KafkaTools(kafka.bootstrap).consume(topic, { readCommitted: true, idleMs, each })
  return { total, changes, twice }
}

interface Event {
  readonly payload: {
    readonly op: string
    readonly source: { readonly lsn: number }
    readonly after: { readonly id: number } | null
    readonly before: { readonly id: number } | null
  }
}

/** Waits until the group's committed offsets have reached the ends of the topic. */
async function caughtUp(worker: WorkerProcess, kafka: TestKafka, connector: string): Promise<void> {
  const ends = await kafka.admin((admin) => admin.fetchTopicOffsets(topic))
  let at: unknown
  await waitFor(
    async () => {
      const status = await worker.call('GET', `/connectors/${connector}/status`)
      const failed = status.tasks.find(
        (task: { state: string; trace?: string }) => task.state === 'FAILED' && !task.trace?.includes('starts again'),
      )
      if (failed) throw new Error(`${connector} FAILED: ${failed.trace}`)
      at = (await worker.call('GET', `/connectors/${connector}/offsets`)).offsets
      const positions = new Map(
        (at as { partition: { kafka_partition: number }; offset: { kafka_offset: number } }[]).map(({ partition, offset }) => [
          Number(partition.kafka_partition),
          Number(offset.kafka_offset),
        ]),
      )
      return ends.every(({ partition, high }) => (positions.get(partition) ?? 0) >= Number(high))
    },
    180_000,
    () => `${connector} is at ${JSON.stringify(at)}, the ends are ${JSON.stringify(ends)}:\n${worker.log.slice(-4000)}`,
  )
}
