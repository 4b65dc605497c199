import { DataError, logical, primitive, type Schema, type SchemaExtras } from '../core/index.ts'
import type { DatePattern } from './date-pattern.ts'
import { floorDivide, shown } from './scalars.ts'

/** The targets of TimestampConverter. */
export const timestampTypes = ['string', 'unix', 'Date', 'Time', 'Timestamp'] as const
export type TimestampType = (typeof timestampTypes)[number]

/** Nanoseconds in a unit of unix time. */
export const unixUnits = { seconds: 1_000_000_000n, milliseconds: 1_000_000n, microseconds: 1_000n, nanoseconds: 1n } as const
export type UnixPrecision = keyof typeof unixUnits

/** An instant in nanoseconds since the epoch, so that nothing is lost before the target says what it can hold. */
export type Instant = bigint

const msNanos = unixUnits.milliseconds
const dayNanos = 86_400_000n * msNanos

/** Reads values that are not null. Throws a DataError for what is no date. */
export type ReadInstant = (value: unknown) => Instant

/** Where dates come from and go to: the pattern for text, the unit for numbers. */
export interface InstantNotation {
  readonly pattern: DatePattern | undefined
  readonly precision: UnixPrecision
}

/** How a schema counts time beside the unit that the config gives: nanoseconds per unit. */
const countedUnits: ReadonlyMap<string, bigint> = new Map([
  [logical.date, dayNanos],
  [logical.debeziumDate, dayNanos],
  [logical.time, msNanos],
  [logical.debeziumTime, msNanos],
  [logical.timestamp, msNanos],
  [logical.debeziumTimestamp, msNanos],
  [logical.microTimestamp, unixUnits.microseconds],
  [logical.nanoTimestamp, unixUnits.nanoseconds],
])

/**
 * A reader for values of a schema: Connect's and Debezium's logical types by their own units (Java takes Debezium's for milliseconds), other
 * int64 by `unix.precision`, text by `format`. Throws a DataError for other schemas.
 */
export function instantReader(schema: Schema, notation: InstantNotation, field: string): ReadInstant {
  const unit = countedUnits.get(schema.name ?? '')
  if (unit !== undefined) return (value) => BigInt(value as bigint | number) * unit
  if (schema.name === logical.zonedTimestamp && notation.pattern === undefined) return (value) => isoInstant(value as string, field)
  if (schema.type === 'string' || (schema.type === 'int64' && schema.name !== logical.microTime && schema.name !== logical.nanoTime)) {
    return (value) => plainInstant(value, notation, field)
  }
  throw new DataError(`TimestampConverter: ${field} is of type ${schema.name ?? schema.type}, which is no known form of a timestamp`)
}

/** Reads a value without a schema: text by `format`, integers by `unix.precision`. */
export function plainInstant(value: unknown, { pattern, precision }: InstantNotation, field: string): Instant {
  if (typeof value === 'bigint') return value * unixUnits[precision]
  if (typeof value !== 'string')
    throw new DataError(`TimestampConverter: ${field} is ${shown(value)}, which is no known form of a timestamp`)
  if (pattern === undefined)
    throw new DataError(`TimestampConverter: ${field} is text, ${shown(value)}; the key format must say how to read it`)
  return BigInt(pattern.parse(value)) * msNanos
}

// Debezium writes up to nine decimal places, of which Date.parse would lose six.
function isoInstant(value: string, field: string): Instant {
  const parts = /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(value)
  const ms = parts === null ? NaN : Date.parse(parts[1]! + parts[3]!)
  if (Number.isNaN(ms)) throw new DataError(`TimestampConverter: ${field} is ${shown(value)}, which is no timestamp with a zone`)
  return BigInt(ms) * msNanos + BigInt((parts![2] ?? '').padEnd(9, '0'))
}

/**
 * A writer for the target. Parts finer than it holds are cut, towards the past (Java: towards 1970); what is too large for it is a DataError.
 */
export function instantWriter(
  target: TimestampType,
  { pattern, precision }: InstantNotation,
  field: string,
): (instant: Instant) => unknown {
  const wrong = (instant: Instant, type: string): never => {
    throw new DataError(`TimestampConverter: ${field} is ${instant / msNanos} ms since the epoch, which is out of range for ${type}`)
  }
  switch (target) {
    case 'string':
      return (instant) => pattern!.format(Number(floorDivide(instant, msNanos)))
    case 'unix':
      return (instant) => {
        const value = floorDivide(instant, unixUnits[precision])
        return BigInt.asIntN(64, value) === value ? value : wrong(instant, `unix time in ${precision}`)
      }
    case 'Date':
      return (instant) => {
        const days = floorDivide(instant, dayNanos)
        return BigInt.asIntN(32, days) === days ? Number(days) : wrong(instant, 'Date')
      }
    case 'Time':
      return (instant) => Number((instant - floorDivide(instant, dayNanos) * dayNanos) / msNanos)
    case 'Timestamp':
      return (instant) => {
        const value = floorDivide(instant, msNanos)
        return BigInt.asIntN(64, value) === value ? value : wrong(instant, 'Timestamp')
      }
    default:
      return target satisfies never
  }
}

/** The schema of the target. */
export function instantSchema(target: TimestampType, optional: boolean): Schema {
  const extras = (name: string): SchemaExtras => ({ optional, name, version: 1 })
  switch (target) {
    case 'string':
      return primitive('string', { optional })
    case 'unix':
      return primitive('int64', { optional })
    case 'Date':
      return primitive('int32', extras(logical.date))
    case 'Time':
      return primitive('int32', extras(logical.time))
    case 'Timestamp':
      return primitive('int64', extras(logical.timestamp))
    default:
      return target satisfies never
  }
}
