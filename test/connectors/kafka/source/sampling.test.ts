import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { builtinPlugins } from '../../../../config/plugins.ts'
import { Registry } from '../../../../core/runtime/registry.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { KafkaTools } from '../../../kafka-tools.ts'
import { startWorker } from '../../../runtime/rig.ts'

const skip = kafkaSkip()
let kafka: TestKafka

before(async () => {
  if (!skip) kafka = await startKafka()
})
after(async () => {
  if (!skip) await kafka.stop()
})

interface Preview {
  readonly records: readonly { readonly before: { readonly topic: string; readonly value: unknown }; readonly outcome: string }[]
  readonly plan: readonly string[] | null
  readonly notes: readonly string[]
}

test('a preview reads a topic from its start and leaves no group behind', { skip }, async () => {
  const topic = await kafka.topic(undefined, 2)
  const values = Array.from({ length: 10 }, (_, n) => ({ value: JSON.stringify({ id: n }) }))
  const producer = kafka.client().producer()
  await producer.connect()
  await producer.send({ topic, messages: values })
  await producer.disconnect()
  await using rig = await startWorker({ registry: new Registry(builtinPlugins), clients: { 'bootstrap.servers': kafka.bootstrap } })
  const config = {
    name: 'looked-at',
    'connector.class': 'delta',
    path: rig.path('lake'),
    topics: topic,
    'value.converter': 'Json',
    'value.converter.schemas.enable': 'false',
  }
  const ask = async (live: number) =>
    JSON.parse(await rig.worker.preview({ connector: null, config, samples: [], live, letters: null, timeoutMs: 9000 })) as Preview
  const some = await ask(4)
  assert.deepEqual([some.records.length, some.notes], [4, []])
  assert.ok(some.records.every(({ before: shown, outcome }) => shown.topic === topic && outcome === 'passed'))
  assert.match(some.plan![0]!, /^CREATE TABLE .* \(id long, /)
  const all = await ask(50)
  const ids = all.records.map(({ before: shown }) => (shown.value as { id: number }).id)
  assert.deepEqual(
    ids.toSorted((a, b) => a - b),
    Array.from({ length: 10 }, (_, n) => n),
  )
  assert.match(all.notes[0]!, /gave 10 of 50 records: it has no more/)
  const tools = new KafkaTools(kafka.bootstrap)
  for (const group of ['millrace-preview', 'connect-looked-at']) assert.deepEqual(await tools.groupLag(group).catch(() => []), [])
})
