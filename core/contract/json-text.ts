import { type Decimal, decimalText } from './decimal.ts'
import { DataError } from './errors.ts'

/**
 * A value as JSON, without its schema, as Connect's JsonConverter writes it with `schemas.enable=false` and `decimal.format=NUMERIC`: 64-bit
 * integers and decimals as numbers with all their digits, bytes in base64, maps as objects, or as pairs where a key is no text; NaN and infinities
 * as texts. For ends that write JSON whatever converters they have. Throws a DataError for what is no value of a record.
 */
export function jsonText(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'number':
      if (Object.is(value, -0)) return '-0.0'
      return Number.isFinite(value) ? String(value) : `"${value}"`
    case 'bigint':
      return String(value)
    case 'undefined':
      return 'null'
    case 'object':
      return value === null ? 'null' : objectText(value)
    default:
      throw new DataError(`A value of type ${typeof value} has no JSON form`)
  }
}

function objectText(value: object): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  if (value instanceof Uint8Array) return `"${Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')}"`
  if (value instanceof Map) return mapText(value)
  if (isDecimal(value)) return decimalText(value)
  return `{${Object.entries(value)
    .map(([name, part]) => `${JSON.stringify(name)}:${jsonText(part)}`)
    .join(',')}}`
}

function mapText(map: ReadonlyMap<unknown, unknown>): string {
  const pairs = [...map]
  if (pairs.every(([key]) => typeof key === 'string')) {
    return `{${pairs.map(([key, part]) => `${JSON.stringify(key)}:${jsonText(part)}`).join(',')}}`
  }
  return `[${pairs.map(([key, part]) => `[${jsonText(key)},${jsonText(part)}]`).join(',')}]`
}

/** By its shape, as a schemaless value has nothing else to tell it by. */
function isDecimal(value: object): value is Decimal {
  const { unscaled, scale } = value as Partial<Decimal>
  return typeof unscaled === 'bigint' && typeof scale === 'number' && Object.keys(value).length === 2
}
