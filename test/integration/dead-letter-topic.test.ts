import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import kafka from '../../connectors/kafka/index.ts'
import converters from '../../core/converter/plugin.ts'
import { Registry } from '../../core/runtime/registry.ts'
import { MemoryStore } from '../../core/store/memory.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../kafka.ts'
import lettersPlugin from '../fixtures/plugins/letters.ts'
import { startWorker, until } from '../runtime/rig.ts'

const skip = kafkaSkip()
let broker: TestKafka
let folder: string
before(async () => {
  if (skip) return
  broker = await startKafka()
  folder = mkdtempSync(join(tmpdir(), 'millrace-letters-'))
})
after(async () => {
  if (skip) return
  await broker.stop()
  rmSync(folder, { recursive: true })
})

const registry = new Registry([
  { specifier: new URL('../../connectors/kafka/index.ts', import.meta.url).href, plugin: kafka },
  {
    specifier: new URL('../fixtures/plugins/letters.ts', import.meta.url).href,
    plugin: { ...lettersPlugin, sinks: [lettersPlugin.sinks![0]!] },
  },
  { specifier: new URL('../../core/converter/plugin.ts', import.meta.url).href, plugin: converters },
])

async function produce(topic: string, values: readonly string[]): Promise<void> {
  const producer = broker.client().producer()
  await producer.connect()
  const messages = values.map((value, n) => ({
    key: `k${n}`,
    value,
    timestamp: String(1_000_000 + n),
    headers: { h: Buffer.from([0, 255]) },
  }))
  await producer.send({ topic, messages })
  await producer.disconnect()
}

/** All messages of a topic, as another client sees them. */
async function consume(topic: string, count: number) {
  await until(`the topic ${topic}`, () => broker.admin(async (admin) => (await admin.listTopics()).includes(topic)), 20_000)
  const consumer = broker.client().consumer({ groupId: `g-${randomUUID()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const seen: { key: string; value: string; timestamp: string; headers: Record<string, string> }[] = []
  await consumer.run({
    eachMessage: async ({ message }) => {
      const headers = Object.entries(message.headers ?? {}).map(([key, value]) => [
        key,
        (value as Buffer | null)?.toString('latin1') ?? null,
      ])
      seen.push({
        key: String(message.key),
        value: String(message.value),
        timestamp: message.timestamp,
        headers: Object.fromEntries(headers) as Record<string, string>,
      })
    },
  })
  try {
    await until(`${count} messages in ${topic}`, () => seen.length >= count, 20_000)
  } finally {
    await consumer.disconnect()
  }
  return seen
}

test(
  'a sink connector sends what it cannot take to the dead letter topic, in its own bytes, and takes it back by a redrive',
  { skip },
  async () => {
    const topic = await broker.topic(undefined, 2)
    const dead = `${topic}-dead`
    const [out, refuse] = [join(folder, topic), join(folder, `${topic}-refuse`)]
    writeFileSync(refuse, '4\n15\n')
    await produce(
      topic,
      Array.from({ length: 20 }, (_, n) => (n === 7 ? '{"n":' : `{"n":${n}}`)),
    )
    await using rig = await startWorker({
      hosting: 'inline',
      store: new MemoryStore(),
      registry,
      clients: { 'bootstrap.servers': broker.bootstrap },
    })
    const { worker } = rig
    const config = {
      'connector.class': 'picky',
      topics: topic,
      file: out,
      refuse,
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'value.converter.schemas.enable': 'false',
      'errors.tolerance': 'all',
      'errors.deadletterqueue.topic.name': dead,
      'errors.deadletterqueue.topic.replication.factor': '1',
      'errors.deadletterqueue.context.headers.enable': 'true',
      'flush.interval.ms': '50',
    }
    await worker.create('c', config, 'RUNNING')
    const lines = () => (existsSync(out) ? (JSON.parse(readFileSync(out, 'utf8')) as { lines: string[] }).lines : [])
    const list = () => worker.deadLetters('c', { filter: {}, limit: 2, cursor: null })
    await until('the rest is there', async () => lines().length === 17, 20_000).catch((error: unknown) => {
      throw new Error(JSON.stringify(worker.status('c')), { cause: error })
    })

    const seen = (await consume(dead, 3)).toSorted((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }))
    assert.deepEqual(
      seen.map(({ key, value, timestamp, headers }) => [key, value, timestamp, headers['h'], headers['__connect.errors.stage']]),
      [
        ['k4', '{"n":4}', '1000004', '\u0000ÿ', 'TASK_PUT'],
        ['k7', '{"n":', '1000007', '\u0000ÿ', 'VALUE_CONVERTER'],
        ['k15', '{"n":15}', '1000015', '\u0000ÿ', 'TASK_PUT'],
      ],
    )
    const told = seen[1]!.headers
    assert.deepEqual(
      Object.keys(told).filter((key) => key.startsWith('__connect.errors.')),
      [
        'topic',
        'partition',
        'offset',
        'connector.name',
        'task.id',
        'stage',
        'class.name',
        'exception.class.name',
        'exception.message',
        'exception.stacktrace',
      ].map((name) => `__connect.errors.${name}`),
    )
    assert.equal(told['__connect.errors.topic'], topic)
    assert.equal(told['__connect.errors.exception.class.name'], 'org.apache.kafka.connect.errors.DataException')

    const first = await list()
    assert.equal(first.letters.length, 2)
    const second = await worker.deadLetters('c', { filter: {}, limit: 2, cursor: first.next })
    assert.deepEqual([...first.letters, ...second.letters].map(({ key }) => key!.text).toSorted(), ['k15', 'k4', 'k7'])
    assert.equal(second.next, null)
    const { letters } = await worker.deadLetters('c', { filter: { stage: 'VALUE_CONVERTER' }, limit: 9, cursor: null })
    assert.deepEqual(
      letters.map(({ value, topic: from }) => [value!.text, from]),
      [['{"n":', topic]],
    )

    writeFileSync(refuse, '')
    const done = () => worker.redrives('c').then(([one]) => (one?.state === 'DONE' ? one : undefined))
    assert.equal((await worker.redrive('c', { filter: {}, from: null, max: null, again: false })).letters, 3)
    assert.equal((await until('the redrive is done', done, 20_000)).replayed, 3)
    assert.deepEqual(
      lines()
        .filter((line) => line.endsWith('r'))
        .toSorted(),
      ['15r', '4r'],
    )
    const again = (await consume(dead, 4)).find(({ headers }) => headers['millrace.redrive.count'] !== undefined)!
    assert.deepEqual([again.key, again.headers['millrace.redrive.count'], again.headers['__connect.errors.topic']], ['k7', '1', topic])
    await worker.redrive('c', { filter: {}, from: null, max: null, again: false })
    assert.equal((await until('the redrive is done', done, 20_000)).replayed, 1)
    await worker.delete('c')
  },
)

test('a source connector has a dead letter topic, too: what cannot be written to Kafka', { skip }, async () => {
  const topic = await broker.topic()
  const messages = join(folder, `${topic}-messages`)
  writeFileSync(messages, `{"n":1}\nnot json\n{"n":"${'x'.repeat(3000)}"}\n{"n":2}\n`)
  await using rig = await startWorker({
    hosting: 'inline',
    store: new MemoryStore(),
    registry,
    clients: { 'bootstrap.servers': broker.bootstrap },
  })
  const config = {
    'connector.class': 'log',
    topics: topic,
    messages,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'false',
    'producer.override.max.request.size': '2000',
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': `${topic}-dead`,
    'errors.deadletterqueue.topic.replication.factor': '1',
    'errors.deadletterqueue.context.headers.enable': 'true',
    'flush.interval.ms': '50',
  }
  await rig.worker.create('s', config, 'RUNNING')
  const seen = await consume(`${topic}-dead`, 2)
  assert.deepEqual(
    seen.map(({ key, headers }) => [key, headers['__connect.errors.stage'], headers['__connect.errors.class.name']]).toSorted(),
    [
      ['1', 'VALUE_CONVERTER', 'org.apache.kafka.connect.json.JsonConverter'],
      ['2', 'KAFKA_PRODUCE', 'io.millrace.connector.kafka.KafkaSinkConnector'],
    ],
  )
  assert.deepEqual(
    (await consume(topic, 2)).map(({ value }) => value),
    ['{"n":1}', '{"n":2}'],
  )
  await rig.worker.delete('s')
  // A letter that its own topic does not take: the task must fail, and lose nothing.
  const narrow = await broker.topic(undefined, 1, { 'max.message.bytes': '1000' })
  await rig.worker.create('t', { ...config, name: 't', 'errors.deadletterqueue.topic.name': narrow }, 'RUNNING')
  const { trace } = await until('it failed', () => rig.worker.status('t').tasks.find(({ state }) => state === 'FAILED'), 20_000)
  assert.match(trace!, /A dead letter cannot be written to the topic/)
  assert.deepEqual(await rig.worker.offsets('t'), [])
  await rig.worker.delete('t')
})
