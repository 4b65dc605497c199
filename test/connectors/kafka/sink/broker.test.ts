import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import plugin from '../../../../connectors/kafka/index.ts'
import { DataError, primitive, record, structOf, type ConnectRecord, type SinkTask, type TaskContext } from '../../../../core/index.ts'
import { sinkLaws, sinkOf, taskContext } from '../../../../testing/index.ts'
import { converterOf } from '../../../core/converter/convert.ts'
import { KafkaTools } from '../../../kafka-tools.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { makeTopic, readTopic } from './read-topic.ts'

const skip = kafkaSkip()
const kill = new AbortController().signal
let kafka: TestKafka

before(async () => {
  if (!skip) kafka = await startKafka()
})
after(() => kafka?.stop())

async function opened(raw: Record<string, string> = {}, context: Partial<TaskContext> = {}): Promise<SinkTask> {
  const text = converterOf('string')
  const converters = { key: text, value: text, header: converterOf('simple') }
  const task = await sinkOf(plugin, 'kafka', { 'bootstrap.servers': kafka.bootstrap, ...raw }, taskContext({ converters, ...context }))
  await task.open!()
  return task
}

test('keys land in the partitions where Java puts them', { skip }, async () => {
  const topic = await makeTopic(kafka.bootstrap, 7)
  const keys = ['a', 'b', 'key-17', 'größe', '', 'x'.repeat(100), ...Array.from({ length: 50 }, (_, n) => `k${n}`)]
  await new KafkaTools(kafka.bootstrap).produce(
    topic,
    keys.map((key) => ({ key, value: 'java' })),
  )
  await using sink = await opened()
  await sink.put(
    keys.map((key) => record(topic, 'ours', { key })),
    kill,
  )
  await sink.flush!({}, kill)
  const records = await readTopic(kafka.bootstrap, topic)
  const places = (value: string) => new Map(records.filter((one) => one.value === value).map(({ key, partition }) => [key, partition]))
  assert.equal(places('java').size, keys.length)
  assert.deepEqual([...places('ours')].toSorted(), [...places('java')].toSorted())
})

test('a record keeps the partition that it names, unless it was routed away from the topic it was read from', { skip }, async () => {
  const topic = await makeTopic(kafka.bootstrap, 3)
  const origin = { partition: `{"kafka_topic":"elsewhere","kafka_partition":2}`, position: 1, seq: 0 }
  await using sink = await opened()
  const routed = Array.from({ length: 30 }, (_, n) => record(topic, 'routed', { key: `k${n}`, partition: 2, origin }))
  await sink.put([record(topic, 'kept', { key: 'a', partition: 1 }), ...routed], kill)
  await assert.rejects(sink.put([record(topic, 'x', { partition: 3 })], kill), /partition 3 of topic .* which has 3 \(0 to 2\)/)
  await sink.flush!({}, kill)
  const records = await readTopic(kafka.bootstrap, topic)
  assert.deepEqual(
    records.filter(({ value }) => value === 'kept').map(({ partition }) => partition),
    [1],
  )
  assert.equal(new Set(records.filter(({ value }) => value === 'routed').map(({ partition }) => partition)).size, 3)
})

test('what a record carries is what Java reads: key, tombstone, headers, timestamp, in each compression', { skip }, async () => {
  const tools = new KafkaTools(kafka.bootstrap)
  const schema = primitive('string')
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
  const topics: string[] = []
  for (const codec of codecs) {
    const topic = await makeTopic(kafka.bootstrap)
    topics.push(topic)
    await using sink = await opened({ 'compression.type': codec })
    const headers = [
      { key: 'h', value: 'one', schema },
      { key: 'h', value: 'two', schema },
      { key: 'n', value: null, schema: null },
    ]
    await sink.put(
      [record(topic, `${codec} ${'long '.repeat(200)}`, { key: 'k', timestamp: 1234, headers }), record(topic, null, { key: 'k' })],
      kill,
    )
    await sink.flush!({}, kill)
    assert.equal((await readTopic(kafka.bootstrap, topic))[0]!.compression, codec)
  }
  const started = Date.now()
  const read = await tools.consume(topics.join('|'), { max: topics.length * 2 })
  for (const codec of codecs) {
    const one = read.find(({ value }) => value?.toString() === `${codec} ${'long '.repeat(200)}`)!
    assert.equal(one.timestamp, 1234)
    assert.equal(String(one.key), 'k')
    assert.deepEqual(
      one.headers.map(([key, value]) => [key, value === null ? null : value.toString()]),
      [
        ['h', 'one'],
        ['h', 'two'],
        ['n', null],
      ],
    )
  }
  const tombstones = read.filter(({ value }) => value === null)
  assert.equal(tombstones.length, codecs.length)
  assert.ok(
    tombstones.every(({ timestamp }) => Math.abs(timestamp - started) < 60_000),
    'a record without a timestamp has the time of writing',
  )
})

test('a missing topic is made as its group says, with its settings', { skip }, async () => {
  const name = `made-${process.hrtime.bigint()}`
  const creation = {
    'topic.creation.groups': 'mine',
    'topic.creation.default.partitions': '1',
    'topic.creation.default.replication.factor': '-1',
    'topic.creation.mine.include': 'made-.*',
    'topic.creation.mine.partitions': '5',
    'topic.creation.mine.cleanup.policy': 'compact',
    'topic.creation.mine.compression.type': 'zstd',
  }
  await using sink = await opened({ 'topic.creation': JSON.stringify(creation) })
  await sink.put([record(name, 'v', { key: 'k' })], kill)
  await sink.flush!({}, kill)
  await kafka.admin(async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    assert.equal(topics[0]!.partitions.length, 5)
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name }] })
    const setting = (key: string) => resources[0]!.configEntries.find(({ configName }) => configName === key)?.configValue
    assert.deepEqual([setting('cleanup.policy'), setting('compression.type')], ['compact', 'zstd'])
  })
})

test('one record that the topic refuses, or that no converter can turn, costs only itself', { skip }, async () => {
  const topic = await makeTopic(kafka.bootstrap, 1, { 'max.message.bytes': '20000' })
  const refused: [string | undefined, Error, ConnectRecord][] = []
  const numbers = {
    key: converterOf('string'),
    value: converterOf('IntegerConverter'),
    header: converterOf('simple'),
  }
  const reject: TaskContext['reject'] = async (one, error, stage) => void refused.push([stage, error, one])
  await using sink = await opened({}, { converters: numbers, reject })
  const int = primitive('int32')
  const ints = (from: number) => Array.from({ length: 500 }, (_, n) => record(topic, from + n, { valueSchema: int }))
  const wrong = record(topic, 'no number', { valueSchema: primitive('string') })
  const large = record(topic, 7, { valueSchema: int, key: 'k'.repeat(30_000) })
  await sink.put([...ints(0), wrong, large, ...ints(500)], kill)
  await sink.put(ints(1000), kill)
  await sink.flush!({}, kill)
  assert.deepEqual(
    refused.map(([stage, error, one]) => [stage, error instanceof DataError, one]),
    [
      ['VALUE_CONVERTER', true, wrong],
      [undefined, true, large],
    ],
  )
  assert.match(refused[1]![1].message, /more than topic .* takes; raise its max.message.bytes/)
  assert.equal((await readTopic(kafka.bootstrap, topic)).length, 1500)
})

test('a compacted topic refuses records without a key one by one', { skip }, async () => {
  const topic = await makeTopic(kafka.bootstrap, 1, { 'cleanup.policy': 'compact' })
  const refused: ConnectRecord[] = []
  await using sink = await opened({}, { reject: async (one) => void refused.push(one) })
  const keyless = record(topic, 'no key')
  await sink.put(
    [...Array.from({ length: 20 }, (_, n) => record(topic, 'v', { key: `k${n}` })), keyless, record(topic, 'v', { key: 'last' })],
    kill,
  )
  await sink.flush!({}, kill)
  assert.deepEqual(refused, [keyless])
  assert.equal((await readTopic(kafka.bootstrap, topic)).length, 21)
})

test('without a transaction records are seen at once; acks=1 and acks=0 work', { skip }, async () => {
  for (const acks of ['all', '1', '0']) {
    const topic = await makeTopic(kafka.bootstrap)
    await using sink = await opened({ acks })
    await sink.put(
      Array.from({ length: 100 }, (_, n) => record(topic, String(n))),
      kill,
    )
    await sink.flush!({}, kill)
    for (const until = Date.now() + 5000; (await readTopic(kafka.bootstrap, topic)).length < 100;) assert.ok(Date.now() < until)
    assert.deepEqual(
      (await readTopic(kafka.bootstrap, topic)).map(({ value }) => Number(value)),
      Array.from({ length: 100 }, (_, n) => n),
    )
  }
})

test('a value with a schema is written as the converter says, key and all', { skip }, async () => {
  const topic = await makeTopic(kafka.bootstrap)
  const json = converterOf('json', { 'schemas.enable': 'true' })
  await using sink = await opened({}, { converters: { key: json, value: json, header: converterOf('simple') } })
  const schema = structOf([['id', primitive('int64')]])
  await sink.put(
    [
      record(topic, { id: 5n }, { valueSchema: schema }),
      record(topic, null),
      record(topic, null, { valueSchema: { ...schema, optional: true } }),
    ],
    kill,
  )
  await sink.flush!({}, kill)
  const values = (await readTopic(kafka.bootstrap, topic)).map(({ value }) => value)
  assert.equal(
    values[0],
    '{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],"optional":false},"payload":{"id":5}}',
  )
  assert.equal(values[1], null)
  assert.match(values[2]!, /"payload":null\}$/)
})

if (!skip) {
  for (const once of [false, true]) {
    sinkLaws(
      once ? 'Kafka sink with transactions' : 'Kafka sink',
      async () => {
        const topic = await makeTopic(kafka.bootstrap, 2)
        const connector = `laws-${topic}`
        const raw = { 'bootstrap.servers': kafka.bootstrap, ...(once ? { 'exactly.once.support': 'required' } : {}) }
        return {
          task: (generation) => sinkOf(plugin, 'kafka', raw, taskContext({ connector, generation })),
          read: async () => (await readTopic(kafka.bootstrap, topic)).map(({ value }) => Number(value)),
          record: (n, partition) => record(topic, n, { key: n, origin: { partition, position: n, seq: 0 } }),
          async [Symbol.asyncDispose]() {},
        }
      },
      { dropsReplays: false },
    )
  }
}
