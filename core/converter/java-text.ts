import { decimalText, type Decimal } from '../contract/decimal.ts'
import { logical, type Schema } from '../contract/schema.ts'
import { shortestFloat } from './json-scalars.ts'

/** A double as Java's `Double.toString` writes it: `1.0`, `1.0E10`, `NaN`; a 32-bit float with its own few digits. */
export function javaDouble(value: number, type: 'float32' | 'float64' = 'float64'): string {
  const number = type === 'float32' ? shortestFloat(Math.fround(value)) : value
  if (!Number.isFinite(number)) return String(number)
  if (number === 0) return Object.is(number, -0) ? '-0.0' : '0.0'
  const size = Math.abs(number)
  if (size >= 1e-3 && size < 1e7) {
    const text = String(number)
    return text.includes('.') ? text : `${text}.0`
  }
  const [digits, exponent] = number.toExponential().split('e') as [string, string]
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

/** A decimal as Java's `BigDecimal.toString` writes it: scientific where the scale is negative or the number very small. */
export function javaDecimal(decimal: Decimal): string {
  const { unscaled, scale } = decimal
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString()
  const exponent = digits.length - 1 - scale
  if (scale >= 0 && exponent >= -6) return decimalText(decimal)
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${unscaled < 0n ? '-' : ''}${digits[0]}${fraction}E${exponent < 0 ? '' : '+'}${exponent}`
}

/** Connect's Date, Time and Timestamp as ISO 8601 in UTC, milliseconds included; undefined for other schemas and years beyond 9999. */
export function temporalText(schema: Schema | null, value: unknown): string | undefined {
  if (schema?.name === logical.date && Number.isInteger(value)) return isoText((value as number) * dayMs)?.slice(0, 10)
  if (schema?.name === logical.time && Number.isInteger(value)) return isoText(value as number)?.slice(11)
  if (schema?.name === logical.timestamp && typeof value === 'bigint') return isoText(Number(value))
  return undefined
}

const dayMs = 86_400_000

function isoText(ms: number): string | undefined {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return undefined
  const text = date.toISOString()
  return text.length === 24 ? text : undefined
}
