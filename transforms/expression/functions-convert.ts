import { decimalText, parseDecimal, type Decimal } from '../../core/index.ts'
import type { Code } from './code.ts'
import type { FunctionTable } from './functions.ts'
import { entriesOf, fit64, fitDecimal, intMax, intMin, lengthMax } from './numbers.ts'
import * as types from './types.ts'
import type { Type } from './types.ts'
import { EvaluationError, Instant, instantText, shownValue, Span, spend } from './values.ts'
import { floorDivide, isDecimal } from '../scalars.ts'

function intFrom(value: string | number | boolean | bigint | Decimal | Instant): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (value instanceof Instant) return floorDivide(value.nanos, 1_000_000_000n)
  if (typeof value === 'number') {
    const whole = Math.trunc(value)
    if (!Number.isFinite(whole) || whole < Number(intMin) || whole > Number(intMax))
      throw new EvaluationError(`${value} is no int of 64 bits`)
    return fit64(BigInt(whole))
  }
  if (typeof value === 'string') {
    if (!/^[+-]?\d{1,30}$/.test(value)) throw new EvaluationError(`${shownValue(value)} is no int`)
    return fit64(BigInt(value.replace('+', '')))
  }
  const decimal = fitDecimal(value as Decimal)
  return fit64(decimal.scale <= 0 ? decimal.unscaled * 10n ** BigInt(-decimal.scale) : decimal.unscaled / 10n ** BigInt(decimal.scale))
}

function doubleFrom(value: string | number | bigint | Decimal): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value) ? Number(value) : NaN
    if (!Number.isFinite(number)) throw new EvaluationError(`${shownValue(value)} is no double`)
    return number
  }
  return Number(isDecimal(value) ? decimalText(fitDecimal(value)) : value)
}

// A double becomes the shortest decimal that spells it: decimal(0.1) is 0.1, not the 55 places of its binary value.
function decimalFrom(value: string | number | bigint | Decimal): Decimal {
  if (typeof value === 'bigint') return { unscaled: value, scale: 0 }
  if (typeof value === 'object') return value
  const text = String(value)
  const decimal = text.length > 1_100 ? undefined : parseDecimal(text)
  if (decimal === undefined || Math.abs(decimal.scale) > 1_000) throw new EvaluationError(`${shownValue(value)} is no decimal`)
  return fitDecimal(decimal.scale < 0 ? { unscaled: decimal.unscaled * 10n ** BigInt(-decimal.scale), scale: 0 } : decimal)
}

const decimalType = ([arg]: readonly Code[]): Type => {
  if (arg!.type.kind === 'int') return { kind: 'decimal', scale: 0 }
  if (arg!.type.kind === 'decimal') return arg!.type
  const value = arg!.constant?.value
  if (typeof value !== 'string' && typeof value !== 'number') return types.anyDecimal
  const scale = parseDecimal(String(value))?.scale
  return { kind: 'decimal', scale: scale === undefined ? undefined : Math.max(scale, 0) }
}

function textFrom(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
    } catch {
      throw new EvaluationError('the bytes are no UTF-8; hex() or base64() spell them')
    }
  }
  if (value instanceof Instant) return instantText(value)
  if (value instanceof Span) return spanText(value)
  return isDecimal(value) ? decimalText(fitDecimal(value)) : String(value)
}

/** Seconds with as many decimal places as there are: `1.5s`. */
function spanText({ nanos }: Span): string {
  const [sign, size] = nanos < 0n ? ['-', -nanos] : ['', nanos]
  const rest = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return `${sign}${size / 1_000_000_000n}${rest === '' ? '' : `.${rest}`}s`
}

function boolFrom(value: string | boolean): boolean {
  if (typeof value === 'boolean') return value
  if (/^true$/i.test(value)) return true
  if (/^false$/i.test(value)) return false
  throw new EvaluationError(`${shownValue(value)} is neither true nor false`)
}

/** JSON with exact numbers: decimals and 64-bit integers keep all their digits. */
function jsonOf(value: unknown, left = { characters: lengthMax }, depth = 0): string {
  if (depth > 100) throw new EvaluationError('toJson() goes 100 levels deep')
  const written = (text: string): string => {
    left.characters -= text.length
    if (left.characters < 0) throw new EvaluationError(`toJson() makes more than ${lengthMax} characters`)
    return text
  }
  if (value === null || value === undefined) return written('null')
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new EvaluationError(`${value} cannot be written as JSON`)
    return written(String(value))
  }
  if (typeof value === 'bigint' || typeof value === 'boolean') return written(String(value))
  if (isDecimal(value)) return written(decimalText(fitDecimal(value)))
  if (value instanceof Uint8Array) return written(JSON.stringify(Buffer.from(value).toString('base64')))
  if (typeof value === 'string' || value instanceof Instant || value instanceof Span) return written(JSON.stringify(textFrom(value)))
  if (Array.isArray(value)) {
    spend(value.length)
    return `[${value.map((item) => jsonOf(item, left, depth + 1)).join(',')}]`
  }
  const entries = entriesOf(value)
  spend(entries.length)
  const members = entries.map(([key, item]) => `${written(JSON.stringify(textFrom(key)))}:${jsonOf(item, left, depth + 1)}`)
  return `{${members.join(',')}}`
}

/** Integers stay exact; other numbers are doubles. Objects become maps, so that no name of a member means anything. */
function parseJson(text: string): unknown {
  if (text.length > lengthMax) throw new EvaluationError(`parseJson() reads up to ${lengthMax} characters`)
  try {
    return JSON.parse(text, function (_key, value: unknown, context?: { readonly source?: string }) {
      if (typeof value === 'number' && context?.source !== undefined && /^-?\d+$/.test(context.source)) return fit64(BigInt(context.source))
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return new Map(Object.entries(value))
      return value
    } as (key: string, value: unknown) => unknown)
  } catch (error) {
    if (error instanceof EvaluationError) throw error
    throw new EvaluationError(`${shownValue(text)} is no JSON`)
  }
}

export const conversions: FunctionTable = {
  int: (['int', 'double', 'string', 'decimal', 'bool', 'timestamp'] as const).map((from) => ({
    parameters: [from],
    result: types.int,
    call: intFrom,
  })),
  double: (['double', 'int', 'string', 'decimal'] as const).map((from) => ({ parameters: [from], result: types.double, call: doubleFrom })),
  decimal: (['decimal', 'int', 'string', 'double'] as const).map((from) => ({
    parameters: [from],
    result: decimalType,
    call: decimalFrom,
  })),
  string: (['string', 'int', 'double', 'bool', 'decimal', 'bytes', 'timestamp', 'duration'] as const).map((from) => ({
    parameters: [from],
    result: types.string,
    call: textFrom,
  })),
  bool: (['bool', 'string'] as const).map((from) => ({ parameters: [from], result: types.bool, call: boolFrom })),
  bytes: [
    { parameters: ['string'], result: types.bytes, call: (text: string) => Buffer.from(text, 'utf8') },
    { parameters: ['bytes'], result: types.bytes, call: (bytes: Uint8Array) => bytes },
  ],
  toJson: [{ parameters: ['any'], result: types.string, call: (value: unknown) => jsonOf(value) }],
  parseJson: [{ parameters: ['string'], result: types.dyn, call: parseJson }],
}
