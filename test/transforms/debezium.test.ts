import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logical, primitive, record, structOf, type ConnectRecord } from '../../core/index.ts'
import { transformOf } from './apply.ts'

const optional = { optional: true }
const time = (type: 'int32' | 'int64' | 'string', name: string) => primitive(type, { name, version: 1, optional: true })
const source = structOf([
  ['table', primitive('string')],
  ['ts_ms', primitive('int64')],
])
const envelopeOf = (row: ReturnType<typeof structOf>) =>
  structOf(
    [
      ['before', row],
      ['after', row],
      ['source', source],
      ['op', primitive('string')],
      ['ts_ms', primitive('int64', optional)],
    ],
    { name: row.name!.replace('Value', 'Envelope') },
  )
const users = structOf(
  [
    ['id', primitive('int64')],
    ['zoned', time('string', logical.zonedTimestamp)],
    ['clock', time('string', logical.zonedTime)],
    ['seen', time('int64', logical.microTimestamp)],
    ['born', time('int32', logical.debeziumDate)],
    ['tags', primitive('bytes', optional)],
  ],
  { name: 'srv.users.Value', optional: true },
)
const key = { id: 1n }
const keySchema = structOf([['id', primitive('int64')]], { name: 'srv.users.Key' })
const origin = { partition: 'p', position: 1, seq: 1 }
const row = { id: 1n, zoned: '2023-11-14T22:13:20.5Z', clock: '22:13:20Z', seen: 1_700_000_000_000_001n, born: 5, tags: Buffer.from('a') }
const event = (op: string, before: object | null, after: object | null, of = users): ConnectRecord =>
  record(
    'srv.users_1',
    { before, after, source: { table: 'users', ts_ms: 1_000n }, op, ts_ms: 2_000n },
    { key, keySchema, valueSchema: envelopeOf(of), origin, timestamp: 1 },
  )
const update = event('u', row, { ...row, id: 2n, tags: Buffer.from('a') })
const tombstone = record('srv.users_1', null, { key, keySchema, origin })

test('ByLogicalTableRouter: one topic, schemas named after it, keys that stay unique', () => {
  const raw = { 'topic.regex': '(.*)users_(.*)', 'topic.replacement': '$1users' }
  const routed = transformOf('ByLogicalTableRouter', raw).apply(update)!
  assert.equal(routed.topic, 'srv.users')
  assert.deepEqual(routed.key, { id: 1n, __dbz__physicalTableIdentifier: 'srv.users_1' })
  const [envelope, rowSchema] = [routed.valueSchema!, routed.valueSchema!.fields[1]!.schema]
  assert.deepEqual([routed.keySchema!.name, envelope.name, rowSchema.name], ['srv.users.Key', 'srv.users.Envelope', 'srv.users.Value'])
  assert.equal(routed.value, update.value)
  assert.deepEqual(
    transformOf('ByLogicalTableRouter', {
      ...raw,
      'key.field.name': 'shard',
      'key.field.regex': '.*_(.*)',
      'key.field.replacement': '$1',
    }).apply(tombstone)!.key,
    { id: 1n, shard: '1' },
  )
  assert.equal(transformOf('ByLogicalTableRouter', { ...raw, 'key.enforce.uniqueness': 'false' }).apply(update)!.key, key)
  const other = { ...update, topic: 'other' }
  assert.equal(transformOf('ByLogicalTableRouter', raw).apply(other), other)
  assert.equal(
    (transformOf('ToLogicalTopicRouter', raw).apply(update)!.key as Record<string, unknown>)['__dbz__sourceIdentifier'],
    'srv.users_1',
  )
})

test('ByLogicalTableRouter: topics that share a schema get their own names, and what cannot be is told', () => {
  const router = transformOf('ByLogicalTableRouter', {
    'topic.regex': 'srv\\.(.*)',
    'topic.replacement': '$1',
    'schema.name.adjustment.mode': 'avro',
  })
  const names = ['a-1', '2b'].map((table) => router.apply({ ...update, topic: `srv.${table}` })!.valueSchema!.name)
  assert.deepEqual(names, ['a_1.Envelope', '_b.Envelope'])
  assert.throws(() => transformOf('ByLogicalTableRouter', { 'topic.regex': '.*', 'topic.replacement': '$1' }), /no group 1/)
  assert.throws(
    () => transformOf('ByLogicalTableRouter', { 'topic.regex': '.*', 'topic.replacement': 'x', 'key.field.regex': '.*' }),
    /must be non-empty/,
  )
  const clash = transformOf('ByLogicalTableRouter', { 'topic.regex': '.*', 'topic.replacement': 'x', 'key.field.name': 'id' })
  assert.throws(() => clash.apply(update), /"id" occurs twice/)
})

test('HeaderToValue: headers become fields, nested ones too; what has no place stays a header', () => {
  const headers = [
    { key: 'a', value: 'one', schema: primitive('string') },
    { key: 'b', value: 7, schema: primitive('int32') },
  ]
  const given = { ...update, headers }
  const copied = transformOf('HeaderToValue', { headers: 'a,b', fields: 'x,after.y', operation: 'copy' }).apply(given)!
  assert.deepEqual((copied.value as Record<string, unknown>)['x'], 'one')
  assert.equal((copied.value as { after: { y: number } }).after.y, 7)
  assert.equal(copied.valueSchema!.fields[1]!.schema.optional, true)
  assert.equal(copied.headers.length, 2)
  const remove = { ...event('d', row, null), headers }
  const moved = transformOf('HeaderToValue', { headers: 'a,b', fields: 'x,after.y', operation: 'move' }).apply(remove)!
  assert.deepEqual(
    moved.headers.map((header) => header.key),
    ['b'],
  )
  assert.deepEqual(
    transformOf('HeaderToValue', { headers: 'a', fields: 'x', operation: 'move' }).apply(record('t', { i: 1n }, { headers }))!.value,
    {
      i: 1n,
      x: 'one',
    },
  )
  assert.throws(() => transformOf('HeaderToValue', { headers: 'a', fields: 'op', operation: 'copy' }).apply(given), /"op" occurs twice/)
  assert.throws(() => transformOf('HeaderToValue', { headers: 'a,b', fields: 'x', operation: 'copy' }), /2 headers and 1 fields/)
  assert.equal(transformOf('HeaderToValue', { headers: 'a', fields: 'x', operation: 'copy' }).apply(tombstone), tombstone)
})

test('ExtractChangedRecordState: names of changed and unchanged fields, empty for what is no update', () => {
  const transform = transformOf('ExtractChangedRecordState', { 'header.changed.name': 'c', 'header.unchanged.name': 'u' })
  const names = (to: ConnectRecord) => transform.apply(to)!.headers.map((header) => header.value)
  assert.deepEqual(names(update), [['id'], ['zoned', 'clock', 'seen', 'born', 'tags']])
  assert.deepEqual(names(event('c', null, row)), [[], []])
  assert.deepEqual(names(record('t', { op: 'u', source: {}, before: { a: 1n, gone: 1n }, after: { a: 1n, b: 2n } })), [
    ['b', 'gone'],
    ['a'],
  ])
  assert.equal(transform.apply(tombstone), tombstone)
})

test('TimezoneConverter: an instant stays one, a local time is read in the zone', () => {
  const after = (raw: Record<string, string>, to = update) =>
    (transformOf('TimezoneConverter', raw).apply(to)!.value as { after: typeof row }).after
  const there = after({ 'converted.timezone': 'America/Los_Angeles' })
  assert.equal(there.zoned, '2023-11-14T14:13:20.5-08:00')
  assert.equal(there.seen, row.seen + 8n * 3_600_000_000n)
  assert.equal(after({ 'converted.timezone': '+05:30' }).clock, '03:43:20+05:30')
  assert.equal(after({ 'converted.timezone': 'Europe/Berlin', 'include.list': 'source:users:zoned' }).seen, row.seen)
  assert.equal(after({ 'converted.timezone': 'Europe/Berlin', 'exclude.list': 'topic:srv.users_1:zoned' }).zoned, row.zoned)
  const sources = transformOf('TimezoneConverter', { 'converted.timezone': '+01:00', 'include.list': 'users:source.ts_ms' }).apply(update)!
  assert.equal((sources.value as { source: { ts_ms: bigint } }).source.ts_ms, 3_601_000n)
  assert.throws(() => after({ 'converted.timezone': '+01:00', 'include.list': 'users:born' }), /no zone to be converted/)
  for (const zone of ['Mars/Olympus', '+25:00', '+1'])
    assert.throws(() => transformOf('TimezoneConverter', { 'converted.timezone': zone }), /zone|offset/)
  assert.throws(() => transformOf('TimezoneConverter', { 'converted.timezone': 'UTC', 'include.list': 'users' }), /is no rule/)
})

const outbox = structOf(
  [
    ['id', primitive('string')],
    ['aggregatetype', primitive('string')],
    ['aggregateid', primitive('string')],
    ['type', primitive('string', optional)],
    ['payload', primitive('string', optional)],
    ['created', time('int64', logical.microTimestamp)],
    ['shard', primitive('int32', optional)],
    ['version', primitive('int32', optional)],
  ],
  { name: 'srv.outbox.Value', optional: true },
)
const order = {
  id: 'e1',
  aggregatetype: 'order',
  aggregateid: '7',
  type: 'Created',
  payload: '{"a":1}',
  created: 5_000_999n,
  shard: 3,
  version: 2,
}
const insert = (changes: object = {}) => event('c', null, { ...order, ...changes }, outbox)

test('EventRouter: a row becomes an event with topic, key, id and payload', () => {
  const routed = transformOf('EventRouter').apply(insert())!
  assert.deepEqual(
    [routed.topic, routed.key, routed.value, routed.timestamp, routed.partition],
    ['outbox.event.order', '7', '{"a":1}', 2_000, null],
  )
  assert.deepEqual(
    routed.headers.map(({ key: name, value }) => [name, value]),
    [['id', 'e1']],
  )
  assert.equal(routed.origin, origin)
  assert.equal(transformOf('EventRouter', { 'table.field.event.timestamp': 'created' }).apply(insert())!.timestamp, 5_000)
  assert.equal(
    transformOf('EventRouter', { 'route.topic.regex': '(.)(.*)', 'route.topic.replacement': '$2.$1' }).apply(insert())!.topic,
    'rder.o',
  )
})

test('EventRouter: additional columns in headers, envelope and partition; a version for the schema', () => {
  const transform = transformOf('EventRouter', {
    'table.fields.additional.placement': 'type:header,aggregateid:envelope:who,shard:partition',
    'table.field.event.schema.version': 'version',
  })
  const routed = transform.apply(insert())!
  assert.deepEqual([routed.value, routed.partition, routed.headers[1]!.value], [{ payload: '{"a":1}', who: '7' }, 3, 'Created'])
  assert.deepEqual([routed.valueSchema!.name, routed.valueSchema!.version], ['srv.outbox.order.Value', 2])
  assert.equal(transform.apply(insert({ aggregatetype: 'customer' }))!.valueSchema!.name, 'srv.outbox.customer.Value')
  assert.equal(transform.apply(insert())!.valueSchema, routed.valueSchema)
  assert.throws(
    () => transformOf('EventRouter', { 'table.fields.additional.placement': 'nope:header' }).apply(insert()),
    /no column "nope"/,
  )
  assert.ok(
    transformOf('EventRouter', { 'table.fields.additional.placement': 'nope:header', 'table.field.additional.missing': 'ignore' }).apply(
      insert(),
    ),
  )
  for (const wrong of ['tenant:bad', 'tenant', 'a:envelope:payload', 'a:partition,b:partition']) {
    assert.throws(() => transformOf('EventRouter', { 'table.fields.additional.placement': wrong }), /Invalid value/, wrong)
  }
})

test('EventRouter: JSON payloads get the schema that they show, or stay text', () => {
  const expand = (payload: string, more: Record<string, string> = {}) =>
    transformOf('EventRouter', { 'table.expand.json.payload': 'true', ...more }).apply(insert({ payload }))!
  const whole = '{"i":1,"l":3000000000,"d":1.5,"n":null,"e":[],"o":{"x":true},"a":[{"p":1},{"q":"z"}]}'
  assert.deepEqual(expand(whole).value, {
    i: 1,
    l: 3_000_000_000n,
    d: 1.5,
    o: { x: true },
    a: [
      { p: 1, q: null },
      { p: null, q: 'z' },
    ],
  })
  assert.equal(expand(whole).valueSchema!.fields.find(({ name }) => name === 'o')!.schema.name, 'payload.o')
  const kept = { 'table.json.payload.null.behavior': 'optional_bytes', 'table.json.payload.empty.array.behavior': 'optional_string' }
  assert.deepEqual(expand('{"n":null,"e":[]}', kept).value, { n: null, e: [] })
  assert.deepEqual(expand('[1,2]').value, [1, 2])
  for (const text of ['plain', '{"a":', '[1,"x"]', '{"a":12345678901234567890}', '{"a":1e400}', '[null]'])
    assert.equal(expand(text).value, text)
  const transform = transformOf('EventRouter', { 'table.expand.json.payload': 'true' })
  assert.equal(transform.apply(insert({ payload: '{"a":1}' }))!.valueSchema, transform.apply(insert({ payload: '{"a":2}' }))!.valueSchema)
})

test('EventRouter: deletes, updates, tombstones, empty payloads and wrong topics', () => {
  const transform = transformOf('EventRouter')
  assert.equal(transform.apply(event('d', order, null, outbox)), null)
  assert.equal(transform.apply(tombstone), null)
  assert.equal(transform.apply(event('u', order, order, outbox)), null)
  assert.throws(
    () => transformOf('EventRouter', { 'table.op.invalid.behavior': 'fatal' }).apply(event('u', order, order, outbox)),
    /was updated/,
  )
  assert.equal(transform.apply(insert({ payload: null }))!.valueSchema!.type, 'string')
  assert.equal(
    transformOf('EventRouter', { 'route.tombstone.on.empty.payload': 'true' }).apply(insert({ payload: ' ' }))!.valueSchema,
    null,
  )
  assert.throws(() => transform.apply(insert({ aggregatetype: 'a/b' })), /has the character "\/"/)
  const few = transformOf('EventRouter', { 'topics.max': '1' })
  few.apply(insert())
  assert.throws(() => few.apply(insert({ aggregatetype: 'other' })), /beside 1 others/)
  const heartbeat = record('hb', { ts_ms: 1n }, { valueSchema: structOf([['ts_ms', primitive('int64')]], { name: 'Heartbeat' }) })
  assert.equal(transform.apply(heartbeat), heartbeat)
  assert.throws(() => transformOf('EventRouter', { 'tracing.operation.name': 'x' }), /does not trace/)
})
