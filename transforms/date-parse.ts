import { DataError } from '../core/index.ts'
import { months, weekdays, type DateToken } from './date-tokens.ts'

interface DateFields {
  era?: number
  year?: number
  month?: number
  day?: number
  dayOfYear?: number
  weekday?: number
  half?: number
  hour?: number
  hour12?: number
  minute?: number
  second?: number
  ms?: number
  /** Minutes east of UTC. */
  zone?: number
}

/** What a pattern says that cannot be read back: Java makes up a date from it. */
export function parsingFault(tokens: readonly DateToken[]): string | undefined {
  const wrong = tokens.find((token) => 'letter' in token && 'YwWF'.includes(token.letter)) as { readonly letter: string } | undefined
  return wrong === undefined ? undefined : `"${wrong.letter}" can be written but not read; dates are read by y, M and d`
}

/**
 * Reads a date, strictly: where Java's lenient parser makes 2 March of 30 February, ignores what follows the date, takes digits of
 * other scripts or a wrong weekday, this throws a DataError. What the text lacks is that of 1970-01-01T00:00:00.000Z, as in Java.
 */
export function parseDate(tokens: readonly DateToken[], pattern: string, text: string): number {
  const fault = (why: string): DataError => {
    const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text
    return new DataError(`Could not parse timestamp: value (${shown}) does not match pattern (${pattern}): ${why}`)
  }
  const fields: DateFields = {}
  let at = 0
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!
    if ('text' in token) {
      if (!text.startsWith(token.text, at)) throw fault(`"${token.text}" is missing at character ${at}`)
      at += token.text.length
      continue
    }
    const length = readField(token, isNumeric(tokens[index + 1]), text.slice(at, at + fieldCharsMax), fields)
    if (length === undefined) throw fault(`there is no ${fieldNames[token.letter] ?? token.letter} at character ${at}`)
    at += length
  }
  if (at < text.length) throw fault(`something follows the date, from character ${at} on`)
  return instantOf(fields, fault)
}

/** Longest text of one field: the name of a time zone or a month. */
const fieldCharsMax = 40

const fieldNames: Readonly<Record<string, string>> = {
  G: 'era (AD, BC)',
  y: 'year',
  M: 'month',
  L: 'month',
  d: 'day',
  D: 'day of the year',
  E: 'weekday',
  u: 'weekday (1 to 7)',
  a: 'AM or PM',
  H: 'hour',
  k: 'hour (1 to 24)',
  K: 'hour (0 to 11)',
  h: 'hour (1 to 12)',
  m: 'minute',
  s: 'second',
  S: 'millisecond of three digits',
  z: 'time zone (UTC, GMT+01:00)',
  Z: 'time zone (+0100)',
  X: 'time zone (Z, +01:00)',
}

function isNumeric(token: DateToken | undefined): boolean {
  return (
    token !== undefined && 'letter' in token && ('ydDuHkKhmsS'.includes(token.letter) || ('ML'.includes(token.letter) && token.count < 3))
  )
}

/** Reads one field from the start of `text`; the number of characters, or undefined where it is not there. */
function readField(
  token: { readonly letter: string; readonly count: number },
  abuts: boolean,
  text: string,
  fields: DateFields,
): number | undefined {
  const { letter, count } = token
  const named = (names: readonly string[], take: (index: number) => void): number | undefined => {
    const lower = text.toLowerCase()
    for (const length of [Infinity, 3]) {
      const index = names.findIndex((name) => lower.startsWith(name.slice(0, length).toLowerCase()))
      if (index < 0) continue
      take(index)
      return Math.min(names[index]!.length, length)
    }
    return undefined
  }
  const number = (low: number, high: number, take: (value: number) => void): number | undefined => {
    const most = abuts ? count : Math.max(count, String(high).length)
    const digits = new RegExp(`^[0-9]{${abuts ? count : 1},${most}}`).exec(text)?.[0]
    if (digits === undefined || Number(digits) < low || Number(digits) > high) return undefined
    take(Number(digits))
    return digits.length
  }
  switch (letter) {
    case 'G':
      return named(['AD', 'BC'], (era) => (fields.era = era))
    case 'y':
      return readYear(count, abuts, text, fields)
    case 'M':
    case 'L':
      return count >= 3 ? named(months, (index) => (fields.month = index)) : number(1, 12, (value) => (fields.month = value - 1))
    case 'd':
      return number(1, 31, (value) => (fields.day = value))
    case 'D':
      return number(1, 366, (value) => (fields.dayOfYear = value))
    case 'E':
      return named(weekdays, (index) => (fields.weekday = index))
    case 'u':
      return number(1, 7, (value) => (fields.weekday = value % 7))
    case 'a':
      return named(['AM', 'PM'], (half) => (fields.half = half))
    case 'H':
      return number(0, 23, (value) => (fields.hour = value))
    case 'k':
      return number(1, 24, (value) => (fields.hour = value % 24))
    case 'K':
      return number(0, 11, (value) => (fields.hour12 = value))
    case 'h':
      return number(1, 12, (value) => (fields.hour12 = value % 12))
    case 'm':
      return number(0, 59, (value) => (fields.minute = value))
    case 's':
      return number(0, 59, (value) => (fields.second = value))
    case 'S': {
      if (!/^[0-9]{3}(?![0-9])/.test(text)) return undefined
      fields.ms = Number(text.slice(0, 3))
      return 3
    }
    default:
      return readZone(letter, count, text, fields)
  }
}

/** Two digits lie within 80 years before and 20 after now, as in Java; else a year has four or more. */
function readYear(count: number, abuts: boolean, text: string, fields: DateFields): number | undefined {
  const digits = new RegExp(abuts ? `^[0-9]{${Math.max(count, 1)}}` : '^[0-9]{2,6}').exec(text)?.[0]
  if (digits === undefined) return undefined
  if (digits.length === 2 && count === 2) {
    const now = new Date().getUTCFullYear()
    const year = now - (now % 100) + Number(digits)
    fields.year = year > now + 20 ? year - 100 : year <= now - 80 ? year + 100 : year
    return 2
  }
  if (digits.length < 4) return undefined
  fields.year = Number(digits)
  return digits.length
}

function readZone(letter: string, count: number, text: string, fields: DateFields): number | undefined {
  const offset = {
    Z: /^([+-])(\d\d)(\d\d)/,
    z: /^(?:UTC|GMT)?([+-])(\d\d?):?(\d\d)/,
    X: [/^([+-])(\d\d)/, /^([+-])(\d\d)(\d\d)/, /^([+-])(\d\d):(\d\d)/][count - 1]!,
  }[letter as 'Z' | 'z' | 'X'].exec(text)
  if (offset !== null) {
    const [all, sign, hours, minutes = '0'] = offset
    if (Number(hours) > 23 || Number(minutes) > 59) return undefined
    fields.zone = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
    return all.length
  }
  const utc = letter === 'X' ? /^Z/.exec(text) : letter === 'z' ? /^(?:UTC|GMT|Z)(?![A-Za-z])/.exec(text) : null
  if (utc === null) return undefined
  fields.zone = 0
  return utc[0].length
}

function instantOf(fields: DateFields, fault: (why: string) => DataError): number {
  const { month = 0, day = 1, dayOfYear, weekday, half = 0, minute = 0, second = 0, ms = 0, zone = 0 } = fields
  const year = fields.era === 1 ? 1 - (fields.year ?? 1) : (fields.year ?? 1970)
  const date = new Date(0)
  if (dayOfYear === undefined) date.setUTCFullYear(year, month, day)
  else date.setUTCFullYear(year, 0, dayOfYear)
  const wrongDay = dayOfYear === undefined ? date.getUTCMonth() !== month || date.getUTCDate() !== day : date.getUTCFullYear() !== year
  if (wrongDay) throw fault('there is no such day')
  if (dayOfYear !== undefined && fields.month !== undefined && date.getUTCMonth() !== month) throw fault('month and day of the year differ')
  if (weekday !== undefined && (fields.day !== undefined || dayOfYear !== undefined) && date.getUTCDay() !== weekday) {
    throw fault(`that day is a ${weekdays[date.getUTCDay()]}`)
  }
  const hour = fields.hour ?? (fields.hour12 ?? 0) + half * 12
  if (fields.hour !== undefined && fields.half !== undefined && (hour >= 12 ? 1 : 0) !== half) throw fault('hour and AM or PM differ')
  const instant = date.setUTCHours(hour, minute, second, ms) - zone * 60_000
  if (Number.isNaN(new Date(instant).getTime())) throw fault('it is beyond the years that a date can have')
  return instant
}
