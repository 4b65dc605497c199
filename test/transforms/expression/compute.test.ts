import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, DataError, fieldOf, logical, primitive, record, structOf, type ConnectRecord } from '../../../core/index.ts'
import { transformOf } from '../apply.ts'

const customer = structOf([['name', primitive('string')]], { optional: true, name: 'customer' })
const schema = structOf(
  [
    ['id', primitive('int64')],
    ['qty', primitive('int32', { optional: true })],
    ['net', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })],
    ['customer', customer],
  ],
  { name: 'shop.order', version: 3 },
)
const order = (changes: object = {}, extras: object = {}): ConnectRecord =>
  record(
    'orders',
    { id: 1n, qty: 3, net: { unscaled: 1000n, scale: 2 }, customer: { name: 'Zoë' }, ...changes },
    { valueSchema: schema, ...extras },
  )

test('fields are added in their order, and replaced in their place', () => {
  const transform = transformOf('Compute$Value', {
    expressions: 'gross = round(value.net * 1.19, 2)\nqty = value.qty + 1\n\nupper = value.customer.name.upper()',
  })
  const made = transform.apply(order())!
  assert.deepEqual(made.value, {
    id: 1n,
    qty: 4n,
    net: { unscaled: 1000n, scale: 2 },
    customer: { name: 'Zoë' },
    gross: { unscaled: 1190n, scale: 2 },
    upper: 'ZOË',
  })
  assert.deepEqual(
    made.valueSchema!.fields.map(({ name, schema: { type, optional } }) => [name, type, optional]),
    [
      ['id', 'int64', false],
      ['qty', 'int64', true],
      ['net', 'bytes', false],
      ['customer', 'struct', true],
      ['gross', 'bytes', true],
      ['upper', 'string', true],
    ],
  )
  assert.equal(made.valueSchema!.name, 'shop.order')
  assert.equal(made.valueSchema!.version, 3)
  assert.deepEqual(fieldOf(made.valueSchema!, 'gross')!.schema.parameters, { scale: '2' })
  assert.equal(transform.apply(order({ id: 2n }))!.valueSchema, made.valueSchema, 'one schema for all records of a schema')
})

test('all expressions see the record as it came', () => {
  const made = transformOf('Compute$Value', { expressions: 'id = value.qty\nqty = value.id' }).apply(order())!
  assert.deepEqual([(made.value as { id: unknown }).id, (made.value as { qty: unknown }).qty], [3, 1n])
})

test('a long expression goes on in lines that start with a space', () => {
  const made = transformOf('Compute$Value', { expressions: 'size = value.qty > 2\n  ? "many"\n  : "few"\nn = 1' }).apply(order())!
  assert.equal((made.value as { size: unknown }).size, 'many')
})

test('paths lead into nested structs, make new ones, and leave a null one null', () => {
  const transform = transformOf('Compute$Value', {
    expressions: 'customer.size = size(value.customer.name)\nmeta.from.topic = topic\n`a.b` = 1',
    'on.error': 'null',
  })
  const made = transform.apply(order())!
  assert.deepEqual((made.value as { customer: unknown }).customer, { name: 'Zoë', size: 3n })
  assert.deepEqual((made.value as { meta: unknown }).meta, { from: { topic: 'orders' } })
  assert.equal((made.value as Record<string, unknown>)['a.b'], 1n)
  const nested = fieldOf(made.valueSchema!, 'customer')!.schema
  assert.deepEqual([nested.name, nested.optional, nested.fields.map(({ name }) => name)], ['customer', true, ['name', 'size']])
  assert.equal((transform.apply(order({ customer: null }))!.value as { customer: unknown }).customer, null)
  assert.throws(() => transformOf('Compute$Value', { expressions: 'id.x = 1' }).apply(order()), /field "id" of shop\.order is int64/)
})

test('on.error says what an expression without a value does', () => {
  const lines = { expressions: 'more = value.qty + 1' }
  assert.throws(
    () => transformOf('Compute$Value', lines).apply(order({ qty: null })),
    (error: Error) => {
      assert.ok(error instanceof DataError)
      assert.match(
        error.message,
        /^Compute of "more": value\.qty is null; write coalesce\(value\.qty, \.\.\.\).*at character 7 of "value\.qty \+ 1" \(a record of topic "orders"\)$/,
      )
      return true
    },
  )
  const lenient = transformOf('Compute$Value', { ...lines, 'on.error': 'null' })
  assert.equal((lenient.apply(order({ qty: null }))!.value as { more: unknown }).more, null)
  assert.equal((lenient.apply(order())!.value as { more: unknown }).more, 4n)
  const misfit = transformOf('Compute$Value', { expressions: 'x = value.nothing', 'on.error': 'null' })
  assert.throws(() => misfit.apply(order()), /value has no field "nothing"/)
})

test('records without a schema get plain members', () => {
  const transform = transformOf('Compute$Value', { expressions: 'b = value.a * 2\nc.d = value.s + "!"', 'on.error': 'null' })
  assert.deepEqual(transform.apply(record('t', { a: 2n, s: 'x' }))!.value, { a: 2n, s: 'x', b: 4n, c: { d: 'x!' } })
  assert.deepEqual(transform.apply(record('t', { a: null, c: null }))!.value, { a: null, b: null, c: null })
  const made = transform.apply(
    record(
      't',
      new Map<string, unknown>([
        ['a', 1.5],
        ['s', ''],
      ]),
    ),
  )!.value
  assert.deepEqual(
    made,
    new Map<string, unknown>([
      ['a', 1.5],
      ['s', ''],
      ['b', 3],
      ['c', { d: '!' }],
    ]),
  )
  assert.throws(() => transform.apply(record('t', 'text')), DataError)
})

test('tombstones pass, and a key is computed as a value is', () => {
  const tombstone = record('t', null, { key: { id: 1n } })
  assert.equal(transformOf('Compute$Value', { expressions: 'a = 1' }).apply(tombstone), tombstone)
  const made = transformOf('Compute$Key', { expressions: 'bucket = key.id % 10' }).apply(record('t', null, { key: { id: 42n } }))!
  assert.deepEqual([made.key, made.value], [{ id: 42n, bucket: 2n }, null])
  const both = transformOf('Compute$Value', { expressions: 'from = key.id' })
  const keySchema = structOf([['id', primitive('int32')]])
  const typed = both.apply(order({}, { key: { id: 5 }, keySchema }))!
  assert.equal(fieldOf(typed.valueSchema!, 'from')!.schema.type, 'int32')
  assert.equal((typed.value as { from: unknown }).from, 5)
})

test('one batch may hold records of several schemas, and of none', () => {
  const transform = transformOf('Compute$Value', { expressions: 'n = value.n + 1' })
  const small = structOf([['n', primitive('int8')]])
  const exact = structOf([['n', primitive('bytes', { name: logical.decimal, parameters: { scale: '1' } })]])
  const results = [
    record('t', { n: 1 }, { valueSchema: small }),
    record('t', { n: 1.5 }),
    record('t', { n: { unscaled: 15n, scale: 1 } }, { valueSchema: exact }),
    record('t', { n: 2 }, { valueSchema: small }),
  ].map((one) => (transform.apply(one)!.value as { n: unknown }).n)
  assert.deepEqual(results, [2n, 2.5, { unscaled: 25n, scale: 1 }, 3n])
})

test('wrong expressions are refused at creation, with line and place', () => {
  const refused = (expressions: string, message: RegExp) =>
    assert.throws(
      () => transformOf('Compute$Value', { expressions }),
      (error: Error) => (assert.match(error.message, message), true),
    )
  refused('', /no expression/)
  refused('just text', /"just text" is not of the form name = expression/)
  refused('a == 1', /not of the form/)
  refused('a = 1\na = 2', /made by more than one line/)
  refused('a = 1\na.b = 2', /made by more than one line/)
  refused('a[] = 1', /many values/)
  refused('a..b = 1', /empty step/)
  refused('a = value.x +', /Unexpected token: EOF, at character 10/)
  refused('ok = 1\nbad = nope(1)', /bad = nope\(1\).*there is no function "nope"/)
  assert.throws(() => transformOf('Compute$Value', { expressions: 'a = nope' }), ConfigError)
})
