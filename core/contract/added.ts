import { logical, type Schema } from './schema.ts'

/**
 * What a source tells of a column that was added to a table with rows: the value that those rows have in it, in the form in which records
 * carry it, or why that is not known. No record tells it, so a sink that mirrors the table asks the column's schema.
 */
export type Added = { readonly value: unknown } | { readonly unknown: string }

const valueParameter = 'millrace.added.value'
const unknownParameter = 'millrace.added.unknown'
/** Characters of a value that a message shows. */
const shownMax = 200

/**
 * The parameters of a column's schema that tell it. The value goes as JSON: bigints, NaN, infinities and -0 as text, bytes in base64, maps as
 * pairs, a Decimal as `{unscaled, scale}`, a VariableScaleDecimal as `{text}`.
 */
export function addedParameters(added: Added): Readonly<Record<string, string>> {
  return 'unknown' in added ? { [unknownParameter]: added.unknown } : { [valueParameter]: JSON.stringify(jsonOf(added.value)) }
}

/** What the parameters of a column's schema tell; undefined: rows from before have nothing in it. What is no value of the schema's type counts as unknown. */
export function addedOf(schema: Schema): Added | undefined {
  const unknown = schema.parameters?.[unknownParameter]
  if (unknown !== undefined) return { unknown }
  const text = schema.parameters?.[valueParameter]
  if (text === undefined) return undefined
  try {
    return { value: valueOf(schema, JSON.parse(text)) }
  } catch (error) {
    return { unknown: `${text.slice(0, shownMax)} is no value of its type: ${(error as Error).message}` }
  }
}

function jsonOf(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map) return [...value].map(([key, item]) => [jsonOf(key), jsonOf(item)])
  if (Array.isArray(value)) return value.map(jsonOf)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, jsonOf(part)]))
}

/** The inverse of `jsonOf`. Throws where the JSON is of another type. */
function valueOf(schema: Schema, json: unknown): unknown {
  if (json === null) return null
  if (schema.name === logical.decimal) {
    const { unscaled, scale } = json as { readonly unscaled: string; readonly scale: number }
    return { unscaled: BigInt(unscaled), scale }
  }
  if (schema.name === logical.variableScaleDecimal) return { text: checked((json as { readonly text?: unknown }).text, 'string') }
  switch (schema.type) {
    case 'int64':
      return BigInt(json as string)
    case 'float32':
    case 'float64':
      return Number(json)
    case 'bytes':
      return Buffer.from(checked(json, 'string') as string, 'base64')
    case 'array':
      return (json as readonly unknown[]).map((item) => valueOf(schema.valueSchema!, item))
    case 'map': {
      const pairs = json as readonly (readonly [unknown, unknown])[]
      return new Map(pairs.map(([key, value]) => [valueOf(schema.keySchema!, key), valueOf(schema.valueSchema!, value)]))
    }
    case 'struct': {
      const parts = json as Readonly<Record<string, unknown>>
      return Object.fromEntries(schema.fields.map((field) => [field.name, valueOf(field.schema, parts[field.name] ?? null)]))
    }
    case 'boolean':
    case 'string':
      return checked(json, schema.type)
    case 'int8':
    case 'int16':
    case 'int32':
      return checked(json, 'number')
    default:
      return schema.type satisfies never
  }
}

function checked(value: unknown, type: string): unknown {
  if (typeof value !== type) throw new TypeError(`${JSON.stringify(value)} is not a ${type}`)
  return value
}
