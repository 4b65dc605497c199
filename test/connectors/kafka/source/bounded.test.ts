import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { MemoryStore } from '../../../../core/store/memory.ts'
import { converterOf } from '../../../core/converter/convert.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { Reading, savedOf, type ReadingOptions } from './reading.ts'

const skip = kafkaSkip()
let kafka: TestKafka

before(async () => {
  if (!skip) kafka = await startKafka()
})
after(async () => {
  if (!skip) await kafka.stop()
})

test('a run between offsets reads exactly them and completes; partitions without an end are not read', { skip }, async () => {
  const topic = await kafka.topic(undefined, 2)
  await send(
    topic,
    [0, 1].flatMap((partition) => Array.from({ length: 100 }, (_, n) => ({ value: `${partition}/${n}`, partition }))),
  )
  const [start, end] = [{ [topic]: { 0: 20 } }, { [topic]: { 0: 70 } }]
  const values = await readAll(topic, { start: JSON.stringify(start), end: JSON.stringify(end) })
  assert.deepEqual(
    values,
    Array.from({ length: 50 }, (_, n) => `0/${n + 20}`),
  )
})

test('a run between times reads the records from the first one up to, not with, the second', { skip }, async () => {
  const topic = await kafka.topic()
  await send(
    topic,
    Array.from({ length: 10 }, (_, n) => ({ value: String(n), timestamp: String(1_700_000_000_000 + n * 1000) })),
  )
  const values = await readAll(topic, { start: '1700000003000', end: '2023-11-14T22:13:27Z' })
  assert.deepEqual(values, ['3', '4', '5', '6'])
})

test('a run to the latest record ends where the log ended when it first began, also after a restart in its middle', { skip }, async () => {
  const topic = await kafka.topic()
  await send(
    topic,
    Array.from({ length: 3_000 }, (_, n) => ({ value: String(n) })),
  )
  const [name, store] = [randomUUID(), new MemoryStore()]
  const config = { end: 'latest', 'max.poll.records': '100' }
  const values: unknown[] = []
  {
    await using reading = read(topic, config, { name, store, putMs: 5 })
    await reading.count(500)
    await reading.stop()
    values.push(...reading.values)
  }
  assert.ok(values.length < 3_000)
  await send(topic, [{ value: 'too late' }])
  values.push(...(await readAll(topic, config, { name, store })))
  assert.deepEqual(
    values,
    Array.from({ length: 3_000 }, (_, n) => String(n)),
  )
  assert.deepEqual(Object.values((await savedOf(store, name))!), [{ kafka_offset: 3_000, kafka_end: 3_000, kafka_end_of: 'latest' }])
  // Once more it is complete at once.
  assert.deepEqual(await readAll(topic, config, { name, store }), [])
})

test('several tasks share the partitions of a bounded run, and one without any is complete at once', { skip }, async () => {
  const topic = await kafka.topic(undefined, 3)
  await send(
    topic,
    Array.from({ length: 90 }, (_, n) => ({ value: String(n), partition: n % 3 })),
  )
  const [name, store] = [randomUUID(), new MemoryStore()]
  const config = { end: 'latest', 'task.count': '4' }
  const shares = await Promise.all([0, 1, 2, 3].map((task) => readAll(topic, config, { name, store, task })))
  assert.deepEqual(
    shares.map((share) => share.length).sort((a, b) => a - b),
    [0, 30, 30, 30],
  )
  assert.equal(new Set(shares.flat()).size, 90)
})

test('markers and aborted records before the end do not keep a run from completing, and an empty topic completes', { skip }, async () => {
  const topic = await kafka.topic()
  const producer = kafka.client().producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const commit of [true, false]) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ value: String(commit) }] })
    await (commit ? transaction.commit() : transaction.abort())
  }
  await producer.disconnect()
  assert.deepEqual(await readAll(topic, { end: 'latest', 'isolation.level': 'read_committed' }), ['true'])
  assert.deepEqual(await readAll(await kafka.topic(), { end: 'latest' }), [])
  await using none = read('no-such-topic', { end: 'latest' })
  await assert.rejects(none.ended, /do not exist.*no-such-topic/)
})

test('a run that forwards record batches undecoded cuts the last one at its end', { skip }, async () => {
  const topic = await kafka.topic()
  await send(
    topic,
    Array.from({ length: 100 }, (_, n) => ({ value: String(n) })),
  )
  const bytes = converterOf('bytes')
  const options = { converters: { key: bytes, value: bytes }, whole: true }
  await using reading = read(topic, { end: JSON.stringify({ [topic]: { 0: 42 } }) }, options)
  assert.equal(await reading.ended, 'complete')
  const forwarded = reading.forwarded.reduce((sum, { count }) => sum + count, 0)
  assert.equal(forwarded + reading.durable.length, 42)
})

function read(topic: string, config: Record<string, string>, options: Partial<ReadingOptions> = {}): Reading {
  return new Reading(kafka, { name: randomUUID(), ...options, config: { topics: topic, ...config } })
}

/** Reads to the end of a bounded run. */
async function readAll(topic: string, config: Record<string, string>, options: Partial<ReadingOptions> = {}): Promise<readonly unknown[]> {
  await using reading = read(topic, config, options)
  assert.equal(await reading.ended, 'complete')
  return reading.values
}

async function send(topic: string, messages: readonly { value: string; partition?: number; timestamp?: string }[]): Promise<void> {
  const producer = kafka.client().producer()
  await producer.connect()
  await producer.send({ topic, messages: messages as never })
  await producer.disconnect()
}
