import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { arrayOf, logical, primitive, record, structOf, type Schema } from '../../../core/index.ts'
import { computation } from '../../../transforms/expression/expression.ts'
import { functionNames } from '../../../transforms/expression/functions.ts'

const text = readFileSync(join(import.meta.dirname, '../../../docs/expressions.md'), 'utf8')
const optional = { optional: true }
const after = structOf(
  [
    ['id', primitive('int64')],
    ['state', primitive('string')],
  ],
  optional,
)
const schema = structOf([
  ['id', primitive('int64')],
  ['qty', primitive('int32')],
  ['total', primitive('int64')],
  ['price', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })],
  ['rate', primitive('float64')],
  ['name', primitive('string')],
  ['note', primitive('string', optional)],
  ['paid', primitive('boolean')],
  ['created', primitive('int64', { name: logical.timestamp, version: 1 })],
  ['updated', primitive('int64', { name: logical.microTimestamp, version: 1 })],
  ['day', primitive('int32', { name: logical.date, version: 1 })],
  ['raw', primitive('bytes')],
  ['tags', arrayOf(primitive('string'))],
  [
    'lines',
    arrayOf(
      structOf([
        ['sku', primitive('string')],
        ['count', primitive('int32')],
      ]),
    ),
  ],
  ['after', after],
  ['before', after],
  ['json', primitive('string')],
])
const keySchema = structOf([['id', primitive('int64')]])
const order = record(
  'shop.orders',
  {
    id: 7n,
    qty: 3,
    total: 9223372036854775807n,
    price: { unscaled: 1010n, scale: 2 },
    rate: 0.5,
    name: 'Zoë Müller',
    note: null,
    paid: true,
    created: 1714602600123n,
    updated: 1714602600123456n,
    day: 19844,
    raw: Uint8Array.of(1, 255),
    tags: ['new', 'vip'],
    lines: [
      { sku: 'a-1', count: 2 },
      { sku: 'b-2', count: 5 },
    ],
    after: { id: 7n, state: 'open' },
    before: null,
    json: '{"n": 12345678901234567}',
  },
  { valueSchema: schema, key: { id: 7n }, keySchema, headers: [{ key: 'trace', value: 't-1', schema: null }] },
)

const row = /^\|\s+`(.+)`\s+\|\s+(?:`(.+)`|error: (.+?))\s+\|(.*)\|$/gm
const examples = [...text.matchAll(row)].map(([, expression, result, error, type]) => ({
  expression: expression!.replaceAll('\\|', '|'),
  result,
  error,
  type: type!.trim(),
}))

test('the docs have examples of every function', () => {
  assert.ok(examples.length > 120, `${examples.length} examples`)
  const missing = functionNames.filter((name) => !examples.some(({ expression }) => new RegExp(`\\b${name}\\(`).test(expression)))
  assert.deepEqual(missing, [])
})

for (const { expression, result, error, type } of examples) {
  test(`docs: ${expression}`, () => {
    if (error !== undefined) {
      assert.throws(
        () => computed(expression),
        (thrown: Error) => (assert.ok(thrown.message.includes(error), thrown.message), true),
      )
      return
    }
    assert.equal(computed(`toJson(${expression})`).value, result)
    assert.equal(typeText(computed(expression).schema!), type)
  })
}

function computed(expression: string): { readonly schema: Schema | null; readonly value: unknown } {
  const { schema: made, value } = computation(expression, 'docs').forSchemas(keySchema, schema, false)
  return { schema: made, value: value(order) }
}

function typeText({ type, name, parameters, valueSchema }: Schema): string {
  if (name === logical.decimal) return `Decimal(${parameters!['scale']})`
  if (name !== null) return name.slice(name.lastIndexOf('.') + 1)
  return valueSchema === null ? type : `${type === 'array' ? 'list' : type} of ${typeText(valueSchema)}`
}
