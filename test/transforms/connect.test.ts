import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrayOf, logical, mapOf, primitive, record, structOf, withExtras, type ConnectRecord, type Schema } from '../../core/index.ts'
import { transformOf } from './apply.ts'

const address = structOf(
  [
    ['city', primitive('string', { optional: true, defaultValue: 'nowhere' })],
    ['zip', primitive('int32')],
  ],
  { optional: true, name: 'address' },
)
const scale2 = primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' }, optional: true })
const schema = structOf(
  [
    ['id', primitive('int64')],
    ['name', primitive('string', { optional: true, defaultValue: 'nobody' })],
    ['ratio', primitive('float64', { optional: true })],
    ['price', scale2],
    ['at', primitive('int64', { name: logical.timestamp, version: 1, optional: true })],
    ['address', address],
    ['tags', arrayOf(primitive('string'), { optional: true })],
  ],
  { name: 'item', version: 2, doc: 'd' },
)
const value = {
  id: 9_007_199_254_740_993n,
  name: null,
  ratio: 1e10,
  price: { unscaled: -5n, scale: 2 },
  at: 951_782_400_000n,
  address: { city: 'Köln', zip: 50667 },
  tags: ['a'],
}
const origin = { partition: 'p', position: 1, seq: 1 }
const key = { id: 1n }
const keySchema = structOf([['id', primitive('int64')]])
const item = record('items', value, { valueSchema: schema, key, keySchema, timestamp: 951_782_400_123, origin })
const plain = record('items', { id: 1n, name: null, address: { city: 'Köln', geo: { lat: 1.5 } }, list: [{ a: 1n }] }, { key: 'k', origin })
const tombstone = record('items', null, { key, keySchema, origin })

const apply = (name: string, raw: Record<string, string>, to: ConnectRecord = item) => transformOf(name, raw).apply(to)!
const valueOf = (name: string, raw: Record<string, string>, to: ConnectRecord = item) =>
  apply(name, raw, to).value as Record<string, unknown>
const schemaOf = (name: string, raw: Record<string, string>, to: ConnectRecord = item) => apply(name, raw, to).valueSchema!
const fieldSchema = (of: Schema, name: string) => of.fields.find((field) => field.name === name)!.schema
const refuses = (name: string, raw: Record<string, string>, message: RegExp) => assert.throws(() => transformOf(name, raw), { message })

test('Cast: fields to each type, exactly; defaults and optionality follow', () => {
  const spec = 'id:string,ratio:int64,price:float64,at:int64,name:string'
  const cast = apply('Cast$Value', { spec })
  assert.deepEqual(cast.value, {
    ...value,
    id: '9007199254740993',
    name: 'nobody',
    ratio: 10_000_000_000n,
    price: -0.05,
    at: 951_782_400_000n,
  })
  assert.deepEqual(fieldSchema(cast.valueSchema!, 'name'), primitive('string', { optional: true, defaultValue: 'nobody' }))
  assert.equal(fieldSchema(cast.valueSchema!, 'at').name, null)
  assert.equal(valueOf('Cast$Value', { spec, 'replace.null.with.default': 'false' })['name'], null)
  assert.deepEqual(valueOf('Cast$Value', { spec: 'ratio:string,price:string,at:string' }), {
    ...value,
    name: 'nobody',
    ratio: '1.0E10',
    price: '-0.05',
    at: '2000-02-29T00:00:00.000Z',
  })
})

test('Cast: what does not fit is an error with field and value; fractions are cut', () => {
  const wrong = (type: string, text: string | number | boolean) => () =>
    valueOf('Cast$Value', { spec: `x:${type}` }, record('t', { x: text }))
  assert.throws(wrong('int8', 300), { name: 'DataError', message: /field "x" is 300, which is out of range for int8/ })
  assert.throws(wrong('int64', 1e30), /out of range for int64/)
  assert.throws(wrong('boolean', 'yes'), /"yes", which is neither true nor false/)
  assert.throws(wrong('int32', '１２'), /not an integer in digits/)
  assert.throws(wrong('float32', 1e300), /out of range for float32/)
  assert.throws(wrong('float64', '1d'), /not a number/)
  assert.throws(wrong('int32', Number.NaN), /cannot be an int32/)
  assert.deepEqual(valueOf('Cast$Value', { spec: 'x:int16' }, record('t', { x: -1.9 })), { x: -1n })
  assert.deepEqual(valueOf('Cast$Value', { spec: 'x:boolean' }, record('t', { x: 'TRUE' })), { x: true })
  assert.deepEqual(valueOf('Cast$Value', { spec: 'missing:int8' }, record('t', { x: 1n })), { x: 1n })
})

test('Cast: the whole value; nulls pass; wrong specs are refused', () => {
  const whole = record('t', { unscaled: 150n, scale: 2 }, { valueSchema: scale2 })
  assert.deepEqual(apply('Cast$Value', { spec: 'string' }, whole).value, '1.50')
  assert.deepEqual(apply('Cast$Value', { spec: 'string' }, whole).valueSchema, primitive('string', { optional: true }))
  assert.equal(apply('Cast$Value', { spec: 'string' }, tombstone), tombstone)
  assert.throws(() => apply('Cast$Value', { spec: 'tags:string' }), /"tags" is of type array/)
  refuses('Cast$Value', { spec: 'a:bytes' }, /Invalid type found in casting spec: bytes/)
  refuses('Cast$Value', { spec: 'int8,a:int8' }, /may only specify a single cast/)
  refuses('Cast$Value', { spec: 'a:int8,a:int16' }, /names a field that "a" names already/)
})

test('DropHeaders and InsertHeader', () => {
  const headers = ['a', 'b', 'a'].map((name) => ({ key: name, value: 1, schema: null }))
  assert.deepEqual(apply('DropHeaders', { headers: 'a' }, { ...item, headers }).headers, [headers[1]])
  assert.equal(apply('DropHeaders', { headers: 'c' }, { ...item, headers }).headers, headers)
  const typed = (text: string) => {
    const { schema: of, value: content } = apply('InsertHeader', { header: 'h', 'value.literal': text }).headers[0]!
    return [of?.name ?? of?.type, content]
  }
  assert.deepEqual(typed('5'), ['int8', 5])
  assert.deepEqual(typed('3000000000'), ['int64', 3_000_000_000n])
  assert.deepEqual(typed('007'), ['string', '007'])
  assert.deepEqual(typed('3.141592653589793'), ['float64', 3.141592653589793])
  assert.deepEqual(typed('9223372036854775808'), [logical.decimal, { unscaled: 9_223_372_036_854_775_808n, scale: 0 }])
  assert.deepEqual(typed('2023-02-28'), [logical.date, 19_416])
  assert.deepEqual(typed('2023-02-30'), ['string', '2023-02-30'])
  assert.deepEqual(typed('[1,300]'), ['array', [1, 300]])
  assert.deepEqual(typed('{"a":true}'), ['map', new Map([['a', true]])])
  assert.deepEqual(typed('[1,"x"]'), ['string', '[1,"x"]'])
})

test('ExtractField: with schema and without, nulls, defaults and unknown fields', () => {
  assert.equal(apply('ExtractField$Value', { field: 'name' }).value, 'nobody')
  assert.equal(apply('ExtractField$Value', { field: 'name', 'replace.null.with.default': 'false' }).value, null)
  assert.equal(apply('ExtractField$Key', { field: 'id' }).key, 1n)
  assert.throws(() => apply('ExtractField$Value', { field: 'nope' }), /Unknown field: nope/)
  assert.equal(apply('ExtractField$Value', { field: 'nope' }, plain).value, null)
  assert.equal(apply('ExtractField$Value', { field: 'id' }, tombstone).value, null)
  const noAddress = { ...item, value: { ...value, address: null } }
  assert.throws(() => apply('ExtractField$Value', { field: 'address.zip', 'field.syntax.version': 'V2' }, noAddress), /required field/)
})

test('Flatten: names, optional parents, defaults, arrays as they are, collisions', () => {
  const flat = apply('Flatten$Value', { delimiter: '_' })
  assert.deepEqual(flat.value, {
    id: value.id,
    name: 'nobody',
    ratio: 1e10,
    price: value.price,
    at: value.at,
    address_city: 'Köln',
    address_zip: 50667,
    tags: ['a'],
  })
  assert.equal(fieldSchema(flat.valueSchema!, 'address_zip').optional, true)
  assert.equal(valueOf('Flatten$Value', {}, { ...item, value: { ...value, address: null } })['address.city'], null)
  assert.deepEqual(valueOf('Flatten$Value', {}, plain), {
    id: 1n,
    name: null,
    'address.city': 'Köln',
    'address.geo.lat': 1.5,
    list: [{ a: 1n }],
  })
  assert.throws(() => valueOf('Flatten$Value', {}, record('t', { 'a.b': 1n, a: { b: 2n } })), /two fields .* the name "a\.b"/)
  const map = structOf([['m', mapOf(primitive('string'), primitive('string'))]])
  assert.throws(() => apply('Flatten$Value', {}, record('t', { m: new Map() }, { valueSchema: map })), /does not support maps/)
  assert.equal(apply('Flatten$Value', {}, tombstone), tombstone)
})

test('HeaderFrom: copy keeps, move takes away; schemas go along', () => {
  const copied = apply('HeaderFrom$Value', { fields: 'id,name', headers: 'h1,h2', operation: 'copy' })
  assert.deepEqual(copied.headers, [
    { key: 'h1', value: value.id, schema: fieldSchema(schema, 'id') },
    { key: 'h2', value: 'nobody', schema: fieldSchema(schema, 'name') },
  ])
  assert.equal(copied.value, value)
  const moved = apply('HeaderFrom$Value', { fields: 'id', headers: 'h', operation: 'move' }, plain)
  assert.deepEqual([moved.headers[0]!.value, Object.hasOwn(moved.value as object, 'id')], [1n, false])
  assert.throws(() => apply('HeaderFrom$Value', { fields: 'nope', headers: 'h', operation: 'copy' }), /no field "nope"/)
  assert.equal(apply('HeaderFrom$Value', { fields: 'id', headers: 'h', operation: 'move' }, tombstone), tombstone)
  refuses('HeaderFrom$Value', { fields: 'a,b', headers: 'h', operation: 'copy' }, /2 fields and 1 headers/)
  refuses('HeaderFrom$Value', { fields: 'a', headers: 'h', operation: 'Move' }, /one of: move, copy/)
})

test('HoistField wraps, and leaves tombstones alone', () => {
  const wrapped = apply('HoistField$Value', { field: 'a.b' })
  assert.deepEqual([wrapped.value, wrapped.valueSchema!.fields[0]!.schema], [{ 'a.b': value }, schema])
  assert.deepEqual(valueOf('HoistField$Value', { field: 'a.b', 'field.syntax.version': 'V2' }), { a: { b: value } })
  assert.equal(apply('HoistField$Value', { field: 'a' }, tombstone), tombstone)
  assert.deepEqual(apply('HoistField$Key', { field: 'a' }, record('t', 1n)).key, { a: null })
  const nullable = record('t', null, { valueSchema: withExtras(schema, { optional: true }) })
  assert.deepEqual(apply('HoistField$Value', { field: 'a' }, nullable).value, { a: null })
  assert.throws(() => apply('HoistField$Value', { field: 'a' }, { ...nullable, valueSchema: schema }), /does not allow/)
})

test('SetSchemaMetadata sets name and version of any schema but a logical one', () => {
  const named = schemaOf('SetSchemaMetadata$Value', { 'schema.name': 'n', 'schema.version': '9' })
  assert.deepEqual([named.name, named.version, named.doc, named.fields], ['n', 9, 'd', schema.fields])
  assert.equal(valueOf('SetSchemaMetadata$Value', { 'schema.name': 'n' })['name'], 'nobody')
  const text = record('t', 'x', { valueSchema: primitive('string') })
  assert.equal(apply('SetSchemaMetadata$Value', { 'schema.name': 'n' }, text).valueSchema!.name, 'n')
  assert.throws(() => apply('SetSchemaMetadata$Value', { 'schema.name': 'n' }, plain), /Schema required/)
  assert.equal(apply('SetSchemaMetadata$Value', { 'schema.name': 'n' }, tombstone), tombstone)
  const price = record('t', value.price, { valueSchema: scale2 })
  assert.throws(() => apply('SetSchemaMetadata$Value', { 'schema.name': 'n' }, price), /nobody could read it/)
  refuses('SetSchemaMetadata$Value', {}, /Neither schema name nor version/)
})

test('TimestampConverter: between all forms, losing nothing that the target can hold', () => {
  const at = (target: string, more: Record<string, string> = {}) =>
    valueOf('TimestampConverter$Value', { field: 'at', 'target.type': target, ...more })['at']
  assert.equal(at('string', { format: "yyyy-MM-dd'T'HH:mm:ss.SSSX" }), '2000-02-29T00:00:00.000Z')
  assert.equal(at('unix', { 'unix.precision': 'nanoseconds' }), 951_782_400_000_000_000n)
  assert.equal(at('Date'), 11_016)
  assert.equal(at('Time'), 0)
  const unix = (when: bigint, target: string, precision: string) =>
    apply(
      'TimestampConverter$Value',
      { 'target.type': target, 'unix.precision': precision },
      record('t', when, { valueSchema: primitive('int64') }),
    ).value
  assert.equal(unix(1_234_567n, 'unix', 'microseconds'), 1_234_567n)
  assert.equal(unix(-1n, 'Timestamp', 'microseconds'), -1n)
  assert.equal(unix(-1n, 'Date', 'microseconds'), -1)
  assert.throws(() => unix(9_000_000_000_000_000_000n, 'Timestamp', 'seconds'), /out of range for Timestamp/)
  const micro = record('t', 1_500n, { valueSchema: primitive('int64', { name: logical.microTimestamp, version: 1 }) })
  assert.equal(apply('TimestampConverter$Value', { 'target.type': 'Timestamp' }, micro).value, 1n)
})

test('TimestampConverter: text is read strictly, and only by a format', () => {
  const read = (text: string, format: string) =>
    apply('TimestampConverter$Value', { 'target.type': 'unix', format }, record('t', text)).value
  assert.equal(read('2023-11-14', 'yyyy-MM-dd'), 1_699_920_000_000n)
  assert.throws(() => read('2023-02-30', 'yyyy-MM-dd'), /no such day/)
  assert.throws(() => read('2023-11-14 x', 'yyyy-MM-dd'), /something follows/)
  assert.throws(() => read('2023-11-14', ''), /key format must say/)
  assert.throws(() => apply('TimestampConverter$Value', { 'target.type': 'Date' }, record('t', 5n)), /no schema/)
  assert.equal(apply('TimestampConverter$Value', { 'target.type': 'unix' }, tombstone), tombstone)
  assert.deepEqual(valueOf('TimestampConverter$Value', { field: 'nope', 'target.type': 'unix' }, plain), plain.value)
  refuses('TimestampConverter$Value', { 'target.type': 'string' }, /requires format/)
  refuses('TimestampConverter$Value', { 'target.type': 'unix', format: 'YYYY-ww' }, /can be written but not read/)
  refuses('TimestampConverter$Value', { 'target.type': 'string', format: 'SSSSSS' }, /write SSS/)
  refuses('TimestampConverter$Value', { 'target.type': 'date' }, /must be one of/)
})

test('TimestampRouter names topics after the timestamp', () => {
  assert.equal(apply('TimestampRouter', {}).topic, 'items-20000229')
  assert.equal(apply('TimestampRouter', { 'topic.format': '${timestamp}.${topic}', 'timestamp.format': "HH'h'" }).topic, '00h.items')
  assert.throws(() => apply('TimestampRouter', {}, plain), /Timestamp missing/)
  refuses('TimestampRouter', { 'timestamp.format': 'jj' }, /Illegal pattern character/)
})

test('ValueToKey: fields of the value, in their order', () => {
  const keyed = apply('ValueToKey', { fields: 'name,id' })
  assert.deepEqual(keyed.key, { name: 'nobody', id: value.id })
  assert.deepEqual(
    keyed.keySchema!.fields.map((field) => field.name),
    ['name', 'id'],
  )
  assert.deepEqual(apply('ValueToKey', { fields: 'name' }, plain).key, { name: null })
  assert.throws(() => apply('ValueToKey', { fields: 'nope' }, plain), /Field does not exist: nope/)
  assert.throws(() => apply('ValueToKey', { fields: 'id' }, tombstone), /null value/)
  refuses('ValueToKey', { fields: 'a.id,b.id', 'field.syntax.version': 'V2' }, /key's field "id"/)
})

test('V2 paths reach nested fields in every transform that names fields', () => {
  const v2 = { 'field.syntax.version': 'V2' }
  const inAddress = (name: string, raw: Record<string, string>) => valueOf(name, { ...v2, ...raw })['address']
  assert.deepEqual(inAddress('Cast$Value', { spec: 'address.zip:string' }), { city: 'Köln', zip: '50667' })
  assert.deepEqual(inAddress('MaskField$Value', { fields: 'address.city' }), { city: '', zip: 50667 })
  assert.deepEqual(inAddress('ReplaceField$Value', { exclude: 'address.zip', renames: 'address.city:town' }), { town: 'Köln' })
  assert.deepEqual(valueOf('ReplaceField$Value', { ...v2, include: 'address.zip,id' }), { id: value.id, address: { zip: 50667 } })
  assert.deepEqual(inAddress('InsertField$Value', { 'topic.field': 'address.topic' }), { city: 'Köln', zip: 50667, topic: 'items' })
  assert.deepEqual(valueOf('InsertField$Value', { ...v2, 'topic.field': 'meta.from.topic' })['meta'], { from: { topic: 'items' } })
  assert.equal(apply('ExtractField$Value', { ...v2, field: '`address`.`zip`' }).value, 50667)
  assert.deepEqual(apply('ValueToKey', { ...v2, fields: 'address.zip' }).key, { zip: 50667 })
  const moved = apply('HeaderFrom$Value', { ...v2, fields: 'address.zip', headers: 'zip', operation: 'move' })
  assert.deepEqual([(moved.value as typeof value).address, moved.headers[0]!.value], [{ city: 'Köln' }, 50667])
  assert.equal(moved.valueSchema!.fields[5]!.schema.optional, true)
  const nested = record('t', { a: { at: 1_000n, 'x.y': 1n } })
  assert.deepEqual(valueOf('TimestampConverter$Value', { ...v2, field: 'a.at', 'target.type': 'string', format: 'ss' }, nested), {
    a: { at: '01', 'x.y': 1n },
  })
  assert.deepEqual(valueOf('Cast$Value', { ...v2, spec: 'a.`x.y`:string' }, nested), { a: { at: 1_000n, 'x.y': '1' } })
  assert.throws(
    () => apply('InsertField$Value', { ...v2, 'topic.field': 'address.t' }, { ...item, value: { ...value, address: null } }),
    /is null/,
  )
  refuses('MaskField$Value', { ...v2, fields: 'a..b' }, /empty step/)
  refuses('MaskField$Value', { ...v2, fields: '`a' }, /incomplete backtick/)
  refuses('MaskField$Value', { ...v2, fields: 'a,a.b' }, /names/)
})

test('a field named __proto__ is a field like any other', () => {
  const odd = structOf([
    ['__proto__', primitive('string')],
    ['id', primitive('int64')],
  ])
  const struct = Object.fromEntries([
    ['__proto__', 'p'],
    ['id', 1n],
  ])
  const given = record('t', struct, { valueSchema: odd })
  for (const [name, raw] of [
    ['Cast$Value', { spec: 'id:string' }],
    ['Flatten$Value', {}],
    ['ReplaceField$Value', { exclude: 'id' }],
    ['MaskField$Value', { fields: 'id' }],
    ['InsertField$Value', { 'topic.field': 't' }],
  ] as const) {
    assert.equal(Object.getOwnPropertyDescriptor(apply(name, raw, given).value as object, '__proto__')?.value, 'p', name)
  }
  assert.equal(apply('ExtractField$Value', { field: '__proto__' }, given).value, 'p')
  assert.equal(apply('ExtractField$Value', { field: 'constructor' }, plain).value, null)
})
