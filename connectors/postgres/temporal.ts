import { DataError, logical, primitive } from '../../core/index.ts'
import { clockText, dayText, readMoment, readTime, pad, type Moment } from './moment.ts'
import type { ValueSettings } from './settings.ts'
import type { ColumnCodec } from './tuple.ts'
import type { ColumnType } from './types.ts'

type Times = ValueSettings['times']

/**
 * date: days since 1970, exact in the proleptic Gregorian calendar. infinity and -infinity are the greatest int32 and its negative, as
 * DuckDB has them; as text they are words.
 */
export function dateType(times: Times): ColumnType {
  if (times === 'isostring') return plain('string', logical.isoDate, isoDate)
  return plain('int32', times === 'connect' ? logical.date : logical.debeziumDate, dateDays)
}

/** time: since midnight; 24:00 is one day. */
export function timeType(times: Times, precision: number): ColumnType {
  switch (times) {
    case 'isostring':
      return plain('string', logical.isoTime, (buffer, start, end) => `${clockText(readTime(buffer, start, end).micros)}Z`)
    case 'connect':
      return plain('int32', logical.time, timeMillis)
    case 'nanoseconds':
      return plain('int64', logical.nanoTime, (buffer, start, end) => BigInt(readTime(buffer, start, end).micros) * 1000n)
    case 'adaptive':
      if (precision <= 3) return plain('int32', logical.debeziumTime, timeMillis)
      return plain('int64', logical.microTime, timeMicros)
    case 'adaptive_time_microseconds':
    case 'microseconds':
      return plain('int64', logical.microTime, timeMicros)
    default:
      return times satisfies never
  }
}

/** timestamp: since 1970 without a zone. Infinities are Debezium's: the ends of int64 in microseconds, the JDBC driver's marks in milliseconds. */
export function timestampType(times: Times, precision: number): ColumnType {
  switch (times) {
    case 'isostring':
      return plain('string', logical.isoTimestamp, isoTimestamp)
    case 'connect':
      return plain('int64', logical.timestamp, timestampMillis)
    case 'nanoseconds':
      return plain('int64', logical.nanoTimestamp, timestampNanos)
    case 'adaptive':
    case 'adaptive_time_microseconds':
      if (precision <= 3) return plain('int64', logical.debeziumTimestamp, timestampMillis)
      return plain('int64', logical.microTimestamp, timestampMicros)
    case 'microseconds':
      return plain('int64', logical.microTimestamp, timestampMicros)
    default:
      return times satisfies never
  }
}

/** timestamptz: ISO text in UTC with as many digits as the column has; `infinity` and `-infinity` are words. */
export function zonedTimestampType(precision: number): ColumnType {
  return plain('string', logical.zonedTimestamp, zonedTimestamp(precision))
}

/** timetz: ISO text that keeps its offset, `Z` for none. */
export const zonedTimeType: ColumnType = plain('string', logical.zonedTime, (buffer, start, end) => {
  const { micros, offset } = readTime(buffer, start, end)
  return clockText(micros) + offsetText(offset)
})

function plain(type: 'int32' | 'int64' | 'string', name: string, codec: ColumnCodec): ColumnType {
  return { schema: primitive(type, { name, version: 1 }), codec, placeholder: null }
}

/** Days that stand for the infinite dates. */
const infiniteDay = 2147483647

const dateDays: ColumnCodec = (buffer, start, end) => {
  const { infinite, days } = readMoment(buffer, start, end)
  return infinite === 0 ? days : infinite * infiniteDay
}

const isoDate: ColumnCodec = (buffer, start, end) => {
  const { infinite, days } = readMoment(buffer, start, end)
  return infinite === 0 ? `${dayText(days)}Z` : infiniteText(infinite)
}

const timeMillis: ColumnCodec = (buffer, start, end) => Math.floor(readTime(buffer, start, end).micros / 1000)
const timeMicros: ColumnCodec = (buffer, start, end) => BigInt(readTime(buffer, start, end).micros)

const timestampMillis: ColumnCodec = (buffer, start, end) => {
  const moment = readMoment(buffer, start, end)
  if (moment.infinite !== 0) return moment.infinite > 0 ? 9223372036825200000n : -9223372036832400000n
  return scaled(moment.days, 86_400_000, Math.floor(moment.micros / 1000))
}

const timestampMicros: ColumnCodec = (buffer, start, end) => {
  const moment = readMoment(buffer, start, end)
  if (moment.infinite !== 0) return moment.infinite > 0 ? longMax : longMin
  return bounded(scaled(moment.days, 86_400_000_000, moment.micros), buffer, start, end)
}

const timestampNanos: ColumnCodec = (buffer, start, end) => {
  const moment = readMoment(buffer, start, end)
  if (moment.infinite !== 0) return moment.infinite > 0 ? longMax : longMin
  return bounded(scaled(moment.days, 86_400_000_000, moment.micros) * 1000n, buffer, start, end)
}

const isoTimestamp: ColumnCodec = (buffer, start, end) => {
  const { infinite, days, micros } = readMoment(buffer, start, end)
  return infinite === 0 ? `${dayText(days)}T${clockText(micros)}Z` : infiniteText(infinite)
}

const longMax = 9223372036854775807n
const longMin = -9223372036854775808n

function scaled(days: number, unitsOfDay: number, units: number): bigint {
  const sum = days * unitsOfDay + units
  if (Number.isSafeInteger(sum)) return BigInt(sum)
  return BigInt(days) * BigInt(unitsOfDay) + BigInt(units)
}

function bounded(value: bigint, buffer: Buffer, start: number, end: number): bigint {
  if (value < longMax && value > longMin) return value
  throw new DataError(
    `timestamp ${buffer.latin1Slice(start, end)} does not fit a 64-bit count since 1970; ` +
      'set time.precision.mode=isostring or connect, or correct the row',
  )
}

function infiniteText(infinite: number): string {
  return infinite > 0 ? 'infinity' : '-infinity'
}

/** `2024-01-02 03:04:05.67+00` needs only its separators changed and its fraction filled up: done on a scratch buffer, one string made. */
function zonedTimestamp(precision: number): ColumnCodec {
  const scratch = Buffer.alloc(27)
  const length = precision === 0 ? 19 : 20 + precision
  return (buffer, start, end) => {
    const bare = end - start - 3
    const usual = bare >= 19 && bare <= length && isUtc(buffer, end) && buffer[start + 4] === 0x2d && buffer[start + 10] === 0x20
    if (!usual) return rareZoned(readMoment(buffer, start, end), precision)
    if (bare === length) {
      // All digits are there: the separators are changed in place for one call, and put back.
      buffer[start + 10] = 0x54
      buffer[end - 3] = 0x5a
      const text = buffer.latin1Slice(start, end - 2)
      buffer[start + 10] = 0x20
      buffer[end - 3] = 0x2b
      return text
    }
    for (let at = 0; at < bare; at++) scratch[at] = buffer[start + at]!
    scratch[10] = 0x54
    scratch[19] = 0x2e
    for (let at = Math.max(bare, 20); at < length; at++) scratch[at] = 0x30
    scratch[length] = 0x5a
    return scratch.latin1Slice(0, length + 1)
  }
}

function isUtc(buffer: Buffer, end: number): boolean {
  return buffer[end - 1] === 0x30 && buffer[end - 2] === 0x30 && buffer[end - 3] === 0x2b
}

function rareZoned({ infinite, days, micros, offset }: Moment, precision: number): string {
  if (infinite !== 0) return infiniteText(infinite)
  const utc = micros - offset * 1_000_000
  const dayShift = Math.floor(utc / 86_400_000_000)
  return `${dayText(days + dayShift)}T${clockText(utc - dayShift * 86_400_000_000, precision)}Z`
}

function offsetText(offset: number): string {
  if (offset === 0) return 'Z'
  const size = Math.abs(offset)
  const seconds = size % 60
  const text = `${offset < 0 ? '-' : '+'}${pad(Math.floor(size / 3600), 2)}:${pad(Math.floor(size / 60) % 60, 2)}`
  return seconds === 0 ? text : `${text}:${pad(seconds, 2)}`
}
