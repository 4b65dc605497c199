import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Judge, judgeMissing } from '../judge.ts'
import { KafkaTools, type ConsoleRecord } from '../kafka-tools.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../kafka.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

/** Written after everything else has happened. */
const lastly = 3_000
const rate = 1_500
const topic = 'events'
const down = 'events-to-lake'

test(
  'the broker is killed twice, a foreign consumer joins the group and leaves, partitions are added: every record is there once',
  { skip: kafkaSkip(true), timeout: 300_000 },
  async (t) => {
    await using judge = Judge.open()
    if (!judge) return t.skip(judgeMissing)
    await using kafka = await startKafka({ own: true })
    await kafka.topic(topic, 3)
    const folder = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await using worker = await WorkerProcess.start(folder, { 'bootstrap.servers': kafka.bootstrap })
    await worker.call('POST', '/connectors', { name: 'events', config: upConfig })
    await worker.call('POST', '/connectors', { name: down, config: downConfig(folder) })
    await worker.running('events')

    await sleep(2_000)
    await crash(kafka)
    await sleep(1_000)
    await kafka.admin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] }))
    // A restarted broker remembers of each member only the assignor that the group used, and turns visitors away that do not know it, until
    // the members join anew. The new partitions make them.
    await waitFor(
      () => dealt(worker.log) === 5,
      60_000,
      () => worker.log.slice(-4_000),
    )
    await visit(kafka)
    await sleep(2_000)
    await crash(kafka)

    const records = await limit(worker)
    await waitFor(
      async () => {
        const [state] = (await worker.call('GET', '/api/v1/connectors/events/progress')).tasks
        return state?.phase?.startsWith('done') ?? false
      },
      120_000,
      () => worker.log.slice(-4_000),
    )
    let ids: number[] = []
    // On a busy machine the consumer's patience may end before it has joined its group.
    for (const idleMs of [6_000, 20_000, 60_000]) {
      ids = []
      const each = ({ value }: ConsoleRecord) => void ids.push((JSON.parse(value!.toString()) as { payload: { id: number } }).payload.id)
      await new KafkaTools(kafka.bootstrap).consume(topic, { idleMs, each })
      if (ids.length >= records) break
    }
    assert.equal(ids.length, records, 'records in the topic')
    assert.equal(new Set(ids).size, records, 'each of them once')
    const partitions = await kafka.admin((admin) => admin.fetchTopicOffsets(topic))
    assert.ok(partitions.filter(({ partition, high }) => partition >= 3 && Number(high) > 0).length > 0, 'the new partitions were used')

    const lake = join(folder, 'lake', topic)
    let seen: unknown
    await waitFor(
      async () => {
        const [row] = await judge.readTable(lake, { sql: 'SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t' }).catch(() => [])
        seen = row
        return Number(row?.['n']) >= records
      },
      90_000,
      () => `the lake has ${JSON.stringify(seen)}: ${worker.log.slice(-4_000)}`,
    )
    assert.deepEqual(seen, { n: records, ids: records })
  },
)

const upConfig = {
  'connector.class': 'datagen',
  topic,
  rate: String(rate),
  'exactly.once.support': 'required',
  'producer.override.metadata.max.age.ms': '1000',
}

function downConfig(folder: string): Record<string, string> {
  return {
    'connector.class': 'delta',
    topics: topic,
    'tasks.max': '2',
    path: join(folder, 'lake'),
    mode: 'append',
    'flush.interval.ms': '300',
    'consumer.override.metadata.max.age.ms': '1000',
    'consumer.override.session.timeout.ms': '6000',
    'consumer.override.isolation.level': 'read_committed',
  }
}

/** Records come for as long as the machine takes for the faults; this lets them end. How many there are to be. */
async function limit(worker: WorkerProcess): Promise<number> {
  const state = async () => (await worker.call('GET', '/connectors/events/status')).tasks[0]?.state
  await worker.call('PUT', '/connectors/events/pause')
  await waitFor(
    async () => (await state()) === 'PAUSED',
    60_000,
    () => worker.log.slice(-4_000),
  )
  const { offsets } = await worker.call('GET', '/connectors/events/offsets')
  const count = (offsets[0].offset.records as number) + lastly
  await worker.call('PUT', '/connectors/events/config', { ...upConfig, count: String(count) })
  await worker.call('PUT', '/connectors/events/resume')
  return count
}

/** Partitions that the tasks got in the last generation of their group that the log tells of. */
function dealt(log: string): number {
  const joins = [...log.matchAll(/"generation":(\d+),"leader":\w+,"partitions":(\d+)/g)].map(([, generation, count]) => [
    Number(generation),
    Number(count),
  ])
  const last = Math.max(...joins.map(([generation]) => generation!))
  return joins.reduce((sum, [generation, count]) => (generation === last ? sum + count! : sum), 0)
}

/** SIGKILL, a moment of nothing, and back. */
async function crash(kafka: TestKafka): Promise<void> {
  await kafka.kill()
  await sleep(500)
  await kafka.start()
}

/** Kafka's own consumer shares the connector's partitions for a moment, takes records, commits none, and goes. */
async function visit(kafka: TestKafka): Promise<void> {
  let [taken, said] = ['', '']
  await new KafkaTools(kafka.bootstrap).run('consumer.ConsoleConsumer', {
    args: [
      '--topic',
      topic,
      '--group',
      `connect-${down}`,
      '--max-messages',
      '50',
      '--timeout-ms',
      '30000',
      '--command-property',
      'enable.auto.commit=false',
      '--command-property',
      'session.timeout.ms=6000',
    ],
    output: (child) => {
      child.stdout!.on('data', (text: Buffer) => (taken += text.toString()))
      child.stderr!.on('data', (text: Buffer) => (said += text.toString()))
    },
  })
  assert.equal(taken.trim().split('\n').length, 50, `the visitor got partitions, and their records: ${said}`)
}
