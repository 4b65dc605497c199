import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { logical, primitive, record, structOf, type ConnectRecord } from '../../../core/index.ts'
import { transformOf } from '../apply.ts'

const decode = (raw: Record<string, string>, side = 'Value') => transformOf(`DecodeJson$${side}`, raw)
const connect = JSON.stringify({
  type: 'struct',
  name: 'order',
  fields: [
    { field: 'id', type: 'int64' },
    { field: 'price', type: 'bytes', name: logical.decimal, version: 1, parameters: { scale: '2' }, optional: true },
    { field: 'lines', type: 'array', optional: true, items: { type: 'struct', fields: [{ field: 'sku', type: 'string' }] } },
  ],
})
const jsonSchema = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'integer', minimum: 1 },
    state: { type: 'string', enum: ['new', 'paid'] },
    mail: { type: 'string', pattern: '@', maxLength: 9 },
    tags: { type: 'array', items: { $ref: '#/definitions/tag' }, minItems: 1 },
  },
  definitions: { tag: { type: 'string', minLength: 2 } },
})
const of = (text: string) => record('orders', text)
const bytes = (text: string) => record('orders', Buffer.from(text))

test('the whole value is read by a Connect schema, exactly, from text or bytes', () => {
  const transform = decode({ schema: connect })
  const text = '{"id":9007199254740993,"price":12.50,"lines":[{"sku":"a"}]}'
  const [one, two] = [of(text), bytes(text)].map((each) => transform.apply(each)!)
  assert.deepEqual(one!.value, { id: 9_007_199_254_740_993n, price: { unscaled: 1_250n, scale: 2 }, lines: [{ sku: 'a' }] })
  assert.deepEqual(two!.value, one!.value)
  assert.equal(one!.valueSchema, two!.valueSchema)
  assert.equal(one!.valueSchema!.name, 'order')
  const tombstone = record('orders', null)
  assert.equal(transform.apply(tombstone), tombstone)
})

test('strict refuses wrong types, unknown names and broken JSON, with the path', () => {
  const transform = decode({ schema: connect })
  const says = (content: ConnectRecord, message: RegExp) => assert.throws(() => transform.apply(content), { name: 'DataError', message })
  says(of('{"id":"5"}'), /the value of a record of topic "orders" cannot be decoded: Field "id" is text "5", which is not a value of int64/)
  says(of('{"id":5,"lines":[{"sku":1}]}'), /Field "lines\[\]\.sku" is 1/)
  says(of('{"id":5,"extra":1}'), /has a member "extra" that is not in its schema/)
  says(of('{"id":5,"price":1.005}'), /1\.005, which does not fit its schema's 2 decimal places/)
  says(of('{"id":5'), /Not JSON/)
  says(of('{"id":5,"id":6}'), /the name "id" twice/)
  says(bytes(''), /no bytes/)
  says(record('orders', Buffer.from([0xff, 0xfe])), /not UTF-8/)
  says(of('['.repeat(600)), /nested deeper than 500 levels/)
  says(record('orders', 5), /is 5; only text and bytes can be decoded/)
})

test('a JSON Schema rejects what breaks its rules, with path and reason', () => {
  const transform = decode({ schema: jsonSchema })
  const value = (text: string) => transform.apply(of(text))!.value
  assert.deepEqual(value('{"id":1,"state":"new","tags":["ab"]}'), { id: 1n, state: 'new', mail: null, tags: ['ab'] })
  const says = (text: string, message: RegExp) => assert.throws(() => value(text), { name: 'DataError', message })
  says('{}', /Field "id" is missing \(required\)/)
  says('{"id":0}', /Field "id" is less than 1/)
  says('{"id":1.5}', /Field "id" is number, but must be integer/)
  says('{"id":1,"state":"lost"}', /Field "state" is none of the values/)
  says('{"id":1,"mail":"nobody"}', /Field "mail" does not match @/)
  says('{"id":1,"mail":"a@bcdefghijk"}', /longer than 9/)
  says('{"id":1,"tags":["ab","c"]}', /Field "tags\[1\]" is shorter than 2/)
  says('{"id":1,"tags":[]}', /Field "tags" has fewer than 1 items/)
  says('{"id":1,"other":2}', /"other" that is not in its schema/)
  says('[1]', /The value is array, but must be object/)
})

test('permissive leaves unknown names out, and keeps structure where there is no schema', () => {
  assert.deepEqual(decode({ schema: jsonSchema, mode: 'permissive' }).apply(of('{"id":1,"other":2}'))!.value, {
    id: 1n,
    state: null,
    mail: null,
    tags: null,
  })
  const free = decode({ mode: 'permissive' }).apply(of('{"a":[1,{"b":9007199254740993}],"c":null}'))!
  assert.deepEqual([free.value, free.valueSchema], [{ a: [1n, { b: 9_007_199_254_740_993n }], c: null }, null])
})

test('a field of a struct is decoded in its place or beside it, nested, nulls included', () => {
  const schema = structOf([
    ['id', primitive('int32')],
    ['doc', structOf([['body', primitive('bytes', { optional: true })]], { optional: true })],
  ])
  const with_ = (doc: unknown) => record('orders', { id: 1, doc }, { valueSchema: schema })
  const inPlace = decode({ schema: jsonSchema, field: 'doc.body' })
  const [full, empty, none] = [with_({ body: Buffer.from('{"id":3}') }), with_({ body: null }), with_(null)].map((one) =>
    inPlace.apply(one)!,
  )
  assert.deepEqual(full!.value, { id: 1, doc: { body: { id: 3n, state: null, mail: null, tags: null } } })
  assert.deepEqual(
    [empty!.value, none!.value],
    [
      { id: 1, doc: { body: null } },
      { id: 1, doc: null },
    ],
  )
  assert.equal(new Set([full, empty, none].map((one) => one!.valueSchema)).size, 1)
  const beside = decode({ schema: jsonSchema, field: 'doc.body', into: 'parsed' }).apply(with_({ body: Buffer.from('{"id":3}') }))!
  assert.deepEqual(Object.keys((beside.value as { doc: object }).doc), ['body', 'parsed'])
  const shown = decode({ mode: 'permissive', field: 'doc.body' }).apply(with_({ body: Buffer.from('{"a":1,"b":[1.5]}') }))!
  assert.deepEqual((shown.value as { doc: { body: unknown } }).doc.body, { a: 1, b: [1.5] })
  const plain = record('orders', { doc: '{"a":1}', other: 2 })
  assert.deepEqual(decode({ mode: 'permissive', field: 'doc' }).apply(plain)!.value, { doc: { a: 1n }, other: 2 })
  assert.deepEqual(plain.value, { doc: '{"a":1}', other: 2 })
  const lacking = record('orders', { other: 2 })
  assert.equal(decode({ mode: 'permissive', field: 'doc' }).apply(lacking), lacking)
  assert.throws(
    () => inPlace.apply(record('t', { id: 1 }, { valueSchema: structOf([['id', primitive('int32')]]) })),
    /have no field "doc\.body"/,
  )
  assert.throws(() => decode({ mode: 'permissive', field: 'doc', into: 'other' }).apply(plain), /has a field "other" already/)
})

test('each topic has its schema, the first pattern decides', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-decode-'))
  const path = join(folder, 'order.json')
  await writeFile(path, connect)
  const transform = decode({ schemas: `shop\\.order.* = ${path}`, schema: jsonSchema })
  assert.equal(transform.apply(record('shop.orders', '{"id":1}'))!.valueSchema!.name, 'order')
  assert.equal(transform.apply(record('else', '{"id":1}'))!.valueSchema!.name, null)
  assert.throws(() => decode({ schemas: `shop\\..* = ${path}` }).apply(of('{"id":1}')), /no schema is set for this topic/)
  await rm(folder, { recursive: true })
  assert.throws(() => decode({ schemas: `a = ${path}` }), { name: 'ConfigError', message: /cannot be read: ENOENT/ })
})

test('what can be known of the config is refused at once', () => {
  const says = (raw: Record<string, string>, message: RegExp) => assert.throws(() => decode(raw), { message })
  says({}, /mode=strict needs a schema/)
  says({ schema: '{"type":"struct"}' }, /Configuration schema: the schema cannot be used: .*"fields"/)
  says({ schema: '{"type":"object","properties":{"a":{"type":"string","contains":1}}}' }, /keyword "contains", which is not supported/)
  says({ schema: '{"$ref":"http://x/y"}' }, /which is not among its references|only references within it/)
  says({ schema: connect, into: 'x' }, /the whole has no field beside it/)
  says({ schema: connect, field: 'a[]' }, /many values/)
  says({ schemas: 'no equals sign' }, /not of the form pattern = file/)
})
