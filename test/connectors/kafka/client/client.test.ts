import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import type { FetchedPartition, FetchLimits, KafkaClient } from '../../../../connectors/kafka/client/port.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { RecordBatchBuilder } from '../../../../connectors/kafka/records/encode.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { clientTo } from './clients.ts'

const limits: FetchLimits = { maxWaitMs: 300, minBytes: 1, maxBytes: 1 << 24, partitionMaxBytes: 1 << 20, readCommitted: false }
const never = new AbortController().signal
const acked = { acks: -1, timeoutMs: 10_000, transactionalId: null } as const

void describe('a client of a Kafka cluster', { skip: kafkaSkip() }, () => {
  let kafka: TestKafka
  let client: KafkaClient
  let count = 0
  before(async () => {
    kafka = await startKafka()
    client = await openClient(clientTo(kafka.bootstrap), silent)
  })
  after(async () => {
    await client?.[Symbol.asyncDispose]()
    await kafka?.[Symbol.asyncDispose]()
  })

  const newTopic = async (partitions = 1, config: Record<string, string> = {}) => {
    const name = `client-${process.pid}-${++count}`
    await client.admin.create([{ name, partitions, replicationFactor: 1, config }])
    return name
  }

  void test('makes a topic once and describes it', async () => {
    const name = await newTopic(3, { 'retention.ms': '123456' })
    assert.deepEqual(await client.admin.create([{ name, partitions: 3, replicationFactor: 1, config: {} }]), { created: [] })
    const found = await client.topics([name, `${name}-absent`], 0)
    assert.deepEqual([...found.keys()], [name])
    assert.deepEqual(
      found.get(name)!.partitions.map(({ partition, leader }) => [partition, leader >= 0]),
      [
        [0, true],
        [1, true],
        [2, true],
      ],
    )
    assert.equal((await client.admin.config(name))!['retention.ms'], '123456')
    assert.equal(await client.admin.config(`${name}-absent`), undefined)
    assert.ok((await client.topics(null)).has(name))
    assert.equal(typeof (await client.clusterId()), 'string')
  })

  void test('writes record sets and reads them back byte for byte', async () => {
    const topic = await newTopic(2)
    const sets = [0, 1].map((partition) => ({ topic, partition, records: batchOf(`p${partition}`, 3) }))
    const produced = await client.produce(sets, acked)
    assert.deepEqual(
      produced.map(({ partition, errorCode, baseOffset }) => [partition, errorCode, baseOffset]),
      [
        [0, 0, 0],
        [1, 0, 0],
      ],
    )
    const fetched = await client.fetch(
      [0, 1].map((partition) => ({ topic, partition, offset: 0 })),
      limits,
      never,
    )
    const texts = fetched.toSorted((a, b) => a.partition - b.partition).map(textsOf)
    assert.deepEqual(texts, [
      ['p0 0', 'p0 1', 'p0 2'],
      ['p1 0', 'p1 1', 'p1 2'],
    ])
  })

  void test('answers for a partition out of range and for a topic that is not there', async () => {
    const topic = await newTopic()
    const [beyond] = await client.fetch([{ topic, partition: 0, offset: 99 }], limits, never)
    assert.equal(beyond!.errorCode, 1)
    const [absent] = await client.fetch([{ topic: `${topic}-absent`, partition: 0, offset: 0 }], limits, never)
    assert.equal(absent!.errorCode, 3)
    const [unwritten] = await client.produce([{ topic: `${topic}-absent`, partition: 0, records: batchOf('x', 1) }], acked)
    assert.equal(unwritten!.errorCode, 3)
  })

  void test('tells offsets by end and by time', async () => {
    const topic = await newTopic()
    const place = { topic, partition: 0 }
    await client.produce([{ ...place, records: batchOf('a', 5, 1000) }], acked)
    const asked = [-2, -1, 1003, 5000].map((timestamp) => client.offsetsAt([{ ...place, timestamp }], false))
    assert.deepEqual(
      (await Promise.all(asked)).map(([one]) => one!.offset),
      [0, 5, 3, -1],
    )
    await client.admin.deleteBefore([{ ...place, offset: 2 }])
    const [first] = await client.offsetsAt([{ ...place, timestamp: -2 }], true)
    assert.equal(first!.offset, 2)
  })

  void test('sets of one partition in one call are written in their order', async () => {
    const topic = await newTopic()
    const sets = Array.from({ length: 5 }, (_, n) => ({ topic, partition: 0, records: batchOf(`s${n}`, 1) }))
    const produced = await client.produce(sets, acked)
    assert.deepEqual(
      produced.map(({ baseOffset }) => baseOffset),
      [0, 1, 2, 3, 4],
    )
  })

  void test('a long poll holds up nothing else and ends with its signal', async () => {
    const topic = await newTopic()
    const stop = new AbortController()
    const poll = client.fetch([{ topic, partition: 0, offset: 0 }], { ...limits, maxWaitMs: 3000 }, stop.signal)
    const begun = performance.now()
    await client.produce([{ topic: await newTopic(), partition: 0, records: batchOf('x', 1) }], acked)
    await client.topics(null, 0)
    assert.ok(performance.now() - begun < 2500)
    stop.abort()
    assert.deepEqual(await poll, [])
    assert.ok(performance.now() - begun < 2500)
  })

  void test('a topic grows', async () => {
    const topic = await newTopic()
    await client.admin.grow(topic, 4)
    assert.equal((await client.topics([topic], 0)).get(topic)!.partitions.length, 4)
  })
})

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

function batchOf(text: string, count: number, from = Date.now()): Buffer {
  const builder = new RecordBatchBuilder()
  for (let n = 0; n < count; n++) builder.append(null, Buffer.from(`${text} ${n}`), [], from + n)
  return builder.build({ compression: 'none' })
}

function textsOf({ records }: FetchedPartition): string[] {
  return decodeBatches(records, { checkCrc: true, limits: { batchMaxBytes: 1 << 24, ratioMax: 1000 } }).flatMap((batch) => {
    const columns = batch.records()
    return Array.from({ length: columns.count }, (_, n) => columns.value(n)!.toString())
  })
}
