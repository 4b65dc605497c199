import { DataError, type Decimal, type Schema, decimalText, logical, rescale, unscaledFromBytes } from '../../core/index.ts'
import { type DeltaType, decimalOf } from './delta-types.ts'
import { dateDays, millisToMicros, nanosToMicros, plainMicros, timeText, zonedMicros } from './temporal.ts'

/**
 * Turns one in-memory value that is not null into what a DuckDB vector of the column's type takes: number (byte .. integer, float, double, date),
 * bigint (long, timestamps in microseconds, decimals unscaled), string, boolean, Uint8Array. Throws a DataError for a value that does not fit.
 */
export type CellConversion = (value: never) => unknown

/** Undefined: values go in as they are. `target` must hold `source` (schema.ts, `holds`). */
export function cellConversion(source: Schema, target: DeltaType): CellConversion | undefined {
  if (source.name === logical.decimal) return target === 'string' ? (decimalText as CellConversion) : decimalConversion(target)
  const special = source.name === null ? undefined : conversions[source.name]
  if (special) return special
  switch (source.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return target === 'long' ? (wideInteger as CellConversion) : (integerWithin(source.type) as CellConversion)
    case 'int64':
      return checkedLong as CellConversion
    case 'string':
      return checkedText as CellConversion
    default:
      return undefined
  }
}

const conversions: Readonly<Record<string, CellConversion | undefined>> = {
  [logical.date]: dateDays as CellConversion,
  [logical.debeziumDate]: dateDays as CellConversion,
  [logical.timestamp]: millisToMicros as CellConversion,
  [logical.debeziumTimestamp]: millisToMicros as CellConversion,
  [logical.microTimestamp]: plainMicros as CellConversion,
  [logical.nanoTimestamp]: nanosToMicros as CellConversion,
  [logical.zonedTimestamp]: zonedMicros as CellConversion,
  [logical.time]: ((millis: number) => timeText(BigInt(millis), 3)) as CellConversion,
  [logical.debeziumTime]: ((millis: number) => timeText(BigInt(millis), 3)) as CellConversion,
  [logical.microTime]: ((micros: bigint) => timeText(micros, 6)) as CellConversion,
  [logical.nanoTime]: ((nanos: bigint) => timeText(nanos, 9)) as CellConversion,
  [logical.variableScaleDecimal]: variableScaleText as CellConversion,
}

function decimalConversion(target: DeltaType): CellConversion {
  const { precision, scale } = decimalOf(target)!
  const bound = 10n ** BigInt(precision)
  return ((value: Decimal) => {
    const unscaled = value.scale === scale ? value.unscaled : scaled(value, scale)
    if (unscaled >= bound || unscaled <= -bound)
      throw new DataError(`${decimalText(value)} has more than ${precision} digits, the column is ${String(target)}`)
    return unscaled
  }) as CellConversion
}

function scaled(value: Decimal, scale: number): bigint {
  if (typeof value.unscaled !== 'bigint') throw new DataError(`${JSON.stringify(value)} is not a decimal`)
  try {
    return rescale(value, scale).unscaled
  } catch (error) {
    throw new DataError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** `text` stands where the number is none that scale and digits can spell (NaN, Infinity). */
function variableScaleText(value: { readonly scale: number; readonly value: unknown; readonly text?: unknown }): string {
  if (typeof value.text === 'string') return value.text
  if (value.value instanceof Uint8Array) return decimalText({ unscaled: unscaledFromBytes(value.value), scale: value.scale })
  throw new DataError('a VariableScaleDecimal needs its scale and its value in bytes')
}

const integerBounds = { int8: 0x7f, int16: 0x7fff, int32: 0x7fffffff } as const

/** Typed arrays wrap what does not fit; a value outside its own schema must not become another value. */
function integerWithin(type: keyof typeof integerBounds): (value: number) => number {
  const max = integerBounds[type]
  return (value) => {
    if (!Number.isInteger(value) || value > max || value < -max - 1) throw new DataError(`${String(value)} is not an ${type}`)
    return value
  }
}

function wideInteger(value: number): bigint {
  if (!Number.isSafeInteger(value)) throw new DataError(`${String(value)} is not an integer`)
  return BigInt(value)
}

function checkedLong(value: bigint | number): bigint {
  const exact = typeof value === 'bigint' ? value : wideInteger(value)
  if (BigInt.asIntN(64, exact) !== exact) throw new DataError(`${exact} does not fit a 64-bit integer`)
  return exact
}

/** UTF-8 has no form for half a surrogate pair; DuckDB would store U+FFFD in its place. */
export function checkedText(value: string): string {
  if (typeof value !== 'string') throw new DataError(`${String(value)} is not text`)
  if (!value.isWellFormed()) throw new DataError('the text holds a lone surrogate, which UTF-8 cannot carry')
  return value
}
