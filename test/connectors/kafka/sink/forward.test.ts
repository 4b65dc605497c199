import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import { clientConfig, clientSettings } from '../../../../connectors/kafka/config/client-settings.ts'
import plugin from '../../../../connectors/kafka/index.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { RecordBatchBuilder } from '../../../../connectors/kafka/records/encode.ts'
import { parseConfig, record, type ConnectRecord, type SinkTask, type WholeChunk, type WholeRecords } from '../../../../core/index.ts'
import { sinkOf, taskContext } from '../../../../testing/index.ts'
import { converterOf } from '../../../core/converter/convert.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { makeTopic, readTopic } from './read-topic.ts'

const skip = kafkaSkip()
const kill = new AbortController().signal
const bytes = converterOf('ByteArrayConverter')
const converters = { key: bytes, value: bytes, header: converterOf('simple') }
let kafka: TestKafka

before(async () => {
  if (!skip) kafka = await startKafka()
})
after(() => kafka?.stop())

async function opened(raw: Record<string, string> = {}, more = {}): Promise<SinkTask> {
  const sink = await sinkOf(plugin, 'kafka', { 'bootstrap.servers': kafka.bootstrap, ...raw }, taskContext({ converters, ...more }))
  await sink.open!()
  return sink
}

/** The batches of a topic as its log has them, under another topic's name. */
async function wholeOf(topic: string, as: string): Promise<WholeRecords> {
  const { config } = parseConfig(clientConfig, { 'bootstrap.servers': kafka.bootstrap })
  await using client = await openClient(clientSettings(config), taskContext().log)
  const metadata = (await client.topics([topic])).get(topic)!
  const chunks: WholeChunk[] = []
  for (const { partition } of metadata.partitions) {
    const limits = { maxWaitMs: 500, minBytes: 1, maxBytes: 50 << 20, partitionMaxBytes: 50 << 20, readCommitted: false }
    for (;;) {
      const [fetched] = await client.fetch([{ topic, partition, offset: 0 }], limits, AbortSignal.timeout(5000))
      if (fetched === undefined || fetched.errorCode !== 0) continue
      const batches = decodeBatches(fetched.records, { checkCrc: true, limits: { batchMaxBytes: 1 << 30, ratioMax: 1e9 } })
      const count = batches.reduce((sum, batch) => sum + batch.count, 0)
      if (count > 0) chunks.push({ topic: as, partition, count, bytes: fetched.records })
      break
    }
  }
  return { format: 'kafka-v2', count: chunks.reduce((sum, { count }) => sum + count, 0), chunks }
}

async function filled(raw: Record<string, string>, config: Record<string, string> = {}): Promise<string> {
  const topic = await makeTopic(kafka.bootstrap, 2, config)
  await using sink = await opened(raw)
  for (let put = 0; put < 5; put++) {
    const records = Array.from({ length: 100 }, (_, n) => {
      const headers = [{ key: 'h', value: String(n), schema: null }]
      return record(topic, Buffer.from(`value ${put}/${n}`), { key: Buffer.from(`k${n}`), timestamp: 1_700_000_000_000 + put, headers })
    })
    await sink.put(records, kill)
  }
  await sink.flush!({}, kill)
  return topic
}

const contents = async (topic: string) =>
  (await readTopic(kafka.bootstrap, topic)).map(({ partition, key, value, timestamp, headers }) => ({
    partition,
    key,
    value,
    timestamp,
    headers,
  }))

test('record batches of every compression go on whole, record for record', { skip }, async () => {
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const from = await filled({ 'compression.type': codec })
    const to = await makeTopic(kafka.bootstrap, 2)
    await using sink = await opened()
    assert.deepEqual(sink.formats, ['kafka-v2'])
    const whole = await wholeOf(from, to)
    assert.equal(whole.count, 500)
    await sink.forward!(whole, kill)
    await sink.put([record(to, Buffer.from('behind'), { partition: 0 })], kill)
    await sink.forward!(whole, kill)
    await sink.flush!({}, kill)
    const original = await contents(from)
    const forwarded = await contents(to)
    assert.equal(forwarded.length, 1001)
    for (const partition of [0, 1]) {
      const expected = original.filter((one) => one.partition === partition)
      const found = forwarded.filter((one) => one.partition === partition)
      assert.deepEqual(found.slice(0, expected.length), expected)
      assert.deepEqual(found.slice(-expected.length), expected)
    }
    assert.ok((await readTopic(kafka.bootstrap, to)).some(({ compression }) => compression === codec))
  }
})

test('batches under the time of the log, with gaps, or for a partition that is not there go on record by record', { skip }, async () => {
  const from = await filled({}, { 'message.timestamp.type': 'LogAppendTime' })
  const to = await makeTopic(kafka.bootstrap, 1)
  await using sink = await opened()
  await sink.forward!(await wholeOf(from, to), kill)
  const builder = new RecordBatchBuilder()
  for (const text of ['a', 'b']) builder.append(null, Buffer.from(text), [], 5)
  const gapped = builder.build({ compression: 'none' })
  gapped.writeInt32BE(7, 23)
  await sink.forward!({ format: 'kafka-v2', count: 2, chunks: [{ topic: to, partition: 0, count: 2, bytes: gapped }] }, kill)
  await sink.flush!({}, kill)
  const keys = (topic: string) =>
    contents(topic).then((all) => all.map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`).toSorted())
  assert.deepEqual(await keys(to), [...(await keys(from)), 'null a 5', 'null b 5'].toSorted())
})

test('a whole batch that the topic finds too large is divided, down to the record that is rejected', { skip }, async () => {
  const from = await makeTopic(kafka.bootstrap, 1)
  const to = await makeTopic(kafka.bootstrap, 1, { 'max.message.bytes': '10000' })
  const refused: ConnectRecord[] = []
  await using sink = await opened({}, { reject: async (one: ConnectRecord) => void refused.push(one) })
  const records = Array.from({ length: 100 }, (_, n) => record(from, Buffer.from(`${n}`.padEnd(n === 50 ? 20_000 : 300)), { partition: 0 }))
  await sink.put(records, kill)
  await sink.flush!({}, kill)
  await sink.forward!(await wholeOf(from, to), kill)
  await sink.flush!({}, kill)
  assert.deepEqual(
    refused.map(({ topic, value }) => [
      topic,
      Buffer.from(value as Buffer)
        .toString()
        .trim(),
    ]),
    [[to, '50']],
  )
  const numbers = (await contents(to)).map(({ value }) => Number(value))
  assert.deepEqual(
    numbers,
    Array.from({ length: 100 }, (_, n) => n).filter((n) => n !== 50),
  )
})

test('batches are not taken whole where a converter, a partitioner or another compression looks at them', { skip }, async () => {
  await using recompressed = await opened({ 'compression.type': 'lz4' })
  assert.deepEqual(recompressed.formats, [])
  await using dealt = await opened({ 'partitioner.class': 'org.apache.kafka.clients.producer.RoundRobinPartitioner' })
  assert.deepEqual(dealt.formats, [])
  await using converted = await opened({}, { converters: { ...converters, value: converterOf('string') } })
  assert.deepEqual(converted.formats, [])
})

test('whole batches and positions are one transaction', { skip }, async () => {
  const from = await filled({ 'compression.type': 'zstd' })
  const to = await makeTopic(kafka.bootstrap, 2)
  const raw = { 'exactly.once.support': 'required' }
  {
    await using sink = await opened(raw, { connector: to })
    await sink.forward!(await wholeOf(from, to), kill)
    await sink.flush!({ '{"kafka_topic":"t","kafka_partition":0}': { kafka_offset: 250 } }, kill)
    await sink.forward!(await wholeOf(from, to), kill)
  }
  await using next = await opened(raw, { connector: to })
  assert.deepEqual(await next.committed!(), { '{"kafka_topic":"t","kafka_partition":0}': { kafka_offset: 250 } })
  assert.equal((await contents(to)).length, 500)
})
