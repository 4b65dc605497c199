import { DataError, logical, parseDecimal, type Decimal, type Schema } from '../core/index.ts'
import { bigDecimalText, floatText } from './number-text.ts'
import { isDecimal, shown } from './scalars.ts'

/** What Cast can make. */
export const castTypes = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'boolean', 'string'] as const
export type CastType = (typeof castTypes)[number]

/** Turns values that are not null; `schema` is theirs, null where there is none. Throws a DataError for what does not fit the type. */
export type CastValue = (value: unknown, schema: Schema | null) => unknown

/** A caster for one field (named in errors; undefined: the whole key or value). */
export function castTo(type: CastType, field: string | undefined): CastValue {
  const wrong = (value: unknown, why: string): never => {
    throw new DataError(`Cast: ${field === undefined ? 'the value' : `field "${field}"`} is ${shown(value)}, which ${why}`)
  }
  switch (type) {
    case 'int8':
      return toInteger(8, wrong)
    case 'int16':
      return toInteger(16, wrong)
    case 'int32':
      return toInteger(32, wrong)
    case 'int64':
      return toInteger(64, wrong)
    case 'float32':
    case 'float64':
      return toFloat(type, wrong)
    case 'boolean':
      return toBoolean(wrong)
    case 'string':
      return toText(wrong)
    default:
      return type satisfies never
  }
}

type Wrong = (value: unknown, why: string) => never

/**
 * Fractions are cut, as Java cuts them; what is out of range is refused, while Java wraps it round. Without a schema all integers are bigints, as
 * JSON gives them.
 */
function toInteger(bits: number, wrong: Wrong): CastValue {
  const fit = (value: unknown, whole: bigint, schema: Schema | null) => {
    if (BigInt.asIntN(bits, whole) !== whole) return wrong(value, `is out of range for int${bits}`)
    return schema === null || bits === 64 ? whole : Number(whole)
  }
  return (value, schema) => {
    if (typeof value === 'bigint') return fit(value, value, schema)
    if (typeof value === 'number') {
      return Number.isFinite(value) ? fit(value, BigInt(Math.trunc(value)), schema) : wrong(value, `cannot be an int${bits}`)
    }
    if (typeof value === 'boolean') return fit(value, value ? 1n : 0n, schema)
    if (isDecimal(value)) return fit(value, wholePart(value), schema)
    if (typeof value !== 'string') return wrong(value, `cannot be cast to int${bits}`)
    if (!/^[+-]?[0-9]{1,400}$/.test(value)) return wrong(value, 'is not an integer in digits')
    return fit(value, BigInt(value.replace('+', '')), schema)
  }
}

function wholePart({ unscaled, scale }: Decimal): bigint {
  return scale <= 0 ? unscaled * 10n ** BigInt(-scale) : unscaled / 10n ** BigInt(scale)
}

/** Rounds to the nearest float, as every float does; what is too large is refused, while Java makes infinity of it. */
function toFloat(type: 'float32' | 'float64', wrong: Wrong): CastValue {
  const round = type === 'float32' ? Math.fround : (value: number) => value
  const finite = (value: unknown, number: number) => {
    const rounded = round(number)
    return Number.isFinite(rounded) ? rounded : wrong(value, `is out of range for ${type}`)
  }
  return (value) => {
    if (typeof value === 'number') return Number.isFinite(value) ? finite(value, value) : value
    if (typeof value === 'bigint') return finite(value, Number(value))
    if (typeof value === 'boolean') return value ? 1 : 0
    if (isDecimal(value)) return finite(value, Number(bigDecimalText(value)))
    if (typeof value !== 'string') return wrong(value, `cannot be cast to ${type}`)
    const text = value.trim()
    if (/^[+-]?(?:NaN|Infinity)$/.test(text)) return Number(text.replace(/^[+-](?=NaN)/, ''))
    return parseDecimal(text) === undefined ? wrong(value, 'is not a number') : finite(value, Number(text))
  }
}

/** Java makes false of all text but "true", and of 0.1. */
function toBoolean(wrong: Wrong): CastValue {
  return (value) => {
    if (typeof value === 'boolean') return value
    if (typeof value === 'bigint') return value !== 0n
    if (typeof value === 'number' && Number.isInteger(value)) return value !== 0
    if (isDecimal(value) && wholePart(value) * 10n ** BigInt(Math.max(0, value.scale)) === value.unscaled) return value.unscaled !== 0n
    if (typeof value === 'string' && /^true$/i.test(value)) return true
    if (typeof value === 'string' && /^false$/i.test(value)) return false
    return wrong(value, 'is neither true nor false')
  }
}

/** As Java writes them; dates by what their schema says they are, while Java judges by how large they are. */
function toText(wrong: Wrong): CastValue {
  return (value, schema) => {
    if (typeof value === 'string') return value
    const temporal = temporalText(value, schema)
    if (temporal !== undefined) return temporal
    if (typeof value === 'number') {
      const whole = schema === null ? false : schema.type !== 'float32' && schema.type !== 'float64'
      return whole ? String(value) : floatText(value, schema?.type === 'float32' ? 'float32' : 'float64')
    }
    if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
    if (isDecimal(value)) return bigDecimalText(value)
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')
    return wrong(value, 'cannot be cast to string')
  }
}

const dayMs = 86_400_000

/** Connect's Date, Time and Timestamp in ISO 8601; undefined for others, and for years that it does not write. */
function temporalText(value: unknown, schema: Schema | null): string | undefined {
  const name = schema?.name
  const ms = name === logical.date ? (value as number) * dayMs : name === logical.time || name === logical.timestamp ? Number(value) : NaN
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return undefined
  const text = date.toISOString()
  if (text.length !== 24) return undefined
  return name === logical.date ? text.slice(0, 10) : name === logical.time ? text.slice(11) : text
}
