import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryStore } from '../../../../core/store/memory.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { KafkaTools } from '../../../kafka-tools.ts'
import { openTask, Reading, type ReadingOptions } from './reading.ts'

const skip = kafkaSkip(true)
let kafka: TestKafka

before(async () => {
  if (!skip) kafka = await startKafka({ own: true, settings: { 'group.min.session.timeout.ms': 500 } })
})
after(async () => {
  if (!skip) await kafka.stop()
})

test('tasks that come and go under load share the partitions: every record comes once', { skip }, async () => {
  const topic = await kafka.topic(undefined, 6)
  await using load = new Load(topic)
  const shared = { name: randomUUID(), store: new MemoryStore() }
  await using first = read(topic, { ...shared, task: 0 })
  await first.count(500)
  await using second = read(topic, { ...shared, task: 1 })
  await second.count(500)
  const partitions = new Set(second.durable.map(({ partition }) => partition))
  assert.equal(partitions.size, 3)
  await using third = read(topic, { ...shared, task: 2 })
  await third.count(500)
  await second.stop()
  await sleep(300)
  const sent = await load.end()
  const all = () => [first, second, third].flatMap(({ values }) => values)
  await first.until(
    () => all().length >= sent,
    20_000,
    () => `${all().length} of ${sent}`,
  )
  await third.stop()
  await first.stop()
  assert.equal(all().length, sent)
  assert.equal(new Set(all()).size, sent)
})

test('a Java consumer that joins the group gets its share and leaves again; nothing is lost between them', { skip }, async () => {
  const topic = await kafka.topic(undefined, 4)
  await using load = new Load(topic)
  const name = randomUUID()
  await using reading = read(topic, { name })
  await reading.count(500)
  const consumed = new KafkaTools(kafka.bootstrap).run('consumer.ConsoleConsumer', {
    args: ['--topic', topic, '--group', `connect-${name}`, '--max-messages', '300', '--from-beginning'],
  })
  const foreign = (await consumed).trim().split('\n')
  assert.equal(foreign.length, 300)
  const sent = await load.end()
  const seen = () => new Set([...reading.values, ...foreign])
  await reading.until(
    () => seen().size >= sent,
    20_000,
    () => `${seen().size} of ${sent}`,
  )
  await reading.stop()
  assert.match(reading.messages.join('\n'), /deals anew/)
  const lags = await new KafkaTools(kafka.bootstrap).groupLag(`connect-${name}`)
  assert.equal(
    lags.reduce((sum, { lag }) => sum + lag!, 0),
    0,
  )
})

test('a write that takes longer than the session does not cost the task its place', { skip }, async () => {
  const topic = await kafka.topic()
  await send(topic, 0, 100)
  await using reading = read(topic, { name: randomUUID(), putMs: 1_500 }, { 'session.timeout.ms': '700' })
  await reading.count(100)
  assert.equal(reading.messages.filter((message) => message.includes('Joined consumer group')).length, 1)
})

test('a task that nobody polls because the connector is paused does not hold up the others of its group', { skip }, async () => {
  const topic = await kafka.topic(undefined, 2)
  await send(topic, 0, 100)
  const name = randomUUID()
  const config = { topics: topic }
  await using paused = await openTask(kafka, { name, config })
  await paused.open(undefined)
  let seen = 0
  while (seen < 100) {
    const { records, offsets } = await paused.poll(AbortSignal.timeout(10_000))
    seen += records.length
    await paused.commit!(offsets)
  }
  await using other = read(topic, { name, task: 1 })
  await other.until(() => other.messages.some((message) => message.includes(': 1 partitions')), 5_000)
  // When it is polled again it says what it gave away, once its checkpoint is done.
  const batches = [await paused.poll(AbortSignal.timeout(1_000)), await paused.poll(AbortSignal.timeout(1_000))]
  assert.equal(batches.flatMap(({ released }) => released ?? []).length, 1)
})

test('a task whose place in the group is gone starts again from what is committed', { skip }, async () => {
  const topic = await kafka.topic()
  const name = randomUUID()
  await using load = new Load(topic)
  await using reading = read(topic, { name })
  await reading.count(100)
  await kafka.admin(async (admin) => {
    const { groups } = await admin.describeGroups([`connect-${name}`])
    await removeMember(`connect-${name}`, groups[0]!.members[0]!.memberId)
  })
  await assert.rejects(reading.ended, /went on without this task/)
  await load.end()
})

test('a broker that is killed and comes back is read on without loss', { skip }, async () => {
  const topic = await kafka.topic(undefined, 2)
  await send(topic, 0, 1_000)
  await using reading = read(topic, { name: randomUUID(), retry: true })
  await reading.count(1_000)
  await kafka.kill()
  await sleep(500)
  await kafka.start()
  await send(topic, 1_000, 2_000)
  await reading.count(2_000, 60_000)
  assert.equal(new Set(reading.values).size, 2_000)
})

function read(topic: string, options: Omit<ReadingOptions, 'config'>, config: Record<string, string> = {}): Reading {
  return new Reading(kafka, { ...options, config: { topics: topic, 'max.poll.records': '50', ...config } })
}

async function removeMember(group: string, member: string): Promise<void> {
  // What an operator does with removeMembersFromConsumerGroup: a LeaveGroup in the member's name.
  const { openClient } = await import('../../../../connectors/kafka/client/open.ts')
  const { clientSettings } = await import('../../../../connectors/kafka/config/client-settings.ts')
  const { configOf, loggerOf } = await import('./reading.ts')
  await using client = await openClient(clientSettings(configOf({ 'bootstrap.servers': kafka.bootstrap })), loggerOf([]))
  await client.groups.leave({ group, member, generation: -1 })
}

/** Sends numbers to all partitions of a topic, in bursts, until it is ended. */
class Load implements AsyncDisposable {
  #sent = 0
  #ended = false
  readonly #running: Promise<void>

  constructor(topic: string) {
    this.#running = this.#run(topic)
  }

  /** Resolves to the number of records. */
  async end(): Promise<number> {
    this.#ended = true
    await this.#running
    return this.#sent
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  async #run(topic: string): Promise<void> {
    const producer = kafka.client().producer()
    await producer.connect()
    while (!this.#ended) {
      const messages = Array.from({ length: 50 }, (_, n) => ({ value: String(this.#sent + n), key: String((this.#sent + n) % 100) }))
      await producer.send({ topic, messages })
      this.#sent += messages.length
      await sleep(10)
    }
    await producer.disconnect()
  }
}

async function send(topic: string, from: number, to: number): Promise<void> {
  const producer = kafka.client().producer({ retry: { retries: 20 } })
  await producer.connect()
  await producer.send({ topic, messages: Array.from({ length: to - from }, (_, n) => ({ value: String(from + n) })) })
  await producer.disconnect()
}
