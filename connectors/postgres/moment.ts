import { DataError } from '../../core/index.ts'
import { digitsAt, minus, point } from './digits.ts'

/**
 * A date or time read from Postgres' ISO text. One object is reused for every value, so that reading allocates nothing: take what you
 * need before the next call.
 */
export interface Moment {
  /** 1 and -1: infinity and -infinity; then nothing else is set. */
  infinite: number
  /** Days since 1970-01-01 in the proleptic Gregorian calendar. */
  days: number
  /** Microseconds of the day; 86,400,000,000 for 24:00. */
  micros: number
  /** Seconds east of UTC as written behind the time. */
  offset: number
}

const moment: Moment = { infinite: 0, days: 0, micros: 0, offset: 0 }

/** Reads `[date][ time[offset]][ BC]` in DateStyle ISO. Throws a DataError that shows the text for anything else. */
export function readMoment(buffer: Buffer, start: number, end: number): Moment {
  moment.infinite = 0
  moment.offset = 0
  moment.micros = 0
  if (end - start >= 10 && buffer[start + 4] === minus && buffer[start + 7] === minus && buffer[end - 1] !== letterC) {
    moment.days = civilDays(
      digitsAt(buffer, start, start + 4),
      digitsAt(buffer, start + 5, start + 7),
      digitsAt(buffer, start + 8, start + 10),
    )
    if (end - start > 10) readTime(buffer, start + 11, end)
    return moment
  }
  return readRareMoment(buffer, start, end)
}

function readRareMoment(buffer: Buffer, start: number, end: number): Moment {
  const text = buffer.latin1Slice(start, end)
  if (text === 'infinity' || text === '-infinity') {
    moment.infinite = text === 'infinity' ? 1 : -1
    return moment
  }
  const match = /^(\d{4,7})-(\d\d)-(\d\d)( \d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[+-]\d\d(?::\d\d){0,2})?)?( BC)?$/.exec(text)
  if (!match) throw new DataError(`"${buffer.toString('utf8', start, end)}" is not a date or timestamp in DateStyle ISO`)
  const year = match[5] === undefined ? Number(match[1]) : 1 - Number(match[1])
  moment.days = civilDays(year, Number(match[2]), Number(match[3]))
  if (match[4] !== undefined) {
    const from = start + match[1]!.length + 7
    readTime(buffer, from, from + match[4].length - 1)
  }
  return moment
}

/** Reads `HH:MM:SS[.ffffff][+HH[:MM[:SS]]]` into the moment's micros and offset. */
export function readTime(buffer: Buffer, start: number, end: number): Moment {
  if (end - start < 8) throw new DataError(`"${buffer.toString('utf8', start, end)}" is not a time`)
  const hours = digitsAt(buffer, start, start + 2)
  const minutes = digitsAt(buffer, start + 3, start + 5)
  const seconds = digitsAt(buffer, start + 6, start + 8)
  let micros = (hours * 3600 + minutes * 60 + seconds) * 1_000_000
  let at = start + 8
  if (at < end && buffer[at] === point) {
    const from = ++at
    let fraction = 0
    for (; at < end; at++) {
      const digit = buffer[at]! - 0x30
      if (digit < 0 || digit > 9) break
      fraction = fraction * 10 + digit
    }
    if (at - from > 6) throw new DataError(`"${buffer.toString('utf8', start, end)}" has more than six digits after the second`)
    micros += fraction * microsOfDigit[at - from]!
  }
  if (at < end) readOffset(buffer, start, at, end)
  else moment.offset = 0
  if (buffer[start + 2] !== colon || buffer[start + 5] !== colon) {
    throw new DataError(`"${buffer.toString('utf8', start, end)}" is not a time`)
  }
  moment.micros = micros
  return moment
}

function readOffset(buffer: Buffer, start: number, at: number, end: number): void {
  const sign = buffer[at] === minus ? -1 : 1
  const size = end - at
  if ((sign === 1 && buffer[at] !== plus) || (size !== 3 && size !== 6 && size !== 9)) {
    throw new DataError(`"${buffer.toString('utf8', start, end)}" is not a time with an offset`)
  }
  let seconds = digitsAt(buffer, at + 1, at + 3) * 3600
  if (size > 3) seconds += digitsAt(buffer, at + 4, at + 6) * 60
  if (size > 6) seconds += digitsAt(buffer, at + 7, at + 9)
  moment.offset = sign * seconds
}

/** Days since 1970-01-01 of a proleptic Gregorian date; year 0 is 1 BC. (Howard Hinnant, "chrono-compatible low-level date algorithms".) */
export function civilDays(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = ((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) | 0
  return era * 146097 + yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear + day - 1 - 719468
}

/** `YYYY-MM-DD` of a day; years outside 0..9999 carry a sign, year 0 is 1 BC (ISO 8601, as Java prints it). */
export function dayText(days: number): string {
  const shifted = days + 719468
  const era = Math.floor(shifted / 146097)
  const dayOfEra = shifted - era * 146097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  const yearText = year < 0 ? `-${pad(-year, 4)}` : year > 9999 ? `+${year}` : pad(year, 4)
  return `${yearText}-${pad(month, 2)}-${pad(day, 2)}`
}

/** `HH:MM:SS` and the fraction: exactly `digits` of them, or with undefined as many as are needed. */
export function clockText(micros: number, digits?: number): string {
  const seconds = Math.floor(micros / 1_000_000)
  const fraction = pad(micros - seconds * 1_000_000, 6)
  const shown = digits === undefined ? fraction.replace(/0+$/, '') : fraction.slice(0, digits)
  const clock = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`
  return shown === '' ? clock : `${clock}.${shown}`
}

export function pad(number: number, width: number): string {
  return String(number).padStart(width, '0')
}

/** Microseconds of one unit in the last of so many digits. */
const microsOfDigit = [0, 100_000, 10_000, 1_000, 100, 10, 1]
const letterC = 0x43
const plus = 0x2b
const colon = 0x3a
