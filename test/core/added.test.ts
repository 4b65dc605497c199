import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addedOf,
  addedParameters,
  arrayOf,
  logical,
  mapOf,
  optional,
  primitive,
  structOf,
  withExtras,
  type Schema,
} from '../../core/index.ts'

const told = (schema: Schema, value: unknown) =>
  addedOf(withExtras(schema, { parameters: { ...schema.parameters, ...addedParameters({ value }) } }))

const decimal = primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })
const text = optional(primitive('string'))
const kinds: readonly (readonly [Schema, fc.Arbitrary<unknown>])[] = [
  [primitive('int32'), fc.integer()],
  [primitive('int64'), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)],
  [primitive('float64'), fc.double()],
  [primitive('boolean'), fc.boolean()],
  [primitive('string'), fc.string({ unit: 'binary' })],
  [primitive('bytes'), fc.uint8Array().map((bytes) => Buffer.from(bytes))],
  [decimal, fc.bigInt().map((unscaled) => ({ unscaled, scale: 2 }))],
  [arrayOf(text), fc.array(fc.option(fc.string()))],
  [mapOf(primitive('int64'), text), fc.array(fc.tuple(fc.bigInt(0n, 99n), fc.option(fc.string()))).map((pairs) => new Map(pairs))],
  [
    structOf([
      ['a', primitive('int64')],
      ['d', optional(decimal)],
    ]),
    fc.tuple(fc.bigInt(), fc.option(fc.bigInt())).map(([a, d]) => ({ a, d: d === null ? null : { unscaled: d, scale: 2 } })),
  ],
]

test('what a source tells of an added column is what a sink hears, for every type', () => {
  for (const [schema, values] of kinds) {
    fc.assert(fc.property(fc.option(values), (value) => assert.deepEqual(told(schema, value), { value })))
  }
})

test('what is not known, is told by nobody, or is no value of the type', () => {
  const int = primitive('int32')
  assert.equal(addedOf(int), undefined)
  assert.deepEqual(addedOf(withExtras(int, { parameters: addedParameters({ unknown: 'the partitions differ' }) })), {
    unknown: 'the partitions differ',
  })
  for (const [schema, value] of [
    [int, 'x'],
    [primitive('boolean'), 1],
    [primitive('int64'), '1.5'],
    [arrayOf(int), 7],
    [arrayOf(int), ['x']],
  ] as const) {
    const added = told(schema, value)
    assert.match(added && 'unknown' in added ? added.unknown : '', /is no value of its type/, JSON.stringify(value))
  }
  const broken = withExtras(int, { parameters: { 'millrace.added.value': '{' } })
  assert.match(JSON.stringify(addedOf(broken)), /no value of its type/)
})
