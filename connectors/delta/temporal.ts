import { DataError } from '../../core/index.ts'

/** What DuckDB (and so our files) hold for Postgres' `infinity` and `-infinity` in timestamps, in microseconds ... */
export const infinityMicros = 9223372036854775807n
/** ... and in dates, in days. */
export const infinityDays = 2147483647

/** Debezium's integers for Postgres' infinities, in milliseconds or microseconds (pgjdbc's PGStatement.DATE_POSITIVE_INFINITY and DATE_NEGATIVE_INFINITY). */
const debeziumInfinity = 9223372036825200000n
const debeziumNegativeInfinity = -9223372036832400000n

const int64Min = -9223372036854775808n
const wayOut = 'use time.precision.mode=isostring, or exclude the column'

/** Days since the epoch; int32's ends stand for the infinities. */
export function dateDays(days: number): number {
  if (!Number.isInteger(days) || days > infinityDays || days < -infinityDays - 1)
    throw new DataError(`${String(days)} is not a number of days`)
  return days < -infinityDays ? -infinityDays : days
}

/** Microseconds as they are; int64's ends and Debezium's constants stand for the infinities. */
export function plainMicros(micros: bigint): bigint {
  if (typeof micros !== 'bigint') throw new DataError(`${String(micros)} is not an int64`)
  return infinite(micros) ?? bounded(micros)
}

/** Milliseconds to microseconds. */
export function millisToMicros(millis: bigint): bigint {
  if (typeof millis !== 'bigint') throw new DataError(`${String(millis)} is not an int64`)
  return infinite(millis) ?? bounded(millis * 1000n)
}

/** Nanoseconds to microseconds, exactly: a value with parts of a microsecond is refused. */
export function nanosToMicros(nanos: bigint): bigint {
  if (typeof nanos !== 'bigint') throw new DataError(`${String(nanos)} is not an int64`)
  const special = infinite(nanos)
  if (special !== undefined) return special
  if (nanos % 1000n !== 0n) throw new DataError(`${nanos} ns is finer than Delta's microseconds; ${wayOut}`)
  return nanos / 1000n
}

function infinite(value: bigint): bigint | undefined {
  if (value < debeziumInfinity && value > debeziumNegativeInfinity) return undefined
  if (value === infinityMicros || value === debeziumInfinity) return infinityMicros
  if (value === int64Min || value === -infinityMicros || value === debeziumNegativeInfinity) return -infinityMicros
  return undefined
}

/** DuckDB's own range of a finite timestamp. */
function bounded(micros: bigint): bigint {
  if (micros >= infinityMicros || micros <= -infinityMicros)
    throw new DataError(`${micros} us is beyond what a Delta timestamp holds; ${wayOut}`)
  return micros
}

const dayMicros = 86_400_000_000n

/** Midnight of a day's text, in microseconds: records of one stream share few days. */
const days = new Map<string, bigint>()
const daysMax = 4096

/** The instant that an ISO-8601 text with an offset names, in microseconds; `infinity` and `-infinity` as Postgres spells them. */
export function zonedMicros(text: string): bigint {
  return utcMicros(text) ?? anyZonedMicros(text)
}

/** The usual form, YYYY-MM-DDTHH:MM:SS[.ffffff]Z, without a regular expression: it is one in twelve of a wide table's CPU cycles otherwise. */
function utcMicros(text: string): bigint | undefined {
  const end = text.length - 1
  if (
    end < 19 ||
    end > 26 ||
    end === 20 ||
    text.charCodeAt(end) !== 90 ||
    text.charCodeAt(10) !== 84 ||
    text.charCodeAt(19) !== (end === 19 ? 90 : 46)
  )
    return undefined
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45 || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined
  const hours = twoDigits(text, 11)
  const minutes = twoDigits(text, 14)
  const seconds = twoDigits(text, 17)
  if (!(hours >= 0 && minutes >= 0 && seconds >= 0)) return undefined
  let micros = 0
  for (let index = 20, unit = 100_000; index < end; index++, unit /= 10) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9) return undefined
    micros += digit * unit
  }
  const date = text.slice(0, 10)
  const day = days.get(date) ?? (/^\d{4}-\d\d-\d\d$/.test(date) ? midnight(date) : undefined)
  return day === undefined ? undefined : day + BigInt((hours * 3600 + minutes * 60 + seconds) * 1_000_000 + micros)
}

/** NaN where there are no two digits. */
function twoDigits(text: string, index: number): number {
  const tens = text.charCodeAt(index) - 48
  const ones = text.charCodeAt(index + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}

function anyZonedMicros(text: string): bigint {
  const match = /^([+-]?\d{4,6}-\d\d-\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)( BC)?$/.exec(text)
  if (!match) {
    if (text === 'infinity') return infinityMicros
    if (text === '-infinity') return -infinityMicros
    throw new DataError(`${JSON.stringify(text)} is not a time stamp with an offset`)
  }
  if (Number(match[2]) > 24 || Number(match[3]) > 59 || Number(match[4] ?? 0) > 59)
    throw new DataError(`${JSON.stringify(text)} is not a time of day`)
  let micros = midnight(match[1]! + (match[7] ?? ''))
  const fraction = (match[5] ?? '').padEnd(6, '0')
  if (/[1-9]/.test(fraction.slice(6))) throw new DataError(`${text} is finer than Delta's microseconds; ${wayOut}`)
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0) - offsetSeconds(match[6]!)
  micros += BigInt(seconds * 1_000_000 + Number(fraction.slice(0, 6)))
  return bounded(micros)
}

function offsetSeconds(offset: string): number {
  if (offset === 'Z') return 0
  const digits = offset.slice(1).replaceAll(':', '')
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4) || 0) * 60 + Number(digits.slice(4, 6) || 0)
  return offset.startsWith('-') ? -seconds : seconds
}

function midnight(text: string): bigint {
  const known = days.get(text)
  if (known !== undefined) return known
  const match = /^([+-]?\d{4,6})-(\d\d)-(\d\d)( BC)?$/.exec(text)!
  // Year 1 BC is astronomical year 0.
  const year = match[4] ? 1 - Number(match[1]) : Number(match[1])
  const month = Number(match[2])
  const day = Number(match[3])
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(2000 + (((year % 400) + 400) % 400), month, 0)).getUTCDate())
    throw new DataError(`${JSON.stringify(text)} is not a date`)
  const micros = BigInt(daysFromCivil(year, month, day)) * dayMicros
  if (days.size >= daysMax) days.clear()
  days.set(text, micros)
  return micros
}

/** Days since 1970-01-01 of a date in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468
}

/** A time of day as `HH:MM:SS`, with a fraction of `digits` digits where it is not zero. */
export function timeText(value: bigint, digits: 3 | 6 | 9): string {
  if (typeof value !== 'bigint') throw new DataError(`${String(value)} is not a time of day`)
  const unit = 10n ** BigInt(digits)
  const seconds = Number(value / unit)
  const fraction = value % unit
  if (value < 0n || seconds > 86400) throw new DataError(`${value} is not a time of day`)
  const text = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return fraction === 0n ? text : `${text}.${fraction.toString().padStart(digits, '0')}`
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
