import { decimalText, type Decimal } from '../core/index.ts'

/** A double as Java's `Double.toString` writes it, `1.0`, `1.0E10`, `NaN`; a 32-bit float with its own few digits. */
export function floatText(value: number, type: 'float32' | 'float64'): string {
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
export function bigDecimalText(decimal: Decimal): string {
  const { unscaled, scale } = decimal
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString()
  const exponent = digits.length - 1 - scale
  if (scale >= 0 && exponent >= -6) return decimalText(decimal)
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${unscaled < 0n ? '-' : ''}${digits[0]}${fraction}E${exponent < 0 ? '' : '+'}${exponent}`
}

/** The double with the fewest digits that rounds to this 32-bit float. */
export function shortestFloat(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === value) return candidate
  }
  return Number(value.toPrecision(9))
}
