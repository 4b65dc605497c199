import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KafkaTools } from './kafka-tools.ts'
import { kafkaSkip, startKafka, type TestKafka } from './kafka.ts'

const skip = kafkaSkip(true)
let kafka: TestKafka
let tools: KafkaTools
before(async () => {
  if (skip !== false) return
  kafka = await startKafka({ own: true })
  tools = new KafkaTools(kafka.bootstrap)
})
after(() => kafka?.stop())

test("Kafka's console tools write and read records exactly, nulls, headers and any bytes", { skip }, async () => {
  const topic = await kafka.topic(undefined, 2)
  await tools.produce(topic, [
    { key: 'k', value: 'v', headers: { a: '1', b: 'zwei' } },
    { key: null, value: null },
  ])
  const producer = kafka.client().producer()
  await producer.connect()
  const value = Buffer.from([0, 10, 13, 0x1e, 0x1f, 255, 128])
  await producer.send({
    topic,
    messages: [{ partition: 1, key: Buffer.alloc(0), value, headers: { ü: '', bin: value }, timestamp: '1234567' }],
  })
  await producer.disconnect()
  const records = await tools.consume(topic, { max: 3 })
  const byValue = (wanted: string | null) => records.find((record) => (record.value?.toString() ?? null) === wanted)
  assert.deepEqual(byValue('v')?.headers, [['a', Buffer.from('1')], ['b', Buffer.from('zwei')]]) // prettier-ignore
  assert.equal(byValue('v')?.key?.toString(), 'k')
  assert.deepEqual([byValue(null)?.key, byValue(null)?.value], [null, null])
  const binary = records.find((record) => record.timestamp === 1234567)
  assert.deepEqual(binary, {
    partition: 1,
    offset: binary?.offset,
    timestampType: 'CreateTime',
    timestamp: 1234567,
    headers: [['ü', Buffer.alloc(0)], ['bin', value]], // prettier-ignore
    key: Buffer.alloc(0),
    value,
  })
  assert.deepEqual(await tools.consume(topic, { partition: 0, offset: 9, idleMs: 300 }), [])
})

test("Kafka's group tool tells the lag and sets offsets, its log dump shows batches, its perf tools figures", { skip }, async () => {
  const topic = await kafka.topic('perf', 2)
  const produced = await tools.producerPerf(topic, 10_000, 100, { 'compression.type': 'lz4' })
  assert.ok(produced.recordsPerSecond > 100)
  assert.ok((await tools.consumerPerf(topic, 10_000)).recordsPerSecond > 100)
  await tools.resetOffsets('g', 'perf:0', 5)
  const [lag] = await tools.groupLag('g')
  assert.deepEqual({ ...lag, end: 0, lag: 0 }, { topic, partition: 0, current: 5, end: 0, lag: 0, consumer: '', client: '' })
  assert.equal(lag?.lag, (lag?.end ?? 0) - 5)
  const [batch] = await tools.dumpLog(join(kafka.home, 'data', 'perf-0'))
  assert.match(batch ?? '', /baseOffset: 0 .*compresscodec: lz4/)
})
