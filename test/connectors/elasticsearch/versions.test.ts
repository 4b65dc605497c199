import assert from 'node:assert/strict'
import { test } from 'node:test'
import plugin from '../../../connectors/elasticsearch/index.ts'
import { record, type ConnectRecord, type TaskContext } from '../../../core/index.ts'
import { sinkOf, taskContext } from '../../../testing/index.ts'
import { FakeElasticsearch } from './fake-elasticsearch.ts'

const kill = new AbortController().signal

function sink(server: FakeElasticsearch, raw: Record<string, string> = {}, context: Partial<TaskContext> = {}) {
  return sinkOf(plugin, 'elasticsearch', { 'connection.url': server.url, 'retry.backoff.ms': '1', ...raw }, taskContext(context))
}

function at(topic: string, offset: number, key: string, value: unknown): ConnectRecord {
  const origin = { partition: JSON.stringify({ kafka_topic: topic, kafka_partition: 0 }), position: offset, seq: 0 }
  return record(topic, value, { key, partition: 0, origin })
}

/** The context's log with what it warns of. */
function warned(): { readonly warnings: string[]; readonly context: Partial<TaskContext> } {
  const warnings: string[] = []
  const { log } = taskContext()
  return { warnings, context: { log: { ...log, warn: (_fields: object, message: string) => void warnings.push(message) } } }
}

test('records that come again because somebody reset the offsets are written as they are now', async () => {
  await using server = await FakeElasticsearch.start()
  await using task = await sink(server)
  await task.put([at('t', 0, 'a', { name: 1 }), at('t', 1, 'b', { name: 2 })], kill)
  await task.flush!({}, kill)
  await task.put([at('t', 0, 'a', { title: 1 }), at('t', 1, 'b', { title: 2 })], kill)
  await task.flush!({}, kill)
  assert.deepEqual(
    [...server.sources],
    [
      ['a', { title: 1 }],
      ['b', { title: 2 }],
    ],
  )
})

test('records that change nothing, as another topic has written their documents with greater offsets, are told of', async () => {
  await using server = await FakeElasticsearch.start()
  const { warnings, context } = warned()
  await using task = await sink(server, { 'index.name.format': 'all' }, context)
  await task.put([at('one', 9, 'a', { from: 'one' })], kill)
  await task.flush!({}, kill)
  assert.deepEqual(warnings, [])
  await task.put([at('two', 3, 'a', { from: 'two' })], kill)
  await task.flush!({}, kill)
  assert.deepEqual([...server.sources], [['a', { from: 'one' }]])
  assert.equal(warnings.length, 1)
  assert.match(
    warnings[0]!,
    /^1 records changed nothing in index "all".*document "a" of topic two, partition 0, position 3.*external\.version\.header/,
  )
})

test('records that a later one of their own partition has overtaken are not told of, nor are versions that a header gives', async () => {
  await using server = await FakeElasticsearch.start()
  const { warnings, context } = warned()
  {
    await using task = await sink(server, {}, context)
    await task.put([at('t', 6, 'a', { n: 6 })], kill)
    await task.flush!({}, kill)
    await task.put([at('t', 5, 'a', { n: 5 })], kill)
    await task.flush!({}, kill)
  }
  await using task = await sink(server, { 'external.version.header': 'v' }, context)
  await task.put([{ ...at('t', 7, 'a', { n: 7 }), headers: [{ key: 'v', value: '2', schema: null }] }], kill)
  await task.flush!({}, kill)
  assert.deepEqual([...server.sources], [['a', { n: 6 }]])
  assert.deepEqual(warnings, [])
})

test('with write.method=upsert text that is more than one JSON object is refused, as it could say what the server does with the rest', async () => {
  await using server = await FakeElasticsearch.start()
  const rejected: unknown[] = []
  const reject = (one: ConnectRecord): Promise<void> => Promise.resolve(void rejected.push(one.key))
  await using task = await sink(server, { 'write.method': 'upsert' }, { reject })
  const texts = ['{"a":1},"detect_noop":false', Buffer.from('{"a":1},"script":"ctx._source.b=1"'), '{"a":1', '{"a":\n1}']
  await task.put(
    texts.map((text, n) => at('t', n, `k${n}`, text)),
    kill,
  )
  await task.flush!({}, kill)
  assert.deepEqual(rejected, ['k0', 'k1', 'k2'])
  assert.deepEqual([...server.sources], [['k3', { a: 1 }]])
})
