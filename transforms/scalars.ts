import { decimalText, logical, parseDecimal, type Decimal, type Schema } from '../core/index.ts'

/** A number as a config spells it, to be compared with the numbers of records. */
export interface NumberText {
  readonly text: string
  readonly decimal: Decimal
  readonly double: number
}

/** Most decimal places of a number in a config. */
const placesMax = 1_000

/** Throws an Error, for a ConfigError, where the text is no finite number in digits. */
export function numberText(text: string): NumberText {
  const decimal = parseDecimal(text.trim())
  if (decimal === undefined || Math.abs(decimal.scale) > placesMax) throw new Error(`"${text}" is not a number`)
  return { text: text.trim(), decimal, double: Number(text) }
}

/** True for Millrace's exact decimals, which have these two members and no more: a struct that has others beside them is none. */
export function isDecimal(value: unknown): value is Decimal {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<Decimal>).unscaled === 'bigint' &&
    typeof (value as Partial<Decimal>).scale === 'number' &&
    Object.keys(value).length === 2
  )
}

/** Below, at or above: -1, 0, 1; NaN where the value is none; undefined where it is not a number at all. Integers and decimals are exact. */
export function compareNumber(value: unknown, schema: Schema | null, to: NumberText): number | undefined {
  if (typeof value === 'number') return Math.sign(value - (schema?.type === 'float32' ? Math.fround(to.double) : to.double))
  const decimal = typeof value === 'bigint' ? { unscaled: value, scale: 0 } : isDecimal(value) ? value : undefined
  return decimal === undefined ? undefined : compareDecimals(decimal, to.decimal)
}

function compareDecimals(left: Decimal, right: Decimal): number {
  const scale = Math.max(left.scale, right.scale)
  const difference = left.unscaled * 10n ** BigInt(scale - left.scale) - right.unscaled * 10n ** BigInt(scale - right.scale)
  return difference === 0n ? 0 : difference < 0n ? -1 : 1
}

/** True where a value of a record is what the config's text says: numbers by what they count, booleans as true and false, text as it is. */
export function equalsText(value: unknown, schema: Schema | null, text: string, number: NumberText | undefined): boolean {
  if (typeof value === 'string') return value === text
  if (typeof value === 'boolean') return String(value) === text
  return number !== undefined && compareNumber(value, schema, number) === 0
}

/** The number that a text spells, where it spells one. */
export function maybeNumber(text: string): NumberText | undefined {
  try {
    return numberText(text)
  } catch {
    // Text that is no number is compared as text only.
    return undefined
  }
}

/** A single value as plain text (a topic's part, what is hashed); undefined for null, bytes and whatever has parts. */
export function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return isDecimal(value) ? decimalText(value) : undefined
}

/** A value as an error shows it: short, and without the insides of what has parts. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)
  const text = scalarText(value)
  if (text !== undefined) return text.slice(0, 60)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return value instanceof Map ? 'a map' : 'a struct'
}

const days = 86_400_000

/** How a logical type counts time since the epoch or midnight: its unit in milliseconds, or per millisecond. */
const units: ReadonlyMap<string, (value: unknown) => number> = new Map<string, (value: unknown) => number>([
  [logical.date, (value) => Number(value) * days],
  [logical.debeziumDate, (value) => Number(value) * days],
  [logical.time, Number],
  [logical.debeziumTime, Number],
  [logical.timestamp, Number],
  [logical.debeziumTimestamp, Number],
  [logical.microTimestamp, (value) => Number(floorDivide(value as bigint, 1_000n))],
  [logical.nanoTimestamp, (value) => Number(floorDivide(value as bigint, 1_000_000n))],
])

/**
 * The instant that a date or timestamp names, in whole milliseconds; undefined for other values. Without a schema: milliseconds as a number, or
 * ISO 8601 text with a zone.
 */
export function instantOf(value: unknown, schema: Schema | null): number | undefined {
  if (typeof value === 'string') {
    const ms = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(value) ? Date.parse(value) : NaN
    return Number.isNaN(ms) ? undefined : ms
  }
  if (typeof value !== 'bigint' && typeof value !== 'number') return undefined
  if (schema === null) return Number(value)
  return units.get(schema.name ?? '')?.(value)
}

/** Towards minus infinity, as time before 1970 needs it. */
export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}
