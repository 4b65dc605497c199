import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { arrayOf, logical, mapOf, primitive, record, structOf } from '../../core/index.ts'
import { predicateOf, transformOf } from './apply.ts'

const price = primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' }, optional: true })
const customer = structOf(
  [
    ['name', primitive('string')],
    ['email', primitive('string', { optional: true })],
  ],
  { optional: true },
)
const line = structOf([
  ['sku', primitive('string')],
  ['count', primitive('int32')],
  ['card', primitive('string', { optional: true })],
])
const schema = structOf(
  [
    ['id', primitive('int64')],
    ['state', primitive('string', { optional: true })],
    ['price', price],
    ['customer', customer],
    ['lines', arrayOf(line)],
    ['at', primitive('int64', { name: logical.timestamp, version: 1, optional: true })],
    ['odd.name', primitive('string', { optional: true })],
  ],
  { name: 'order' },
)
const value = {
  id: 9_007_199_254_740_993n,
  state: 'paid',
  price: { unscaled: 1050n, scale: 2 },
  customer: { name: 'Zoë', email: 'zoe@example.org' },
  lines: [
    { sku: 'a-1', count: 2, card: '4111111111111111' },
    { sku: 'b-2', count: 1, card: null },
  ],
  at: 1_700_000_000_000n,
  'odd.name': 'odd',
}
const order = record('orders', value, { valueSchema: schema, key: { id: 7n }, timestamp: 1_700_000_000_000, partition: 3 })
const plain = record('orders', JSON.parse(JSON.stringify({ ...value, id: undefined, price: 1.5, at: 5 })), {})
const with_ = (changes: object) => ({ ...order, value: { ...value, ...changes } })

test('Validate lets through what keeps its rules, and names path, value and rule of what breaks them', () => {
  const validate = transformOf('Validate$Value', {
    required: 'id,customer.email,lines[].sku',
    types: 'id:int64,price:decimal,lines:array,lines[].count:integer',
    ranges: 'price:0..10.50,lines[].count:1..,id:9007199254740993..',
    enums: 'state:new|paid|sent',
    patterns: 'customer.email:[^@]+@[^@]+\n lines[].sku:[a-z]-\\d{1,3}',
  })
  assert.equal(validate.apply(order), order)
  const says = (changes: object, message: RegExp) => assert.throws(() => validate.apply(with_(changes)), { name: 'DataError', message })
  says({ state: 'lost' }, /topic "orders".*field "state" is "lost", which is not one of new\|paid\|sent/)
  says({ price: { unscaled: 1051n, scale: 2 } }, /field "price" is 10\.51, which is not in the range 0\.\.10\.50/)
  says({ id: 9_007_199_254_740_992n }, /field "id" is 9007199254740992, which is not in the range/)
  says({ customer: null }, /field "customer\.email" is missing \(required\)/)
  says(
    {
      lines: [
        { sku: 'a-1', count: 1 },
        { sku: 'A', count: 0 },
      ],
    },
    /"lines\[1\]\.count" is 0.*"lines\[1\]\.sku" is "A", which does not match/,
  )
})

test('Validate: null keeps every rule but required, tombstones pass unless refused', () => {
  const validate = transformOf('Validate$Value', { types: 'state:string', enums: 'state:new', ranges: 'price:1..' })
  assert.ok(validate.apply(with_({ state: null, price: null })))
  const tombstone = record('orders', null)
  assert.equal(validate.apply(tombstone), tombstone)
  assert.throws(() => transformOf('Validate$Value', { tombstones: 'error' }).apply(tombstone), /null value/)
})

test('Validate works without a schema, and a rule beside the schema is broken', () => {
  const validate = transformOf('Validate$Value', { required: 'customer.name', types: 'price:number,lines[].count:int8' })
  assert.equal(validate.apply(plain), plain)
  assert.throws(() => validate.apply(record('t', { customer: new Map([['name', null]]) })), /"customer.name" is missing/)
  assert.throws(() => transformOf('Validate$Value', { ranges: 'pirce:1..' }).apply(order), /"pirce" is not in the schema/)
  const map = record('t', new Map([['a', 1]]), { valueSchema: mapOf(primitive('string'), primitive('int32')) })
  assert.equal(transformOf('Validate$Value', { ranges: 'a:0..1' }).apply(map), map)
})

test('Validate without any rule would guard nothing, and is refused', () => {
  assert.throws(() => transformOf('Validate$Value'), /there is no rule/)
  assert.throws(() => transformOf('Validate$Value', { tombstones: 'error' }).apply(record('t', null)), /null value/)
})

test('Validate refuses rules that it cannot read', () => {
  for (const [key, text] of [
    ['types', 'id:integral'],
    ['ranges', 'id:1-5'],
    ['ranges', 'id:..'],
    ['ranges', 'id:5..1'],
    ['required', 'items[]price'],
    ['enums', 'id'],
    ['patterns', 'id:(?=a)'],
    ['required', 'a..b'],
    ['required', '`a'],
  ] as const) {
    assert.throws(() => transformOf('Validate$Value', { [key]: text }), /Invalid value/, `${key}=${text}`)
  }
})

test('RouteByField makes topics of fields, headers and dates', () => {
  const route = (format: string, more: Record<string, string> = {}) => transformOf('RouteByField', { 'topic.format': format, ...more })
  const headed = { ...order, headers: [{ key: 'h', value: 'x', schema: null }] }
  assert.equal(route('${topic}-${field:state}-${timestamp:yyyyMMdd}').apply(order)!.topic, 'orders-paid-20231114')
  assert.equal(route('${field:customer.email:yyyy}').apply.length, 1)
  assert.equal(route('${field:at:yyyy-MM}.${key:id}.p${partition}.${header:h}').apply(headed)!.topic, '2023-11.7.p3.x')
  assert.equal(route('${field:`odd.name`}').apply(order)!.topic, 'odd')
  assert.equal(route('orders').apply(order), order)
})

test('RouteByField: missing parts, names that Kafka refuses and too many topics', () => {
  const route = (more: Record<string, string>) => transformOf('RouteByField', { 'topic.format': 't.${field:state}', ...more })
  const missing = with_({ state: null })
  assert.throws(() => route({}).apply(missing), { name: 'DataError', message: /lacks a part/ })
  assert.equal(route({ 'missing.field': 'keep' }).apply(missing), missing)
  assert.throws(() => route({}).apply(with_({ state: 'a/b' })), /has the character "\/"/)
  assert.throws(() => route({ 'topics.allowed': 't\\.[a-m].*' }).apply(order), /topics\.allowed does not match/)
  const few = route({ 'topics.max': '2' })
  for (const state of ['a', 'b', 'a']) assert.equal(few.apply(with_({ state }))!.topic, `t.${state}`)
  assert.throws(() => few.apply(with_({ state: 'c' })), /beside 2 others/)
  assert.throws(() => transformOf('RouteByField', { 'topic.format': '${nope}' }), /stands for nothing/)
  assert.throws(() => transformOf('RouteByField', { 'topic.format': '${timestamp:yyyy-bb}' }), /Illegal pattern character 'b'/)
})

test('FieldMatches judges by value, list, range, pattern and presence', () => {
  const matches = (config: Record<string, string>) => predicateOf('FieldMatches$Value', config).test(order)
  assert.equal(matches({ field: 'state', value: 'paid' }), true)
  assert.equal(matches({ field: 'id', value: '9007199254740992' }), false)
  assert.equal(matches({ field: 'price', value: '10.5' }), true)
  assert.equal(matches({ field: 'state', op: 'in', values: 'new,paid' }), true)
  assert.equal(matches({ field: 'price', op: 'range', min: '10', max: '10.49' }), false)
  assert.equal(matches({ field: 'customer.email', op: 'pattern', pattern: '.*@example\\.org' }), true)
  assert.equal(matches({ field: 'customer.phone', op: 'exists' }), false)
  assert.equal(predicateOf('FieldMatches$Key', { field: 'id', value: '7' }).test(order), true)
  assert.throws(() => matches({ field: 'nope', value: 'x', 'missing.field': 'error' }), /no field "nope"/)
  assert.throws(() => matches({ field: 'customer', value: 'x' }), /cannot judge/)
  assert.throws(() => predicateOf('FieldMatches$Value', { field: 'a', op: 'range' }), /needs min or max/)
  assert.equal(predicateOf('FieldMatches$Value', { field: 'state', value: 'x' }).test(record('t', null)), false)
})

test('Mask redacts, keeps a few characters, or hashes, in nested fields and arrays', () => {
  const redacted = transformOf('Mask$Value', { fields: 'customer.email,price,lines[].card' }).apply(order)!
  assert.deepEqual(redacted.value, {
    ...value,
    price: null,
    customer: { name: 'Zoë', email: '****' },
    lines: value.lines.map((one) => ({ ...one, card: one.card && '****' })),
  })
  assert.deepEqual(order.value, value)
  const partial = transformOf('Mask$Value', { fields: 'lines[].card,state', mode: 'partial' }).apply(order)!.value as typeof value
  assert.deepEqual([partial.lines[0]!.card, partial.lines[1]!.card, partial.state], ['************1111', null, '****'])
  const salt = '0123456789abcdef'
  const hashed = transformOf('Mask$Value', { fields: 'id,customer.name', mode: 'hash', salt }).apply(order)!
  const hash = (text: string) => createHmac('sha256', salt).update(text).digest('hex')
  assert.equal((hashed.value as typeof value).id, hash('9007199254740993') as never)
  assert.equal((hashed.value as typeof value).customer.name, hash('Zoë'))
  assert.equal(hashed.valueSchema!.fields[0]!.schema.type, 'string')
})

test('Mask leaves nothing in clear that it was told to hide', () => {
  assert.throws(() => transformOf('Mask$Value', { fields: 'id' }).apply(order), /cannot become null/)
  assert.throws(() => transformOf('Mask$Value', { fields: 'emial' }).apply(order), /no field "emial" to mask/)
  assert.ok(transformOf('Mask$Value', { fields: 'emial', 'missing.field': 'ignore' }).apply(order))
  assert.throws(() => transformOf('Mask$Value', { fields: 'id', mode: 'hash', salt: 'short' }), /16 characters/)
  assert.throws(() => transformOf('Mask$Value', { fields: 'customer,customer.name' }), /names/)
  const path = { fields: 'customer.email,lines[].card' }
  for (const plain of [
    { customer: [{ email: 'a@b' }] },
    { customer: 'a@b' },
    { lines: { card: '4111' } },
    { lines: [[{ card: '4111' }]] },
  ]) {
    assert.throws(() => transformOf('Mask$Value', path).apply(record('t', plain)), /Mask: ".*" leads through (an array|a string|a struct)/)
    assert.deepEqual(transformOf('Mask$Value', { ...path, 'missing.field': 'ignore' }).apply(record('t', plain))!.value, plain)
  }
  for (const plain of [{}, { customer: null, lines: [null] }, { customer: {}, lines: [] }]) {
    assert.deepEqual(transformOf('Mask$Value', path).apply(record('t', plain))!.value, plain)
  }
  assert.throws(() => transformOf('Mask$Value', { fields: 'id', mode: 'partial' }).apply(order), /is for text/)
  assert.deepEqual(transformOf('Mask$Value', { fields: 'a.b,c' }).apply(record('t', { a: { b: 'x', d: 1 }, c: 5n }))!.value, {
    a: { b: '****', d: 1 },
    c: null,
  })
})
