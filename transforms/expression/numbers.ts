import type { Decimal } from '../../core/index.ts'
import { isDecimal } from '../scalars.ts'
import { EvaluationError, Instant, kindOf, shownValue, Span, spend } from './values.ts'

export const intMin = -(2n ** 63n)
export const intMax = 2n ** 63n - 1n

/** Most digits of a decimal: products of products end here. */
export const decimalDigitsMax = 1_000
/** Least number of decimal places of a quotient of decimals. */
export const quotientPlaces = 6
/** Most characters of a text, and items of a list, that an expression makes. */
export const lengthMax = 1_048_576

const digitsBound = 10n ** BigInt(decimalDigitsMax)

/** Checks that a whole number fits 64 bits. */
export function fit64(value: bigint): bigint {
  // What adds up to a text was no number, whatever its schema says.
  if (typeof value !== 'bigint') throw new EvaluationError(`a value does not fit its schema: an int is ${shownValue(value)}`)
  if (value > intMax || value < intMin)
    throw new EvaluationError(`the result ${String(value).slice(0, 30)} does not fit 64 bits; decimal() has room for it`)
  return value
}

/** Checks that a decimal keeps within the bound. */
export function fitDecimal(decimal: Decimal): Decimal {
  const { unscaled, scale } = decimal
  if (unscaled >= digitsBound || unscaled <= -digitsBound || scale > decimalDigitsMax || scale < -decimalDigitsMax) {
    throw new EvaluationError(`a decimal has more than ${decimalDigitsMax} digits`)
  }
  return decimal
}

/** The double that a whole number is. Throws where there is none: beyond 2^53 the value would change. */
export function exactDouble(value: unknown): number {
  if (typeof value === 'number') return value
  const number = Number(value as bigint)
  if (BigInt(number) === value) return number
  throw new EvaluationError(`${String(value)} is no exact double; write double(...) to round it`)
}

export function toDecimal(value: unknown): Decimal {
  return typeof value === 'bigint' ? { unscaled: value, scale: 0 } : (value as Decimal)
}

/** The decimal that a double is, exactly: all its binary places. */
export function decimalOfDouble(value: number): Decimal {
  let scale = 0
  let whole = value
  while (!Number.isInteger(whole)) {
    whole *= 2
    scale++
  }
  return { unscaled: BigInt(whole) * 5n ** BigInt(scale), scale }
}

/** Both at the greater scale. */
function aligned(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  if (a.scale === b.scale) return [a.unscaled, b.unscaled, a.scale]
  if (Math.abs(a.scale - b.scale) > 4 * decimalDigitsMax) throw new EvaluationError('two decimals are too far apart in their scales')
  const scale = Math.max(a.scale, b.scale)
  return [a.unscaled * 10n ** BigInt(scale - a.scale), b.unscaled * 10n ** BigInt(scale - b.scale), scale]
}

/** The decimal at `scale` places, rounded half away from zero where some go. */
export function roundDecimal(decimal: Decimal, places: number): Decimal {
  const { unscaled, scale } = fitDecimal(decimal)
  if (places >= scale) return fitDecimal({ unscaled: unscaled * 10n ** BigInt(places - scale), scale: places })
  return { unscaled: divideRounded(unscaled, 10n ** BigInt(scale - places)), scale: places }
}

/** Quotient rounded half away from zero. */
function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n
  const [top, bottom] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor]
  const quotient = (2n * top + bottom) / (2n * bottom)
  return negative ? -quotient : quotient
}

/** a / b with so many places, rounded half away from zero. */
export function divideDecimals(a: Decimal, b: Decimal, places: number): Decimal {
  if (fitDecimal(b).unscaled === 0n) throw new EvaluationError('division by zero')
  fitDecimal(a)
  const shift = places + b.scale - a.scale
  const [top, bottom] = shift >= 0 ? [a.unscaled * 10n ** BigInt(shift), b.unscaled] : [a.unscaled, b.unscaled * 10n ** BigInt(-shift)]
  return fitDecimal({ unscaled: divideRounded(top, bottom), scale: places })
}

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'

export function intArithmetic(op: ArithmeticOperator, a: bigint, b: bigint): bigint {
  switch (op) {
    case '+':
      return fit64(a + b)
    case '-':
      return fit64(a - b)
    case '*':
      return fit64(a * b)
    default:
      if (b === 0n) throw new EvaluationError(op === '/' ? 'division by zero' : 'remainder of a division by zero')
      return op === '/' ? fit64(a / b) : a % b
  }
}

export function doubleArithmetic(op: ArithmeticOperator, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    default:
      return a % b
  }
}

export function decimalArithmetic(op: ArithmeticOperator, a: Decimal, b: Decimal): Decimal {
  switch (op) {
    case '*':
      return fitDecimal({ unscaled: a.unscaled * b.unscaled, scale: a.scale + b.scale })
    case '/':
      return divideDecimals(a, b, Math.max(quotientPlaces, a.scale, b.scale))
    default: {
      const [left, right, scale] = aligned(a, b)
      if (op === '%' && right === 0n) throw new EvaluationError('remainder of a division by zero')
      return fitDecimal({ unscaled: op === '+' ? left + right : op === '-' ? left - right : left % right, scale })
    }
  }
}

/** An operation on values of which nothing was known before. */
export function arithmetic(op: ArithmeticOperator, a: unknown, b: unknown): unknown {
  if (typeof a === 'bigint' && typeof b === 'bigint') return intArithmetic(op, a, b)
  const [left, right] = [kindOf(a), kindOf(b)]
  const numbers = (kind: string) => kind === 'int' || kind === 'double' || kind === 'decimal'
  if (numbers(left) && numbers(right)) {
    if (left !== 'decimal' && right !== 'decimal') return doubleArithmetic(op, exactDouble(a), exactDouble(b))
    if (left !== 'double' && right !== 'double') return decimalArithmetic(op, toDecimal(a), toDecimal(b))
    throw new EvaluationError(`a decimal and a double have no exact ${op}; write decimal(...) or double(...) around one`)
  }
  if (op === '+' && left === right) {
    if (left === 'string') return joined(a as string, b as string)
    if (left === 'list') return concatenated(a as readonly unknown[], b as readonly unknown[])
    if (left === 'bytes') return Buffer.concat([a as Uint8Array, b as Uint8Array])
  }
  if (op === '+' || op === '-') {
    const sign = op === '+' ? 1n : -1n
    if (a instanceof Instant && b instanceof Span) return new Instant(a.nanos + sign * b.nanos)
    if (a instanceof Span && b instanceof Span) return new Span(a.nanos + sign * b.nanos)
    if (a instanceof Instant && b instanceof Instant && op === '-') return new Span(a.nanos - b.nanos)
    if (a instanceof Span && b instanceof Instant && op === '+') return new Instant(a.nanos + b.nanos)
  }
  if (left === 'null' || right === 'null') throw new EvaluationError(`null has no ${op}; coalesce(a, b) gives another value for null`)
  throw new EvaluationError(`there is no ${left} ${op} ${right}`)
}

export function joined(a: string, b: string): string {
  if (a.length + b.length > lengthMax) throw new EvaluationError(`a text has more than ${lengthMax} characters`)
  return a + b
}

export function concatenated(a: readonly unknown[], b: readonly unknown[]): readonly unknown[] {
  spend(a.length + b.length)
  if (a.length + b.length > lengthMax) throw new EvaluationError(`a list has more than ${lengthMax} items`)
  return [...a, ...b]
}

/** -1, 0, 1 by what the values count; NaN where one is NaN; undefined where they have no order. Numbers of all kinds compare exactly. */
export function compareValues(a: unknown, b: unknown): number | undefined {
  if (typeof a === typeof b && (typeof a === 'bigint' || typeof a === 'string' || typeof a === 'boolean')) {
    return (a as string) < (b as string) ? -1 : a === b ? 0 : 1
  }
  const plain = (value: unknown) => typeof value === 'number' || typeof value === 'bigint'
  if (plain(a) && plain(b)) return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : a == b ? 0 : NaN
  if ((plain(a) || isDecimal(a)) && (plain(b) || isDecimal(b))) {
    for (const one of [a, b]) {
      if (typeof one === 'number' && !Number.isFinite(one)) return Number.isNaN(one) ? NaN : one > 0 === (one === a) ? 1 : -1
    }
    const exact = (value: unknown) => (typeof value === 'number' ? decimalOfDouble(value) : toDecimal(value))
    const [left, right] = aligned(exact(a), exact(b))
    return left < right ? -1 : left === right ? 0 : 1
  }
  if ((a instanceof Instant && b instanceof Instant) || (a instanceof Span && b instanceof Span)) {
    return a.nanos < b.nanos ? -1 : a.nanos === b.nanos ? 0 : 1
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  return undefined
}

/** Deep equality; numbers by what they count, values of different kinds are unlike. */
export function equalValues(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || a === undefined || b === undefined) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (Array.isArray(a)) spend(a.length)
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => equalValues(item, b[index]))
  }
  if (kindOf(a) === 'map' && kindOf(b) === 'map') {
    const [left, right] = [entriesOf(a), new Map(entriesOf(b))]
    spend(left.length + right.size)
    return left.length === right.size && left.every(([key, value]) => right.has(key) && equalValues(value, right.get(key)))
  }
  return compareValues(a, b) === 0
}

/** The members of a map or an object without a schema. */
export function entriesOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  return value instanceof Map ? [...value] : Object.entries(value as object)
}

/** The order of two values. Throws where they have none. */
export function orderOf(a: unknown, b: unknown): number {
  const order = compareValues(a, b)
  if (order !== undefined) return order
  if (a === null || b === null) throw new EvaluationError('null has no order; coalesce(a, b) gives another value for null')
  throw new EvaluationError(`${shownValue(a)} and ${shownValue(b)} cannot be compared`)
}
