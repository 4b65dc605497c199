import fc from 'fast-check'
import { arrayOf, logical, mapOf, optional, primitive, structOf, type Schema } from '../../../core/index.ts'
import { valueOf } from './arbitrary-values.ts'

/** What a format of the registry can tell: names are plain, each struct's is its own. */
export interface RegistryShape {
  /** Maps with keys that are no strings. */
  readonly anyKeys: boolean
  /** Versions, docs, parameters and defaults survive. */
  readonly metadata: boolean
  readonly decimals: boolean
  /** Days and milliseconds of any size. */
  readonly moments: boolean
  /** Arrays and maps may be items themselves, and may be null. */
  readonly nestedLists: boolean
}

/** A struct schema within those limits, with a value that fits it. */
export function registryValue(shape: RegistryShape): fc.Arbitrary<{ readonly schema: Schema; readonly value: unknown }> {
  return structs(shape).chain((bare) => {
    let count = 0
    const schema = renamed(bare, () => `shop.Struct${++count}`)
    return valueOf(schema).map((value) => ({ schema, value: wellFormed(value) }))
  })
}

function structs(shape: RegistryShape): fc.Arbitrary<Schema> {
  const scalars: Schema[] = [
    primitive('int8'),
    primitive('int16'),
    primitive('int32'),
    primitive('int64'),
    primitive('float32'),
    primitive('float64'),
    primitive('boolean'),
    primitive('string'),
    primitive('bytes'),
  ]
  if (shape.decimals)
    scalars.push(
      ...[0, 4, 12].map((scale) => primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: String(scale) } })),
    )
  if (shape.moments)
    scalars.push(primitive('int32', { name: logical.date, version: 1 }), primitive('int64', { name: logical.timestamp, version: 1 }))
  if (shape.metadata) {
    scalars.push(primitive('string', { name: 'io.debezium.data.Json', version: 1, doc: 'a "doc"', parameters: { length: '5', é: 'x' } }))
    scalars.push(primitive('boolean', { defaultValue: true }), primitive('int64', { defaultValue: 9007199254740993n }))
  }
  const { struct } = fc.letrec<{ schema: Schema; struct: Schema; items: Schema }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(...scalars).chain((one) => fc.boolean().map((yes) => (yes && one.defaultValue === undefined ? optional(one) : one))),
      tie('items').chain((items) => fc.boolean().map((yes) => arrayOf(items, { optional: yes && shape.nestedLists }))),
      tie('items').map((values) => mapOf(primitive('string'), values)),
      shape.anyKeys ? tie('items').map((values) => mapOf(primitive('int32'), values)) : fc.constant(primitive('string')),
      tie('struct').chain((one) => fc.boolean().map((yes) => (yes ? optional(one) : one))),
    ),
    items: shape.nestedLists
      ? tie('schema')
      : fc.constantFrom(primitive('string'), primitive('int64'), primitive('int32'), primitive('boolean')),
    struct: fc
      .uniqueArray(
        fc.tuple(fc.constantFrom('id', 'constructor', 'toString', '__proto__', 'Name_1', 'value', 'key', 'a', 'b'), tie('schema')),
        {
          minLength: 1,
          maxLength: 4,
          selector: ([name]) => name,
        },
      )
      .map((fields) => structOf(fields, { name: 'to be named' })),
  }))
  return struct
}

function renamed(schema: Schema, name: () => string): Schema {
  return {
    ...schema,
    name: schema.type === 'struct' ? name() : schema.name,
    fields: schema.fields.map((field) => ({ ...field, schema: renamed(field.schema, name) })),
    keySchema: schema.keySchema && renamed(schema.keySchema, name),
    valueSchema: schema.valueSchema && renamed(schema.valueSchema, name),
  }
}

// Half a surrogate pair has no UTF-8.
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map(wellFormed)
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [wellFormed(key), wellFormed(one)]))
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, wellFormed(one)]))
}
