import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import { clientSettings } from '../../../../connectors/kafka/config/client-settings.ts'
import { alterGroup } from '../../../../connectors/kafka/source/alter.ts'
import { keyOf } from '../../../../connectors/kafka/source/position.ts'
import { DataError, GapError } from '../../../../core/index.ts'
import { MemoryStore } from '../../../../core/store/memory.ts'
import { converterOf } from '../../../core/converter/convert.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { KafkaTools } from '../../../kafka-tools.ts'
import { sourceLaws } from '../../../../testing/index.ts'
import { configOf, loggerOf, openTask, Reading, savedOf, type ReadingOptions } from './reading.ts'

const skip = kafkaSkip()
let kafka: TestKafka

before(async () => {
  if (!skip) kafka = await startKafka()
})
after(async () => {
  if (!skip) await kafka.stop()
})

test('records come with key, value, headers, timestamp and their coordinates, and the group shows no lag', { skip }, async () => {
  const topic = await kafka.topic(undefined, 1)
  await send(topic, [
    { key: 'a', value: 'one', timestamp: '1700000000000', headers: { h: ['1', 'x'] }, partition: 0 },
    { key: null, value: null, timestamp: '1700000000001', partition: 0 },
  ])
  await using reading = read(topic)
  await reading.count(2)
  const [first, second] = reading.durable
  assert.deepEqual([first!.topic, first!.partition, first!.key, first!.value, first!.timestamp], [topic, 0, 'a', 'one', 1_700_000_000_000])
  assert.deepEqual(
    first!.headers.map(({ key, value }) => [key, value]),
    [
      ['h', 1],
      ['h', 'x'],
    ],
  )
  assert.deepEqual([second!.key, second!.value], [null, null])
  assert.deepEqual({ ...second!.origin }, { partition: keyOf({ topic, partition: 0 }), position: 1, seq: 0 })
  assert.deepEqual(second!.origin!.raw!.value, null)
  assert.equal(Buffer.from(first!.origin!.raw!.value!).toString(), 'one')
  await reading.until(() => reading.progress.lag?.seconds === 0)
  await reading.stop()
  const [lag] = await new KafkaTools(kafka.bootstrap).groupLag(`connect-${reading.name}`)
  assert.deepEqual([lag!.current, lag!.lag], [2, 0])
})

test('after a restart the reading goes on, with or without what the runtime saved', { skip }, async () => {
  const topic = await kafka.topic(undefined, 3)
  await send(topic, numbers(0, 30))
  const name = randomUUID()
  const store = new MemoryStore()
  {
    await using reading = read(topic, {}, { name, store })
    await reading.count(30)
    await reading.stop()
  }
  await send(topic, numbers(30, 40))
  {
    await using reading = read(topic, {}, { name, store })
    await reading.count(10)
    await reading.stop()
    assert.deepEqual(
      sorted(reading.values),
      numbers(30, 40).map(({ value }) => value),
    )
  }
  await send(topic, numbers(40, 50))
  await using reading = read(topic, {}, { name })
  await reading.count(10)
  assert.deepEqual(
    sorted(reading.values),
    numbers(40, 50).map(({ value }) => value),
  )
})

test("where Kafka's tools set the group's offset, the reading goes on there; over REST, too", { skip }, async () => {
  const topic = await kafka.topic()
  await send(topic, numbers(0, 10))
  const [name, store] = [randomUUID(), new MemoryStore()]
  await readOnce(topic, 10, { name, store })
  await new KafkaTools(kafka.bootstrap).resetOffsets(`connect-${name}`, topic, 4)
  assert.deepEqual((await readOnce(topic, 6, { name, store })).length, 6)
  const config = configOf({ 'bootstrap.servers': kafka.bootstrap, topics: topic })
  const context = { connector: name, log: loggerOf([]) }
  const offsets = { [keyOf({ topic, partition: 0 })]: { kafka_offset: 7 } }
  await alterGroup(offsets, config, context)
  await store.offsets.save(name, offsets)
  assert.deepEqual((await readOnce(topic, 3, { name, store })).length, 3)
  await alterGroup(null, config, context)
  await store.offsets.reset(name)
  assert.deepEqual((await readOnce(topic, 10, { name, store })).length, 10)
})

test('the reading begins where "start" says, and a position that it chose outlives a restart', { skip }, async () => {
  const topic = await kafka.topic()
  await send(
    topic,
    [0, 1, 2, 3, 4].map((n) => ({ value: String(n), timestamp: String(1_700_000_000_000 + n * 1000) })),
  )
  assert.deepEqual(await readOnce(topic, 3, {}, { start: '2023-11-14T22:13:22Z' }), ['2', '3', '4'])
  assert.deepEqual(await readOnce(topic, 1, {}, { start: JSON.stringify({ [topic]: { 0: 4 } }) }), ['4'])
  const [name, store] = [randomUUID(), new MemoryStore()]
  {
    await using reading = read(topic, { start: 'latest' }, { name, store })
    await reading.until(() => reading.progress.lag?.seconds === 0)
    await reading.until(() => reading.messages.length > 0)
    await reading.stop()
  }
  assert.deepEqual(await savedOf(store, name), { [keyOf({ topic, partition: 0 })]: { kafka_offset: 5 } })
  await send(topic, [{ value: 'new' }])
  assert.deepEqual(await readOnce(topic, 1, { name, store }, { start: 'latest' }), ['new'])
})

test('deleted records are a gap that stops the task, or a jump that is told', { skip }, async () => {
  const topic = await kafka.topic()
  await send(topic, numbers(0, 10))
  const [name, store] = [randomUUID(), new MemoryStore()]
  await readOnce(topic, 10, { name, store })
  await send(topic, numbers(10, 20))
  await using client = await openClient(clientSettings(configOf({ 'bootstrap.servers': kafka.bootstrap })), loggerOf([]))
  await client.admin.deleteBefore([{ topic, partition: 0, offset: 15 }])
  {
    await using reading = read(topic, {}, { name, store })
    await assert.rejects(
      reading.ended,
      (error) =>
        error instanceof GapError && /records from offset 10 to 14 .*deleted.*offsets 15 to 20.*errors\.data\.loss/.test(error.message),
    )
  }
  await using reading = read(topic, { 'errors.data.loss': 'continue' }, { name, store })
  await reading.count(5)
  assert.deepEqual(reading.values, ['15', '16', '17', '18', '19'])
  assert.match(reading.messages.join('\n'), /warn .*offset 10 to 14/)
})

test('a topic that was made anew is a gap, or is read from its first record', { skip }, async () => {
  const topic = await kafka.topic()
  await send(topic, numbers(0, 10))
  const [name, store] = [randomUUID(), new MemoryStore()]
  await readOnce(topic, 10, { name, store })
  await kafka.admin((admin) => admin.deleteTopics({ topics: [topic] }))
  await remake(topic)
  await send(topic, numbers(100, 120))
  // The group forgot a topic that was deleted; the runtime remembers.
  {
    await using reading = read(topic, {}, { name, store })
    await assert.rejects(reading.ended, (error) => error instanceof GapError && /deleted and made anew since offset 10/.test(error.message))
  }
  assert.deepEqual(
    await readOnce(topic, 20, { name, store }, { 'errors.data.loss': 'continue' }),
    numbers(100, 120).map(({ value }) => value),
  )
  assert.deepEqual(await savedOf(store, name), { [keyOf({ topic, partition: 0 })]: { kafka_offset: 20 } })
})

test(
  'a topic that is made anew under a reading task is noticed, though it has an offset like the one that comes next',
  { skip },
  async () => {
    const topic = await kafka.topic()
    await send(topic, numbers(0, 10))
    await using reading = read(topic)
    await reading.count(10)
    await kafka.admin((admin) => admin.deleteTopics({ topics: [topic] }))
    await remake(topic)
    await send(topic, numbers(100, 130))
    // Within a few seconds at the latest: a task that had just looked may take some of the new topic's records first.
    let ended = false
    reading.ended.catch(() => (ended = true))
    for (let n = 130; n < 170 && !ended; n++) {
      await sleep(250)
      await send(topic, numbers(n, n + 1))
    }
    await assert.rejects(reading.ended, (error) => error instanceof GapError && /deleted and made anew/.test(error.message))
  },
)

test('new partitions and new topics that match are read from their first record', { skip }, async () => {
  const prefix = `x${randomUUID()}`
  await kafka.topic(`${prefix}.a`)
  await using reading = read('', { topics: '', 'topics.regex': `${prefix}\\..*`, start: 'latest' })
  await reading.until(() => reading.messages.some((message) => message.includes(': 1 partitions')))
  await send(`${prefix}.a`, [{ value: 'first' }])
  await reading.count(1)
  await kafka.topic(`${prefix}.b`)
  await send(`${prefix}.b`, [{ value: 'in a new topic' }])
  await kafka.admin((admin) => admin.createPartitions({ topicPartitions: [{ topic: `${prefix}.a`, count: 2 }] }))
  await send(`${prefix}.a`, [{ value: 'in a new partition', partition: 1 }])
  await reading.count(3)
  assert.deepEqual(new Set(reading.values), new Set(['first', 'in a new topic', 'in a new partition']))
})

test('a record that a converter refuses is rejected with its bytes and its stage, and the others go on', { skip }, async () => {
  const topic = await kafka.topic()
  await send(topic, [{ value: '{"n":1}' }, { value: '{"n":' }, { value: '{"n":3}' }])
  const json = converterOf('json', { 'schemas.enable': 'false' })
  await using reading = read(topic, {}, { converters: { value: json }, tolerant: true })
  await reading.count(2)
  const [{ record, error, stage }] = reading.rejected as [(typeof reading.rejected)[0]]
  assert.equal(stage, 'VALUE_CONVERTER')
  assert.ok(error instanceof DataError)
  assert.equal(Buffer.from(record.value as Uint8Array).toString(), '{"n":')
  assert.equal(record.origin!.position, 1)
  await using strict = read(topic, {}, { converters: { value: json } })
  await assert.rejects(strict.ended, DataError)
})

test('read_committed sees no record of an aborted transaction, and passes its markers', { skip }, async () => {
  const topic = await kafka.topic()
  const producer = kafka.client().producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const [value, commit] of [
    ['kept', true],
    ['aborted', false],
    ['kept, too', true],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ value }] })
    await (commit ? transaction.commit() : transaction.abort())
  }
  await producer.disconnect()
  const [name, store] = [randomUUID(), new MemoryStore()]
  assert.deepEqual(await readOnce(topic, 2, { name, store }, { 'isolation.level': 'read_committed' }), ['kept', 'kept, too'])
  assert.deepEqual(await savedOf(store, name), { [keyOf({ topic, partition: 0 })]: { kafka_offset: 6 } })
  assert.deepEqual(await readOnce(topic, 3), ['kept', 'aborted', 'kept, too'])
})

test('record batches pass undecoded to a sink that takes them, and their records are the same', { skip }, async () => {
  const topic = await kafka.topic()
  await send(topic, numbers(0, 500))
  const bytes = converterOf('bytes')
  const converters = { key: bytes, value: bytes }
  await using whole = read(topic, {}, { converters, whole: true })
  await whole.until(() => whole.forwarded.reduce((sum, { count }) => sum + count, 0) === 500)
  assert.ok(whole.forwarded.every(({ format, chunks }) => format === 'kafka-v2' && chunks.every((chunk) => chunk.topic === topic)))
  assert.equal(whole.durable.length, 0)
  await using decoded = read(topic, {}, { converters })
  await decoded.count(500)
  assert.deepEqual(
    decoded.values.map((value) => Buffer.from(value as Uint8Array).toString()),
    numbers(0, 500).map(({ value }) => value),
  )
})

if (!skip) {
  sourceLaws('kafka', async () => {
    const topic = await kafka.topic()
    await send(topic, numbers(0, 60))
    return {
      records: 60,
      // A group of its own for each: what the laws resume at is what they give.
      task: () => openTask(kafka, { name: 'laws', config: { topics: topic, 'group.id': randomUUID(), 'max.poll.records': '7' } }),
      [Symbol.asyncDispose]: async () => {},
    }
  })
}

function read(topic: string, config: Record<string, string> = {}, options: Partial<ReadingOptions> = {}): Reading {
  return new Reading(kafka, { name: randomUUID(), ...options, config: { topics: topic, ...config } })
}

/** Reads that many records, stops and gives their values. */
async function readOnce(
  topic: string,
  records: number,
  options: Partial<ReadingOptions> = {},
  config: Record<string, string> = {},
): Promise<readonly unknown[]> {
  await using reading = read(topic, config, options)
  await reading.count(records)
  await reading.stop()
  return reading.values
}

interface Sent {
  readonly key?: string | null
  readonly value: string | null
  readonly timestamp?: string
  readonly partition?: number
  readonly headers?: Record<string, string | string[]>
}

async function send(topic: string, messages: readonly Sent[]): Promise<void> {
  const producer = kafka.client().producer()
  await producer.connect()
  await producer.send({ topic, messages: messages as never })
  await producer.disconnect()
}

/** A topic that was deleted goes away a moment later. */
async function remake(topic: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return void (await kafka.topic(topic))
    } catch (error) {
      if (attempt === 20) throw error
    }
  }
}

function numbers(from: number, to: number): readonly { key: string; value: string }[] {
  return Array.from({ length: to - from }, (_, n) => ({ key: String(from + n), value: String(from + n) }))
}

function sorted(values: readonly unknown[]): readonly unknown[] {
  return [...values].sort((a, b) => String(a).length - String(b).length || (String(a) < String(b) ? -1 : 1))
}
