import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logical, mapOf, primitive, record, structOf, type Schema } from '../../core/index.ts'
import { predicateOf, transformOf } from './apply.ts'

const scale2: Schema = primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })
const schema = structOf(
  [
    ['id', primitive('int64')],
    ['name', primitive('string', { optional: true, defaultValue: 'nobody' })],
    ['price', scale2],
    ['tiny', primitive('int8')],
    ['ok', primitive('boolean')],
    ['when', primitive('int32', { name: logical.date, version: 1 })],
    ['raw', primitive('bytes', { optional: true })],
    ['tags', mapOf(primitive('string'), primitive('string'), { optional: true })],
  ],
  { name: 'shop.Item', version: 3, doc: 'd', parameters: { p: 'q' }, optional: true },
)
const value = { id: 7n, name: 'x', price: { unscaled: 125n, scale: 2 }, tiny: 5, ok: true, when: 3, raw: null, tags: new Map([['a', 'b']]) }
const origin = { partition: '{"server":"s"}', position: 9, seq: 1 }
const item = record('shop.items', value, { valueSchema: schema, key: { id: 7n }, timestamp: 1234, partition: 2, origin })

test('Filter drops, predicates decide', () => {
  assert.equal(transformOf('Filter').apply(item), null)
  assert.equal(predicateOf('TopicNameMatches', { pattern: 'shop\\..*' }).test(item), true)
  assert.equal(predicateOf('TopicNameMatches', { pattern: 'shop' }).test(item), false)
  assert.equal(predicateOf('RecordIsTombstone').test(item), false)
  assert.equal(predicateOf('RecordIsTombstone').test(record('t', null, { valueSchema: schema })), true)
  const headed = { ...item, headers: [{ key: 'h', value: 1, schema: null }] }
  assert.equal(predicateOf('HasHeaderKey', { name: 'h' }).test(headed), true)
  assert.equal(predicateOf('HasHeaderKey', { name: 'i' }).test(headed), false)
  assert.throws(() => predicateOf('TopicNameMatches', { pattern: '(' }), /Invalid regex/)
  assert.throws(() => predicateOf('HasHeaderKey', { name: '' }), /non-empty/)
})

test('InsertField adds what the record knows, and keeps all else', () => {
  const inserted = transformOf('InsertField$Value', {
    'topic.field': 'topic',
    'partition.field': 'part!',
    'timestamp.field': 'ts',
    'static.field': 'site?',
    'static.value': 'eu',
  }).apply(item)!
  assert.deepEqual(inserted.value, { ...value, topic: 'shop.items', part: 2, ts: 1234n, site: 'eu' })
  const added = inserted.valueSchema!.fields.slice(-4)
  assert.deepEqual(
    added.map((field) => [field.name, field.schema.type, field.schema.optional, field.schema.name]),
    [
      ['topic', 'string', true, null],
      ['part', 'int32', false, null],
      ['ts', 'int64', true, logical.timestamp],
      ['site', 'string', true, null],
    ],
  )
  assert.equal(inserted.valueSchema!.name, 'shop.Item')
  assert.equal(inserted.valueSchema!.optional, false)
  assert.deepEqual([inserted.key, inserted.origin, inserted.timestamp, inserted.topic], [item.key, origin, 1234, 'shop.items'])
  assert.deepEqual(item.value, value)
})

test('InsertField hands out the same schema for the same schema', () => {
  const insert = transformOf('InsertField$Value', { 'topic.field': 't' })
  assert.equal(insert.apply(item)!.valueSchema, insert.apply({ ...item, topic: 'u' })!.valueSchema)
})

test('InsertField without a schema leaves out what is missing', () => {
  const insert = transformOf('InsertField$Value', { 'topic.field': 't', 'partition.field': 'p', 'timestamp.field': 'ts' })
  assert.deepEqual(insert.apply(record('a', { x: 1n }))!.value, { x: 1n, t: 'a' })
  assert.deepEqual(
    insert.apply(record('a', new Map([['x', 1n]]), { timestamp: 5 }))!.value,
    new Map<string, unknown>([
      ['x', 1n],
      ['t', 'a'],
      ['ts', 5n],
    ]),
  )
  assert.throws(() => insert.apply(record('a', 'text')), { name: 'DataError' })
})

test("InsertField passes tombstones but gives their keys what other records' keys get, and takes offsets from Kafka only", () => {
  const tombstone = record('a', null, { key: { id: 1n } })
  assert.equal(transformOf('InsertField$Value', { 'topic.field': 't' }).apply(tombstone), tombstone)
  assert.deepEqual(transformOf('InsertField$Key', { 'topic.field': 't' }).apply(tombstone)!.key, { id: 1n, t: 'a' })
  const insert = transformOf('InsertField$Key', { 'offset.field': 'o!' })
  assert.throws(() => insert.apply(item), /only for records that come from Kafka/)
  const kafka = { ...item, origin: { partition: '{"kafka_topic":"a","kafka_partition":0}', position: 42, seq: 0 } }
  assert.deepEqual(insert.apply(kafka)!.key, { id: 7n, o: 42n })
})

test('InsertField refuses what would lose or invent', () => {
  assert.throws(() => transformOf('InsertField$Value'), /No field insertion configured/)
  assert.throws(() => transformOf('InsertField$Value', { 'static.field': 'a' }), /No value specified for static field: a/)
  assert.throws(() => transformOf('InsertField$Value', { 'topic.field': 'a', 'timestamp.field': 'a!' }), /another key inserts too/)
  assert.throws(() => transformOf('InsertField$Value', { 'topic.field': 'id' }).apply(item), /"id" occurs twice/)
  assert.throws(
    () => transformOf('InsertField$Value', { 'timestamp.field': 't!' }).apply({ ...item, timestamp: null }),
    /required field "t"/,
  )
})

test('ReplaceField drops, keeps and renames with a schema', () => {
  const replaced = transformOf('ReplaceField$Value', { exclude: 'raw,price', include: 'id,name,price', renames: 'id:key' }).apply(item)!
  assert.deepEqual(replaced.value, { key: 7n, name: 'x' })
  assert.deepEqual(
    replaced.valueSchema!.fields.map((field) => [field.index, field.name]),
    [
      [0, 'key'],
      [1, 'name'],
    ],
  )
  assert.deepEqual(replaced.valueSchema!.parameters, { p: 'q' })
})

test('a null in a field with a default becomes it, unless told otherwise', () => {
  const nameless = { ...item, value: { ...value, name: null } }
  const get = (raw: Record<string, string>) =>
    (transformOf('ReplaceField$Value', { include: 'name', ...raw }).apply(nameless)!.value as { name: unknown }).name
  assert.equal(get({}), 'nobody')
  assert.equal(get({ 'replace.null.with.default': 'false' }), null)
})

test('ReplaceField without a schema, on nulls and on names that clash', () => {
  const rename = transformOf('ReplaceField$Value', { renames: 'a:b' })
  assert.deepEqual(rename.apply(record('t', { a: 1n, c: 2n }))!.value, { b: 1n, c: 2n })
  assert.throws(() => rename.apply(record('t', { a: 1n, b: 2n })), /two fields the name "b"/)
  assert.throws(() => transformOf('ReplaceField$Value', { renames: 'id:name' }).apply(item), /"name" occurs twice/)
  const tombstone = record('t', null)
  assert.equal(rename.apply(tombstone), tombstone)
  assert.throws(() => transformOf('ReplaceField$Value', { renames: 'a' }), /Invalid rename mapping: a/)
  assert.throws(() => transformOf('ReplaceField$Value', { renames: 'a:b,a:c' }), /"a" stands left of the colon twice/)
  assert.throws(() => transformOf('ReplaceField$Value', { blacklist: 'a' }), /not supported: Kafka 4 removed it/)
})

test('a field named __proto__ stays a field', () => {
  const odd = JSON.parse('{"__proto__": 1, "a": 2}') as object
  const kept = transformOf('ReplaceField$Value', { exclude: 'a' }).apply(record('t', odd))!.value as object
  assert.deepEqual(Object.keys(kept), ['__proto__'])
  const typed = structOf([
    ['__proto__', primitive('string')],
    ['a', primitive('string')],
  ])
  const source = JSON.parse('{"__proto__": "x", "a": "y"}') as object
  const replaced = transformOf('ReplaceField$Value', { exclude: 'a' }).apply(record('t', source, { valueSchema: typed }))!.value as object
  assert.deepEqual(Object.entries(replaced), [['__proto__', 'x']])
})

test('MaskField masks by type', () => {
  const masked = transformOf('MaskField$Value', { fields: 'id,name,price,tiny,ok,when,tags,raw,nope' }).apply(item)!
  assert.deepEqual(masked.value, {
    id: 0n,
    name: '',
    price: { unscaled: 0n, scale: 2 },
    tiny: 0,
    ok: false,
    when: 0,
    raw: null,
    tags: new Map(),
  })
  assert.equal(masked.valueSchema, schema)
})

test('MaskField takes a replacement that fits, and no other', () => {
  const mask = (fields: string, replacement: string) => () => transformOf('MaskField$Value', { fields, replacement }).apply(item)!.value
  assert.deepEqual(mask('id,name,tiny', '12')(), { ...value, id: 12n, name: '12', tiny: 12 })
  assert.deepEqual(mask('price', '9.5')(), { ...value, price: { unscaled: 950n, scale: 2 } })
  assert.throws(mask('price', '9.555'), /9\.555 does not fit its 2 decimal places/)
  assert.throws(mask('tiny', '99999999999'), /"99999999999" to int8, the type of field "tiny"/)
  assert.throws(mask('id', 'abc'), /"abc" to int64/)
  assert.throws(mask('ok', '1'), /Cannot mask field "ok" of type boolean with custom replacement/)
  assert.throws(mask('when', '1'), /with custom replacement/)
  assert.throws(
    () => transformOf('MaskField$Value', { fields: 'raw' }).apply({ ...item, value: { ...value, raw: Buffer.from('x') } }),
    /Cannot mask field "raw" of type bytes/,
  )
  assert.throws(() => transformOf('MaskField$Value', { fields: '' }), /Empty list/)
  assert.throws(() => transformOf('MaskField$Value', { fields: 'a', replacement: '' }), /non-empty/)
})

test('MaskField without a schema masks what is there and adds nothing', () => {
  const mask = transformOf('MaskField$Value', { fields: 's,n,b,l,o,missing,nothing' })
  const plain = { s: 'secret', n: 5n, b: true, l: [1n], o: { p: 1n }, nothing: null, kept: 'k' }
  assert.deepEqual(mask.apply(record('t', plain))!.value, { s: '', n: 0n, b: false, l: [], o: {}, nothing: null, kept: 'k' })
  const tombstone = record('t', null)
  assert.equal(mask.apply(tombstone), tombstone)
})
