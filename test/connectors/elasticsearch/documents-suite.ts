import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import plugin from '../../../connectors/elasticsearch/index.ts'
import {
  arrayOf,
  logical,
  mapOf,
  primitive,
  record,
  structOf,
  type ConnectRecord,
  type RecordExtras,
  type TaskContext,
} from '../../../core/index.ts'
import { sinkOf, taskContext } from '../../../testing/index.ts'
import { elasticsearchSkip, startElasticsearch } from '../../elasticsearch.ts'
import { openSearchSkip, startOpenSearch } from '../../opensearch.ts'
import type { SearchServer } from '../../search-server.ts'
import { WorkerProcess } from '../../worker-process.ts'

// What holds for every server: a test file says which, and imports this, which makes the tests.
const openSearch = process.env['MILLRACE_TEST_SEARCH_SERVER'] === 'opensearch'
const skip = openSearch ? openSearchSkip() : elasticsearchSkip()
const once = openSearch ? 'this is tested with Elasticsearch' : skip
const kill = new AbortController().signal
let server: SearchServer

before(async () => {
  if (!skip) server = await (openSearch ? startOpenSearch() : startElasticsearch())
})
after(async () => server?.stop())

interface Rejected {
  readonly record: ConnectRecord
  readonly error: Error
}

/** Puts each list of records and flushes it, by a sink of its own; gives what was rejected. */
async function write(
  config: Readonly<Record<string, string>>,
  ...puts: readonly (readonly ConnectRecord[])[]
): Promise<readonly Rejected[]> {
  const rejected: Rejected[] = []
  const context: Partial<TaskContext> = { reject: async (one, error) => void rejected.push({ record: one, error }) }
  await using sink = await sinkOf(plugin, 'elasticsearch', { 'connection.url': server.url, ...config }, taskContext(context))
  for (const records of puts) {
    await sink.put(records, kill)
    await sink.flush!({}, kill)
  }
  return rejected
}

/** A document as the server keeps it, to the letter. */
async function source(index: string, id: string): Promise<string> {
  await server.call('POST', `/${index}/_refresh`)
  const answer = await fetch(`${server.url}/${index}/_search?filter_path=hits.hits._source&q=_id:${id}`)
  return /^\{"hits":\{"hits":\[\{"_source":(.*)\}\]\}\}$/s.exec(await answer.text())?.[1] ?? ''
}

/** A record of Kafka's: its offset is its version. */
function at(topic: string, offset: number, key: unknown, value: unknown, extras: RecordExtras = {}): ConnectRecord {
  const partition = JSON.stringify({ kafka_topic: topic, kafka_partition: 0 })
  return record(topic, value, {
    partition: 0,
    key,
    origin: { partition, position: offset, seq: 0 },
    timestamp: 1_700_000_000_000,
    ...extras,
  })
}

test('datagen goes to an index by way of a worker, each record once', { skip: once }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-elasticsearch-worker-'))
  const worker = await WorkerProcess.start(folder)
  try {
    const config = {
      'connector.class': 'datagen',
      topic: 'Shop-Orders',
      count: '3000',
      'sink.class': 'elasticsearch',
      'sink.connection.url': server.url,
      'flush.interval.ms': '200',
    }
    const made = await fetch(`${worker.url}/connectors/orders/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(config),
    })
    assert.equal(made.status, 201, await made.text())
    const deadline = Date.now() + 30_000
    while ((await server.count('shop-orders')) !== 3000 && Date.now() < deadline) await sleep(100)
    assert.equal(await server.count('shop-orders'), 3000, worker.log)
  } finally {
    await worker[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
})

test('replays and reorders end with the newest document; tombstones delete it, also when they come twice', { skip }, async () => {
  const config = { 'behavior.on.null.values': 'delete' }
  await write(
    config,
    [at('versions', 5, 'a', { n: 5 }), at('versions', 6, 'b', { n: 6 })],
    [at('versions', 3, 'a', { n: 3 }), at('versions', 7, 'b', null)],
  )
  await write(config, [at('versions', 7, 'b', null), at('versions', 4, 'a', { n: 4 }), at('versions', 6, 'b', { n: 6 })])
  assert.deepEqual([...(await server.documents('versions'))], [['a', { n: 5 }]])
})

test('changes that share a position stay in order, and so does their replay', { skip }, async () => {
  const change = (position: number, seq: number, value: unknown) =>
    record('transactions', value, { key: 'k', origin: { partition: '{"server":"s"}', position, seq } })
  const transaction = Array.from({ length: 50 }, (_, n) => change(100, n + 1, { n: n + 1 }))
  await write({ 'batch.size': '3' }, transaction, transaction.slice(20), transaction)
  assert.deepEqual((await server.documents('transactions')).get('k'), { n: 50 })
  await write({}, [change(90, 1, { n: 'old' })])
  assert.deepEqual((await server.documents('transactions')).get('k'), { n: 50 })
})

test('upserts merge into the document; many small batches do not mix up those of one key', { skip }, async () => {
  const records = Array.from({ length: 600 }, (_, n) => at('upserts', n, `k${n % 7}`, { [`f${n % 3}`]: n, last: n }))
  await write({ 'write.method': 'upsert', 'batch.size': '5', 'linger.ms': '0' }, records)
  const documents = await server.documents('upserts')
  assert.deepEqual([...documents.keys()].sort(), ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6'])
  for (let key = 0; key < 7; key++) {
    const expected = records.filter(({ key: one }) => one === `k${key}`).reduce((sum, { value }) => ({ ...sum, ...(value as object) }), {})
    assert.deepEqual(documents.get(`k${key}`), expected)
  }
})

test('the mapping comes from the schema, and new fields of a later schema are added', { skip }, async () => {
  const inner = structOf([['city', primitive('string')]])
  const fields = [
    ['id', primitive('int64')],
    ['small', primitive('int16')],
    ['price', primitive('bytes', { name: logical.decimal, parameters: { scale: '2' } })],
    ['day', primitive('int32', { name: logical.date })],
    ['at', primitive('int64', { name: logical.microTimestamp })],
    ['uuid', primitive('string', { name: logical.uuid })],
    ['name', primitive('string', { optional: true })],
    ['place', arrayOf(primitive('float64'))],
    ['items', arrayOf(inner)],
    ['tags', mapOf(primitive('string'), primitive('int32'))],
    ['counts', mapOf(primitive('int32'), primitive('int32'))],
    ['raw', primitive('bytes')],
  ] as const
  const value = {
    id: 9_007_199_254_740_993n,
    small: 7,
    price: { unscaled: 1999n, scale: 2 },
    day: 19_000,
    at: 1_700_000_000_123_456n,
    uuid: '0b5d1c1e-0000-4000-8000-000000000001',
    name: null,
    place: [13.4, 52.5],
    items: [{ city: 'Ulm' }],
    tags: new Map([['a', 1]]),
    counts: new Map([[1, 2]]),
    raw: Buffer.from('hi'),
  }
  const config = { 'mapping.types': 'place:geo_point,items:nested' }
  const wider = structOf([...fields, ['extra', primitive('boolean')] as const])
  const rejected = await write(
    config,
    [at('mapped', 1, 'x', value, { valueSchema: structOf(fields) })],
    [at('mapped', 2, 'y', { ...value, extra: true }, { valueSchema: wider })],
  )
  assert.deepEqual(rejected, [])
  const { properties } = (await server.call('GET', '/mapped/_mapping'))['mapped'].mappings
  const type = (name: string) => properties[name].type
  assert.deepEqual(['id', 'small', 'price', 'day', 'at', 'uuid', 'name', 'place', 'items', 'raw', 'extra'].map(type), [
    'long',
    'short',
    'double',
    'date',
    'date',
    'keyword',
    'text',
    'geo_point',
    'nested',
    'binary',
    'boolean',
  ])
  assert.equal(properties.name.fields.keyword.type, 'keyword')
  assert.equal(
    await source('mapped', 'x'),
    '{"id":9007199254740993,"small":7,"price":19.99,"day":"2022-01-08","at":"2023-11-14T22:13:20.123456Z",' +
      '"uuid":"0b5d1c1e-0000-4000-8000-000000000001","name":null,"place":[13.4,52.5],"items":[{"city":"Ulm"}],"tags":{"a":1},' +
      '"counts":[{"key":1,"value":2}],"raw":"aGk="}',
  )
})

test(
  'documents that the server refuses are rejected one by one with its reason, without the value; the others land',
  { skip },
  async () => {
    const records = Array.from({ length: 30 }, (_, n) => at('refused', n, `k${n}`, { n: n % 10 === 3 ? 'secret words' : n }))
    const rejected = await write({}, records.slice(0, 1), records.slice(1))
    assert.deepEqual(
      rejected.map(({ record: one }) => one.key),
      ['k3', 'k13', 'k23'],
    )
    assert.match(rejected[0]!.error.message, /(document|mapper)_parsing_exception.*failed to parse field \[n\] of type \[long\]/)
    assert.doesNotMatch(rejected[0]!.error.message, /secret/)
    assert.equal(await server.count('refused'), 27)
  },
)

test('ids come from keys of several fields, from fields of the value, or from topic, partition and offset', { skip }, async () => {
  const keySchema = structOf([
    ['a', primitive('int32')],
    ['b', primitive('string')],
  ])
  await write({}, [at('ids-key', 1, { a: 1, b: 'x,y' }, { n: 1 }, { keySchema })])
  await write({ 'document.id.fields': 'user.name' }, [at('ids-field', 1, null, { user: { name: 'Ada' } })])
  const rejected = await write({}, [at('ids-none', 1, null, { n: 1 }), at('ids-none', 2, 'x'.repeat(600), { n: 1 })])
  await write({ 'key.ignore': 'true' }, [at('ids-place', 17, 'k', { n: 1 }), at('ids-place', 18, 'k', { n: 2 })])
  assert.deepEqual([...(await server.documents('ids-key')).keys()], ['[1,"x,y"]'])
  assert.deepEqual([...(await server.documents('ids-field')).keys()], ['Ada'])
  assert.deepEqual([...(await server.documents('ids-place')).keys()].sort(), ['ids-place+0+17', 'ids-place+0+18'])
  assert.match(rejected[0]!.error.message, /has no key/)
  assert.match(rejected[1]!.error.message, /600 bytes; Elasticsearch takes 512/)
})

test('indices are named by topic, field and time; names that cannot be are rejected', { skip }, async () => {
  const records = [at('Logs', 1, 'a', { app: 'Web' }), at('Logs', 2, 'b', { app: 'a b' })]
  const rejected = await write({ 'index.name.format': '${topic}-${field:app}-${timestamp:yyyy.MM.dd}' }, records)
  assert.equal(await server.count('logs-web-2023.11.14'), 1)
  assert.equal(rejected.length, 1)
  assert.match(rejected[0]!.error.message, /cannot be the name of an index: it holds " "/)
})

test('a version from a header decides; JSON in bytes passes as it is', { skip }, async () => {
  const header = (version: string) => ({ headers: [{ key: 'v', value: version, schema: null }] })
  const bytes = (text: string) => Buffer.from(text)
  const rejected = await write({ 'external.version.header': 'v' }, [
    at('headers', 1, 'a', bytes('{"n": 1.50,\n "big": 1234567890123456789}'), header('20')),
    at('headers', 2, 'a', bytes('{"n": 2}'), header('19')),
    at('headers', 3, 'b', bytes('{"n": 3}')),
    at('headers', 4, 'c', bytes('no json'), header('1')),
    at('headers', 5, 'd', bytes('{"broken": '), header('1')),
  ])
  assert.equal(await source('headers', 'a'), '{"n":1.5,"big":1234567890123456789}')
  assert.deepEqual(
    rejected.map(({ record: one }) => one.key),
    ['b', 'c', 'd'],
  )
})

test('data streams take each record once, with its time', { skip }, async () => {
  const template = {
    index_patterns: ['logs-shop-*'],
    data_stream: {},
    priority: 500,
    template: { mappings: { properties: { '@timestamp': { type: 'date' } } } },
  }
  const made = await server.call('PUT', '/_index_template/shop', template)
  assert.equal(made['acknowledged'], true, JSON.stringify(made))
  const config = { 'data.stream.type': 'logs', 'data.stream.dataset': 'shop', 'data.stream.timestamp.field': 'created' }
  const records = [at('events', 1, 'k', { n: 1 }), at('events', 2, 'k', { n: 2, created: '2024-01-02T03:04:05Z' })]
  assert.deepEqual(await write(config, records, records), [])
  const documents = await server.documents('logs-shop-events')
  assert.deepEqual(
    [...documents.values()].sort((a, b) => a.n - b.n),
    [
      { '@timestamp': 1_700_000_000_000, n: 1 },
      { '@timestamp': Date.parse('2024-01-02T03:04:05Z'), n: 2, created: '2024-01-02T03:04:05Z' },
    ],
  )
  const [backing] = Object.keys(await server.call('GET', '/logs-shop-events'))
  assert.match(backing!, /^\.ds-logs-shop-events-/)
})

test('an index that somebody deletes meanwhile is made again with its mapping', { skip }, async () => {
  const valueSchema = structOf([['n', primitive('int16')]])
  await using sink = await sinkOf(plugin, 'elasticsearch', { 'connection.url': server.url }, taskContext())
  await server.call('PUT', '/_cluster/settings', { persistent: { 'action.auto_create_index': 'false' } })
  await sink.put([at('deleted', 1, 'a', { n: 1 }, { valueSchema })], kill)
  await sink.flush!({}, kill)
  await server.call('DELETE', '/deleted')
  await sink.put([at('deleted', 2, 'b', { n: 2 }, { valueSchema })], kill)
  await sink.flush!({}, kill)
  await server.call('PUT', '/_cluster/settings', { persistent: { 'action.auto_create_index': null } })
  assert.equal((await server.call('GET', '/deleted/_mapping'))['deleted'].mappings.properties.n.type, 'short')
  assert.deepEqual([...(await server.documents('deleted')).keys()], ['b'])
})
