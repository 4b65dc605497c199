import { DataError } from '../core/index.ts'
import { dayOfYear, weekOfMonth, weekOfYear } from './week-numbers.ts'
import { parseDate, parsingFault } from './date-parse.ts'
import { months, tokensOf, weekdays, type DateToken } from './date-tokens.ts'

/** A pattern of `java.text.SimpleDateFormat`, in UTC and English, for dates of the proleptic Gregorian calendar. */
export interface DatePattern {
  readonly pattern: string
  /** Milliseconds since the epoch as text. Throws a DataError for what lies beyond the years that a date can have (+-270,000). */
  format(ms: number): string
  /** Milliseconds since the epoch. Throws a DataError unless the whole text is one date of the pattern. */
  parse(text: string): number
}

/**
 * Reads a pattern. Throws an Error, for a ConfigError, for a letter that SimpleDateFormat does not know, a quote that is not closed, and for
 * fractions of a second other than `SSS`: Java writes 12 ms as `.000012` with six of them, and reads `.123456` with three as two minutes.
 */
export function datePattern(pattern: string): DatePattern {
  const tokens = tokensOf(pattern)
  const wrong = tokens.find((token) => 'letter' in token && token.letter === 'S' && token.count !== 3)
  if (wrong !== undefined) {
    throw new Error(`the pattern "${pattern}" counts milliseconds in other than three digits; write SSS, which is what they are`)
  }
  const writers = tokens.map(writerOf)
  const format = (ms: number): string => {
    const date = new Date(ms)
    if (Number.isNaN(date.getTime())) throw new DataError(`${ms} ms is beyond the years that can be written as "${pattern}"`)
    let text = ''
    for (const write of writers) text += write(date)
    return text
  }
  const ofDays = tokens.every((token) => 'text' in token || !'aHkKhmsS'.includes(token.letter))
  return { pattern, format: ofDays ? oncePerDay(format) : format, parse: (text) => parseDate(tokens, pattern, text) }
}

// Records come in the order of time, more or less: the day before is seldom asked for again.
function oncePerDay(format: (ms: number) => string): (ms: number) => string {
  let lastDay = NaN
  let lastText = ''
  return (ms) => {
    const day = Math.floor(ms / 86_400_000)
    if (day !== lastDay) {
      lastText = format(ms)
      lastDay = day
    }
    return lastText
  }
}

/** For `check`: what is wrong with a pattern; with `reading`, also what cannot be read back (weeks). */
export function datePatternFault(pattern: string, reading = false): string | undefined {
  try {
    datePattern(pattern)
    return reading ? parsingFault(tokensOf(pattern)) : undefined
  } catch (error) {
    return (error as Error).message
  }
}

function writerOf(token: DateToken): (date: Date) => string {
  if ('text' in token) return () => token.text
  const { letter, count } = token
  const padded = (number: (date: Date) => number) => (date: Date) => String(number(date)).padStart(count, '0')
  const year = (number: number) => (count === 2 ? String(number % 100).padStart(2, '0') : String(number).padStart(count, '0'))
  const named = (name: (date: Date) => string) => (date: Date) => (count >= 4 ? name(date) : name(date).slice(0, 3))
  switch (letter) {
    case 'G':
      return (date) => (date.getUTCFullYear() > 0 ? 'AD' : 'BC')
    case 'y':
      return (date) => year(date.getUTCFullYear() > 0 ? date.getUTCFullYear() : 1 - date.getUTCFullYear())
    case 'Y':
      return (date) => year(weekOfYear(date).year)
    case 'M':
    case 'L':
      return count >= 3 ? named((date) => months[date.getUTCMonth()]!) : padded((date) => date.getUTCMonth() + 1)
    case 'w':
      return padded((date) => weekOfYear(date).week)
    case 'W':
      return padded(weekOfMonth)
    case 'D':
      return padded(dayOfYear)
    case 'd':
      return padded((date) => date.getUTCDate())
    case 'F':
      return padded((date) => Math.ceil(date.getUTCDate() / 7))
    case 'E':
      return named((date) => weekdays[date.getUTCDay()]!)
    case 'u':
      return padded((date) => date.getUTCDay() || 7)
    case 'a':
      return (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM')
    case 'H':
      return padded((date) => date.getUTCHours())
    case 'k':
      return padded((date) => date.getUTCHours() || 24)
    case 'K':
      return padded((date) => date.getUTCHours() % 12)
    case 'h':
      return padded((date) => date.getUTCHours() % 12 || 12)
    case 'm':
      return padded((date) => date.getUTCMinutes())
    case 's':
      return padded((date) => date.getUTCSeconds())
    case 'S':
      return padded((date) => date.getUTCMilliseconds())
    case 'z':
      return () => (count >= 4 ? 'Coordinated Universal Time' : 'UTC')
    case 'Z':
      return () => '+0000'
    default:
      return () => 'Z'
  }
}
