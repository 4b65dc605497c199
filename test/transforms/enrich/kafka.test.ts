import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkaPlugin from '../../../connectors/kafka/index.ts'
import { primitive, record, structOf, type ConnectRecord, type Plugin, type Transform } from '../../../core/index.ts'
import { createSteps } from '../../../core/runtime/parts.ts'
import transforms from '../../../transforms/index.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../kafka.ts'
import { enrichedBatch, enrichedValues, enriching, taskContext } from './enriching.ts'

const skip = kafkaSkip()
let kafka: TestKafka

before(async () => {
  if (!skip) kafka = await startKafka()
})
after(() => kafka?.stop())

type Message = readonly [key: string | null, value: string | null]

async function produce(topic: string, messages: readonly Message[]): Promise<void> {
  const producer = kafka.client().producer()
  await producer.connect()
  await producer.send({ topic, messages: messages.map(([key, value]) => ({ key, value })) })
  await producer.disconnect()
}

/** Enrich as the third task of a connector has it: through the runtime, with the Kafka source beneath. */
async function following(topic: string, more: Record<string, string>): Promise<Transform & AsyncDisposable> {
  const source = kafkaPlugin.sources![0]!
  const loader = (module: string): Promise<Plugin> => Promise.resolve(module === 'kafka' ? kafkaPlugin : transforms)
  const [step] = await createSteps(
    [
      {
        alias: 'enrich',
        transform: {
          module: 'transforms',
          class: 'io.millrace.transforms.Enrich$Value',
          config: { lookup: 'kafka', 'kafka.topic': topic, key: 'id', fields: 'name', ...more },
        },
        predicate: null,
        negate: false,
        sources: { kafka: { module: 'kafka', class: source.class, config: { 'bootstrap.servers': kafka.bootstrap } } },
      },
    ],
    loader,
    { connector: 'test', task: 2, log: taskContext().log },
  )
  return step!.transform as Transform & AsyncDisposable
}

const of = (id: unknown) => record('t', { id })
const names = async (enrich: Transform, ...ids: readonly unknown[]) =>
  (await enrichedValues(enrich, ids.map(of))).map((one) => (typeof one === 'string' ? one : (one as { name: unknown }).name))

/** Prepares until what is looked up says so: following is not synchronous. */
async function until(enrich: Transform, id: unknown, name: unknown): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const [now] = await names(enrich, id)
    if (now === name) return
    if (Date.now() > deadline) assert.equal(now, name)
    await sleep(50)
  }
}

test('a topic is read to its end before the first batch, then followed; the last value of a key counts', { skip }, async () => {
  const topic = await kafka.topic(undefined, 3, { 'cleanup.policy': 'compact' })
  const many = Array.from({ length: 3_000 }, (_, index): Message => [`k${index}`, JSON.stringify({ name: `n${index}` })])
  await produce(topic, [...many, ['k1', '{"name":"again"}'], ['k2', null], ['bad', '{"name":']])
  await using enrich = await following(topic, {})
  const [first, again, gone, last, bad] = await names(enrich, 'k0', 'k1', 'k2', 'k2999', 'bad')
  assert.deepEqual([first, again, gone, last], ['n0', 'again', null, 'n2999'])
  assert.match(String(bad), /key bad .* cannot be read: Not JSON/)
  await produce(topic, [
    ['k2', '{"name":"back"}'],
    ['k0', null],
    ['new', '{"name":"new"}'],
  ])
  await until(enrich, 'new', 'new')
  await until(enrich, 'k2', 'back')
  await until(enrich, 'k0', null)
})

test('an empty topic is followed from its first record, and what has no key is passed over', { skip }, async () => {
  const topic = await kafka.topic()
  await using enrich = await following(topic, {})
  assert.deepEqual(await names(enrich, 'a'), [null])
  await produce(topic, [
    [null, '{"name":"keyless"}'],
    ['a', '{"name":"A"}'],
  ])
  await until(enrich, 'a', 'A')
})

test('keys and values of JSON with schemas, fields with types', { skip }, async () => {
  const topic = await kafka.topic()
  const enveloped = (payload: string) => `{"schema":{"type":"struct"},"payload":${payload}}`
  await produce(topic, [[enveloped('{"shop":1,"id":9007199254740993}'), enveloped('{"name":"A","price":1.10}')]])
  await using enrich = await following(topic, {
    'kafka.key.format': 'json',
    'kafka.schemas.enable': 'true',
    key: 'shop,item.id',
    fields: 'price',
    types: 'price:decimal(2)',
  })
  const schema = structOf([
    ['shop', primitive('int32')],
    ['item', structOf([['id', primitive('int64')]])],
  ])
  const order = record('t', { shop: 1, item: { id: 9_007_199_254_740_993n } }, { valueSchema: schema })
  const [out] = (await enrichedBatch(enrich, [order])) as ConnectRecord[]
  assert.deepEqual((out!.value as { price: unknown }).price, { unscaled: 110n, scale: 2 })
})

test('a topic beyond cache.bytes stops the task, as does one that is not there', { skip }, async () => {
  const topic = await kafka.topic()
  await produce(
    topic,
    Array.from({ length: 2_000 }, (_, index): Message => [`k${index}`, '{"name":"x"}']),
  )
  await using small = await following(topic, { 'cache.bytes': '65536' })
  await assert.rejects(small.prepare!([of('k1')]), { name: 'ConfigError', message: /takes more than cache\.bytes=65536/ })
  await using none = await following('not-there', {})
  await assert.rejects(none.prepare!([of('k1')]), { name: 'ConfigError', message: /do not exist/ })
})

test('what a kafka lookup needs is checked with the config', () => {
  assert.throws(() => enriching({ lookup: 'kafka', key: 'a', fields: 'b' }), /Missing required configuration "kafka\.topic"/)
  assert.throws(() => enriching({ lookup: 'kafka', 'kafka.topic': 't', key: 'a,b', fields: 'c' }), /told by JSON keys only/)
})
