import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KafkaSinkTask } from '../../../../connectors/kafka/sink/task.ts'
import { kafkaSinkConfig } from '../../../../connectors/kafka/sink/config.ts'
import { DataError, parseConfig, record, type ConnectRecord, type TaskContext } from '../../../../core/index.ts'
import { taskContext } from '../../../../testing/index.ts'
import { converterOf } from '../../../core/converter/convert.ts'
import { FakeCluster } from './fake-cluster.ts'

const kill = new AbortController().signal
const text = converterOf('string', {})

function task(cluster: FakeCluster, raw: Record<string, string> = {}, context: Partial<TaskContext> = {}): KafkaSinkTask {
  const given = { 'bootstrap.servers': 'fake:1', 'retry.backoff.ms': '1', 'retry.backoff.max.ms': '5', ...raw }
  const { config, issues } = parseConfig(kafkaSinkConfig, given)
  assert.deepEqual(issues, [])
  const converters = { key: text, value: text, header: converterOf('simple') }
  return new KafkaSinkTask(config, taskContext({ converters, ...context }), async () => cluster.client())
}

const numbered = (topic: string, from: number, to: number, partition: number | null = 0): ConnectRecord[] =>
  Array.from({ length: to - from + 1 }, (_, n) => record(topic, String(from + n), { partition }))

const numbers = (to: number) => Array.from({ length: to }, (_, n) => String(n + 1))

test('what brokers and the network do in between, each partition has every record once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 60 }), fc.boolean(), async (seed, percent, small) => {
      const cluster = new FakeCluster()
      cluster.topics.set('t', 3)
      let dice = seed
      const next = () => (dice = (Math.imul(dice, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x7fffffff
      cluster.fault = () => {
        if (next() * 100 >= percent) return undefined
        const kinds = ['before', 'after', 6, 7, 19, 3] as const
        return kinds[Math.floor(next() * kinds.length)]
      }
      await using sink = task(cluster, { 'batch.size': small ? '64' : '262144', 'max.request.size': '1024' })
      await sink.open()
      const puts = 12
      for (let put = 0; put < puts; put++) {
        const records = [0, 1, 2].flatMap((partition) => numbered('t', put * 5 + 1, put * 5 + 5, partition))
        await sink.put(records, kill)
        if (next() < 0.3) await sink.flush({}, kill)
      }
      await sink.flush({}, kill)
      for (const partition of [0, 1, 2]) assert.deepEqual(cluster.values('t', partition), numbers(puts * 5))
    }),
    { numRuns: 15 },
  )
})

test('a record is on its way before the next one is put, and what arrives meanwhile is gathered', async () => {
  const cluster = new FakeCluster()
  cluster.topics.set('t', 1)
  cluster.delayMs = 20
  await using sink = task(cluster)
  await sink.open()
  await sink.put(numbered('t', 1, 1), kill)
  assert.equal(cluster.requests, 1)
  for (let n = 2; n <= 100; n++) await sink.put(numbered('t', n, n), kill)
  await sink.flush({}, kill)
  assert.deepEqual(cluster.values('t', 0), numbers(100))
  assert.ok(cluster.requests <= 10, `${cluster.requests} requests for 100 records`)
  assert.ok(cluster.underWayMost <= 5)
})

test('a set that is too large is divided until the record alone is refused, and the others pass in order', async () => {
  const cluster = new FakeCluster()
  cluster.topics.set('t', 1)
  cluster.batchBytesMax = 400
  const refused: ConnectRecord[] = []
  await using sink = task(
    cluster,
    {},
    {
      reject: async (one, error) => {
        assert.ok(error instanceof DataError)
        assert.match(error.message, /more than topic t takes; raise its max.message.bytes/)
        refused.push(one)
      },
    },
  )
  await sink.open()
  const long = record('t', 'x'.repeat(1000), { partition: 0 })
  await sink.put([...numbered('t', 1, 40), long, ...numbered('t', 41, 80)], kill)
  await sink.put(numbered('t', 81, 120), kill)
  await sink.flush({}, kill)
  assert.deepEqual(refused, [long])
  assert.deepEqual(cluster.values('t', 0), numbers(120))
})

test('a record larger than max.request.size is rejected by its size', async () => {
  const cluster = new FakeCluster()
  cluster.topics.set('t', 1)
  await using sink = task(cluster, { 'max.request.size': '2000' })
  await sink.open()
  await assert.rejects(
    sink.put([record('t', 'x'.repeat(3000))], kill),
    /A record for topic t has \d+ bytes, more than max.request.size=2000/,
  )
})

test('a broker that forgot the producer gets the records under a new identity, none twice', async () => {
  const cluster = new FakeCluster()
  cluster.topics.set('t', 1)
  await using sink = task(cluster)
  await sink.open()
  await sink.put(numbered('t', 1, 5), kill)
  await sink.flush({}, kill)
  let once = true
  cluster.fault = () => {
    if (!once) return undefined
    once = false
    cluster.forgetProducers()
    return 59
  }
  await sink.put(numbered('t', 6, 10), kill)
  await sink.flush({}, kill)
  assert.deepEqual(cluster.values('t', 0), numbers(10))
})

test('records stay queued beyond delivery.timeout.ms and are written when the broker is back', async () => {
  const cluster = new FakeCluster()
  cluster.topics.set('t', 1)
  cluster.fault = () => 'before'
  await using sink = task(cluster, { 'delivery.timeout.ms': '60', 'request.timeout.ms': '50' })
  await sink.open()
  await sink.put(numbered('t', 1, 5), kill)
  await assert.rejects(sink.flush({}, kill), {
    code: 'RETRIABLE',
    message: /partition 0 of topic t have not been written within delivery.timeout.ms=60/,
  })
  await assert.rejects(sink.put(numbered('t', 6, 6), kill), { code: 'RETRIABLE' })
  cluster.fault = () => undefined
  while (cluster.values('t', 0).length === 0) await new Promise((done) => setTimeout(done, 5))
  await sink.put(numbered('t', 6, 6), kill)
  await sink.flush({}, kill)
  assert.deepEqual(cluster.values('t', 0), numbers(6))
})

test('a topic whose name Kafka refuses costs its record only', async () => {
  const cluster = new FakeCluster()
  const refused: string[] = []
  await using sink = task(
    cluster,
    {},
    { reject: async (one, error) => void refused.push(`${one.topic.slice(0, 5)}: ${error.message.slice(0, 30)}`) },
  )
  await sink.open()
  await sink.put(
    [record('ok', '1'), record('no way', '2'), record('..', '3'), record('', '4'), record('x'.repeat(250), '5'), record('ok', '6')],
    kill,
  )
  await sink.flush({}, kill)
  assert.equal(refused.length, 4)
  assert.deepEqual([0, 1, 2].flatMap((partition) => cluster.values('ok', partition)).toSorted(), ['1', '6'])
})

test('a topic that is missing is created by the first group that its name matches', async () => {
  const cluster = new FakeCluster()
  const creation = {
    'topic.creation.groups': 'compacted',
    'topic.creation.default.partitions': '4',
    'topic.creation.default.replication.factor': '1',
    'topic.creation.compacted.include': 'state-.*, config',
    'topic.creation.compacted.exclude': 'state-x.*',
    'topic.creation.compacted.cleanup.policy': 'compact',
    'topic.creation.compacted.partitions': '1',
  }
  await using sink = task(cluster, { 'topic.creation': JSON.stringify(creation) })
  await sink.open()
  await sink.put(
    ['state-a', 'state-x1', 'config', 'orders'].map((topic) => record(topic, '1')),
    kill,
  )
  await sink.flush({}, kill)
  assert.deepEqual(
    cluster.created.map(({ name, partitions, replicationFactor, config }) => [name, partitions, replicationFactor, config]),
    [
      ['state-a', 1, 1, { 'cleanup.policy': 'compact' }],
      ['state-x1', 4, 1, {}],
      ['config', 1, 1, { 'cleanup.policy': 'compact' }],
      ['orders', 4, 1, {}],
    ],
  )
})

test('where topics may not be created, a missing one is named', async () => {
  const cluster = new FakeCluster()
  await using sink = task(cluster, { 'topic.creation.enable': 'false' })
  await sink.open()
  await assert.rejects(sink.put([record('absent', '1')], kill), { name: 'ConfigError', message: /Topic absent does not exist/ })
})

test('a fenced producer ends the task', async () => {
  const cluster = new FakeCluster()
  cluster.topics.set('t', 1)
  await using zombie = task(cluster, { 'exactly.once.support': 'required' })
  await zombie.open()
  await zombie.put(numbered('t', 1, 5), kill)
  await using winner = task(cluster, { 'exactly.once.support': 'required' })
  await winner.open()
  await assert.rejects(zombie.flush({ '{"a":1}': 5 }, kill), { code: 'FENCED' })
  assert.deepEqual(cluster.ends, [])
})
