import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonSchemaFormat } from '../../../core/converter/json-schema/json-schema-format.ts'
import type { JsonMapping } from '../../../core/converter/json-schema/connect-words.ts'
import { DataError, logical, optional, primitive, sameSchema, structOf, type Schema } from '../../../core/index.ts'
import { registryValue } from './registry-values.ts'

const plain: JsonMapping = { decimals: 'BASE64', open: true, nonRequiredOptional: false, unknownMembers: 'fail' }
const head = Buffer.from([0, 0, 0, 0, 7])

function registered(schema: unknown, imports: readonly { name: string; text: string }[] = []) {
  return { kind: 'JSON', text: typeof schema === 'string' ? schema : JSON.stringify(schema), references: [], imports } as const
}

function roundTrip(schema: Schema, value: unknown, mapping = plain) {
  const format = jsonSchemaFormat(mapping)
  const writer = format.writer(schema)
  const bytes = Buffer.from(writer.write(head, value))
  return format.reader(registered(writer.text), null)(bytes, 5)
}

function read(schema: unknown, json: string, mapping = plain) {
  return jsonSchemaFormat(mapping).reader(registered(schema), null)(Buffer.from(json), 0)
}

test('what is written as JSON reads back with the same schema and value', () => {
  const shape = { anyKeys: true, metadata: true, decimals: true, moments: true, nestedLists: true }
  fc.assert(
    fc.property(registryValue(shape), fc.boolean(), ({ schema, value }, numeric) => {
      const back = roundTrip(schema, value, { ...plain, decimals: numeric ? 'NUMERIC' : 'BASE64' })
      assert.deepEqual(back.value, value)
      assert.ok(sameSchema(back.schema, schema))
    }),
    { numRuns: 150 },
  )
})

test("the registered schema carries Confluent's words", () => {
  const schema = structOf(
    [
      ['id', primitive('int64')],
      ['name', optional(primitive('string'))],
      ['price', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })],
    ],
    { name: 'shop.Order', version: 2 },
  )
  assert.deepEqual(JSON.parse(jsonSchemaFormat(plain).writer(schema).text), {
    type: 'object',
    title: 'shop.Order',
    'connect.version': 2,
    properties: {
      id: { type: 'integer', 'connect.type': 'int64', 'connect.index': 0 },
      name: { 'connect.index': 1, oneOf: [{ type: 'null' }, { type: 'string' }] },
      price: {
        type: 'number',
        'connect.type': 'bytes',
        title: logical.decimal,
        'connect.version': 1,
        'connect.parameters': { scale: '2' },
        'connect.index': 2,
      },
    },
  })
})

test('64-bit integers stay exact', () => {
  assert.deepEqual(read({ type: 'object', properties: { a: { type: 'integer' } } }, '{"a":9007199254740993}').value, {
    a: 9007199254740993n,
  })
})

test('schemas that people write are understood', () => {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Order',
    type: 'object',
    definitions: { Money: { type: 'object', properties: { amount: { type: 'number' }, currency: { enum: ['EUR', 'USD'] } } } },
    properties: {
      id: { type: 'string', format: 'uuid', minLength: 1 },
      note: { type: ['string', 'null'], description: 'what they said' },
      total: { $ref: '#/definitions/Money' },
      counts: { type: 'object', additionalProperties: { type: 'integer' } },
      kind: { type: 'string', enum: ['A', 'B'] },
      status: { const: 'open' },
      any: { anyOf: [{ type: 'string' }, { type: 'integer' }, { type: 'null' }] },
      both: { allOf: [{ type: 'object', properties: { x: { type: 'integer' } } }, { properties: { y: { type: 'boolean' } } }] },
      list: { type: 'array', items: { type: 'boolean' } },
      quantity: { type: 'integer', default: 1 },
    },
    required: ['id'],
  }
  const { schema: connect, value } = read(
    schema,
    '{"id":"a","note":null,"total":{"amount":1.5,"currency":"EUR"},"counts":{"x":1},"kind":"B","status":"open","any":5,"both":{"x":1,"y":true},"list":[true]}',
    { ...plain, nonRequiredOptional: true },
  )
  assert.deepEqual(value, {
    id: 'a',
    note: null,
    total: { amount: 1.5, currency: 'EUR' },
    counts: new Map([['x', 1n]]),
    kind: 'B',
    status: 'open',
    any: { 'io.confluent.connect.json.OneOf.field.0': null, 'io.confluent.connect.json.OneOf.field.1': 5n },
    both: { x: 1n, y: true },
    list: [true],
    quantity: 1n,
  })
  assert.equal(connect!.name, 'Order')
  assert.equal(connect!.fields[0]!.schema.optional, false)
  assert.ok(connect!.fields.slice(1).every((field) => field.schema.optional))
  assert.equal(connect!.fields[1]!.schema.doc, 'what they said')
  assert.deepEqual(roundTrip(connect!, value).value, value)
})

test('references to other subjects are found, and nothing is fetched from elsewhere', () => {
  const imports = [
    {
      name: 'item.json',
      text: '{"$id":"http://x/item.json","type":"object","definitions":{"S":{"type":"string"}},"properties":{"sku":{"$ref":"#/definitions/S"}}}',
    },
  ]
  const schema = {
    $id: 'http://x/order.json',
    type: 'object',
    properties: { item: { $ref: 'item.json' }, s: { $ref: 'http://x/item.json#/definitions/S' } },
  }
  const reader = jsonSchemaFormat(plain).reader(registered(schema, imports), null)
  assert.deepEqual(reader(Buffer.from('{"item":{"sku":"a"},"s":"b"}'), 0).value, { item: { sku: 'a' }, s: 'b' })
  assert.throws(() => read({ $ref: 'http://169.254.169.254/x' }, '{}'), { name: 'DataError', message: /nothing is fetched from elsewhere/ })
  assert.throws(() => read({ $ref: '#/definitions/none' }, '{}'), { name: 'DataError', message: /which is not there/ })
  assert.throws(() => read({ $ref: '#/__proto__/x' }, '{}'), { name: 'DataError', message: /which is not there/ })
})

test('a member that the schema does not name fails the record, unless it may be dropped', () => {
  const schema = { type: 'object', properties: { a: { type: 'integer' } } }
  assert.throws(() => read(schema, '{"a":1,"b":2}'), { name: 'DataError', message: /member "b".*json\.unknown\.members=drop/ })
  assert.deepEqual(read(schema, '{"a":1,"b":2}', { ...plain, unknownMembers: 'drop' }).value, { a: 1n })
})

test('values that do not fit are refused with their field', () => {
  const schema = { type: 'object', properties: { a: { type: 'integer' } } }
  for (const json of ['{"a":"1"}', '{"a":1.5}', '{"a":null}', '{}', '[]', '{"a":99999999999999999999}', 'nonsense', '']) {
    assert.throws(() => read(schema, json), DataError, json)
  }
})

test('what has no Connect form is refused with the reason', () => {
  assert.throws(() => read({ type: 'object', properties: { next: { $ref: '#' } } }, '{}'), /contains itself; recursive/)
  assert.throws(() => read({}, '1'), /says nothing of its type/)
  assert.throws(() => read({ type: 'array' }, '[]'), /one schema for its items/)
  assert.throws(() => read({ enum: [1, 'a'] }, '1'), /not all text/)
  assert.throws(() => read(`${'{"items":'.repeat(30_000)}{}${'}'.repeat(30_000)}`, '1'), DataError)
  const doubling = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [
      `d${n}`,
      n === 0
        ? { type: 'string' }
        : { type: 'object', properties: { a: { $ref: `#/definitions/d${n - 1}` }, b: { $ref: `#/definitions/d${n - 1}` } } },
    ]),
  )
  assert.throws(() => read({ definitions: doubling, $ref: '#/definitions/d29' }, '{}'), /more than 20000/)
  const merging = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [
      `d${n}`,
      n === 0 ? { type: 'object' } : { allOf: ['a', 'b'].map(() => ({ $ref: `#/definitions/d${n - 1}` })) },
    ]),
  )
  assert.throws(() => read({ definitions: merging, $ref: '#/definitions/d39' }, '{}'), /more than 20000/)
  assert.throws(() => read({ allOf: [{ $ref: '#' }, { $ref: '#' }] }, '{}'), /nested deeper|contains itself/)
})

test('under the latest schema, what it cannot tell is refused if strict', () => {
  const format = jsonSchemaFormat(plain)
  const schema = structOf([
    ['a', primitive('int64')],
    ['b', primitive('string')],
  ])
  const latest = registered({ type: 'object', properties: { a: { type: 'integer' } } })
  assert.throws(() => format.writerAs(schema, latest, true), /"b" is not in the subject's latest schema/)
  assert.equal(Buffer.from(format.writerAs(schema, latest, false).write(head, { a: 1n, b: 'x' })).toString('utf8', 5), '{"a":1,"b":"x"}')
})
