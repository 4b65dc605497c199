import fc from 'fast-check'
import { arrayOf, logical, mapOf, optional, primitive, structOf, type Schema } from '../../../core/index.ts'

/** A schema with a value that fits it: every type, nested, optional, with defaults, and names that objects inherit. */
export function schemaAndValue(): fc.Arbitrary<{ readonly schema: Schema; readonly value: unknown }> {
  return schemas().chain((schema) => valueOf(schema).map((value) => ({ schema, value })))
}

/** A value of the schema. */
export function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  const present = presentValue(schema)
  return schema.optional ? fc.option(present, { freq: 4 }) : present
}

const fieldNames = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'a b', 'ключ', '"', 'schema', 'payload'),
)

function schemas(): fc.Arbitrary<Schema> {
  const scalars = fc.constantFrom(
    primitive('int8'),
    primitive('int16', { doc: 'small "one"' }),
    primitive('int32', { name: logical.date, version: 1 }),
    primitive('int64'),
    primitive('int64', { name: logical.timestamp, version: 1 }),
    primitive('float32'),
    primitive('float64'),
    primitive('boolean', { defaultValue: true }),
    primitive('string', { parameters: { length: '5', é: 'x' } }),
    primitive('bytes'),
    decimal(0),
    decimal(4),
    decimal(-2),
  )
  const { schema } = fc.letrec<{ schema: Schema }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      scalars.chain((one) => fc.boolean().map((yes) => (yes ? optional(one) : one))),
      tie('schema').map((items) => arrayOf(items)),
      tie('schema').map((values) => mapOf(primitive('string'), values, { optional: true })),
      tie('schema').map((values) => mapOf(primitive('int32'), values)),
      fc
        .uniqueArray(fc.tuple(fieldNames, tie('schema')), { maxLength: 4, selector: ([name]) => name })
        .chain((fields) => fc.boolean().map((yes) => structOf(fields, { optional: yes, name: 'a.Struct', version: 2 }))),
    ),
  }))
  return schema
}

function presentValue(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.name === logical.decimal) {
    return fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map((unscaled) => ({ unscaled, scale: Number(schema.parameters!.scale) }))
  }
  switch (schema.type) {
    case 'int8':
      return fc.integer({ min: -128, max: 127 })
    case 'int16':
      return fc.integer({ min: -32_768, max: 32_767 })
    case 'int32':
      return fc.integer()
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'float32':
      return fc.float()
    case 'float64':
      return fc.double()
    case 'boolean':
      return fc.boolean()
    case 'string':
      return fc.string({ unit: 'binary' })
    case 'bytes':
      return fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))
    case 'array':
      return fc.array(valueOf(schema.valueSchema!), { maxLength: 4 })
    case 'map':
      return fc.array(fc.tuple(valueOf(schema.keySchema!), valueOf(schema.valueSchema!)), { maxLength: 4 }).map((pairs) => new Map(pairs))
    case 'struct':
      return fc
        .tuple(...schema.fields.map((field) => valueOf(field.schema)))
        .map((values) => Object.fromEntries(schema.fields.map((field, index) => [field.name, values[index]])))
    default:
      return schema.type satisfies never
  }
}

function decimal(scale: number): Schema {
  return primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: String(scale) } })
}
