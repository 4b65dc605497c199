import { DataError, logical, type Schema } from '../../core/index.ts'
import type { CatalogColumn } from './catalog.ts'
import type { ColumnType } from './types.ts'

/**
 * Schema parameter of a column that was added to a table with rows: the value that those rows have in it, for Postgres tells it in no event.
 * JSON of the value as records carry it (after the column's own conversion, so a sink needs to know nothing of Postgres' text): bigints, NaN,
 * infinities and -0 as text, bytes in base64, maps as pairs, a Decimal as `{unscaled, scale}`, a VariableScaleDecimal as `{text}`.
 */
export const addedValueParameter = 'millrace.added.value'
/** Schema parameter in its place where the value cannot be told: why. */
export const addedUnknownParameter = 'millrace.added.unknown'

/** The parameters that tell what rows from before the column have in it; undefined: the table has no such rows, or they have NULL. */
export function addedParameters({ missing }: CatalogColumn, type: ColumnType): Readonly<Record<string, string>> | undefined {
  if (missing.length === 0) return undefined
  if (missing.length > 1) return { [addedUnknownParameter]: `the partitions have different values in it: ${missing.join(', ')}` }
  const bytes = Buffer.from(missing[0]!)
  try {
    return { [addedValueParameter]: JSON.stringify(jsonOf(type.codec(bytes, 0, bytes.length))) }
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    return { [addedUnknownParameter]: error.message }
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

/** What the parameters of a column's schema tell: the value, or why it is not known; undefined: rows from before have nothing in it. */
export function addedOf(schema: Schema): { readonly value: unknown } | { readonly unknown: string } | undefined {
  const unknown = schema.parameters?.[addedUnknownParameter]
  if (unknown !== undefined) return { unknown }
  const text = schema.parameters?.[addedValueParameter]
  if (text === undefined) return undefined
  try {
    return { value: valueOf(schema, JSON.parse(text)) }
  } catch (error) {
    return { unknown: `${text.slice(0, 200)} is no value of its type (${(error as Error).message})` }
  }
}

/** The inverse of `jsonOf`. Throws where the JSON is of another type. */
function valueOf(schema: Schema, json: unknown): unknown {
  if (json === null) return null
  if (schema.name === logical.decimal) {
    const { unscaled, scale } = json as { readonly unscaled: string; readonly scale: number }
    return { unscaled: BigInt(unscaled), scale }
  }
  if (schema.name === logical.variableScaleDecimal) return { text: String((json as { readonly text: string }).text) }
  switch (schema.type) {
    case 'int64':
      return BigInt(json as string)
    case 'float32':
    case 'float64':
      return Number(json)
    case 'bytes':
      return Buffer.from(json as string, 'base64')
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
    default:
      return json
  }
}
