import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import type { KafkaClient } from '../../../../connectors/kafka/client/port.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { acked, batchOf, clientTo, limits, makeTopic, silent, textsOf } from './clients.ts'

const never = new AbortController().signal

void describe('a client of a Kafka cluster', { skip: kafkaSkip() }, () => {
  let kafka: TestKafka
  let client: KafkaClient
  before(async () => {
    kafka = await startKafka()
    client = await openClient(clientTo(kafka.bootstrap), silent)
  })
  after(async () => {
    await client?.[Symbol.asyncDispose]()
    await kafka?.[Symbol.asyncDispose]()
  })

  const newTopic = (partitions?: number, config?: Record<string, string>) => makeTopic(client, partitions, config)

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
    await client.produce([{ ...place, records: batchOf('a', 5, { from: 1000 }) }], acked)
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

  void test('a long poll holds up nothing else and ends with its signal', { timeout: 30_000 }, async () => {
    const topic = await newTopic()
    // The poll stays with the broker when nobody waits for it any more; so it has a client that ends with the test.
    await using one = await openClient(clientTo(kafka.bootstrap), silent)
    const stop = new AbortController()
    const poll = one.fetch([{ topic, partition: 0, offset: 0 }], { ...limits, maxWaitMs: 60_000 }, stop.signal)
    await one.produce([{ topic: await newTopic(), partition: 0, records: batchOf('x', 1) }], acked)
    await one.topics(null, 0)
    assert.equal(await Promise.race([poll, Promise.resolve('still waits')]), 'still waits')
    stop.abort()
    assert.deepEqual(await poll, [])
  })

  void test('a topic grows', async () => {
    const topic = await newTopic()
    await client.admin.grow(topic, 4)
    // The broker hears of it from the controller a moment later.
    for (let left = 100; left > 0 && (await client.topics([topic], 0)).get(topic)?.partitions.length !== 4; left--) await sleep(20)
    assert.equal((await client.topics([topic], 0)).get(topic)!.partitions.length, 4)
  })
})
