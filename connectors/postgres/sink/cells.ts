import { decimalText, type Decimal } from '../../../core/index.ts'
import { clockLiteral, dayLiteral } from './calendar.ts'
import type { CopyBuffer } from './copy-buffer.ts'

/** Writes a value that is not null into a line. Throws a DataError. */
export type Cell = (out: CopyBuffer, value: unknown) => void

const wholeEnd = 9_007_199_254_740_992
const microsOfDay = 86_400_000_000
const powers = Array.from({ length: 16 }, (_, scale) => 10 ** scale)

/** A whole number. Values that are none are left for the server to judge. */
export const numberCell: Cell = (out, value) => {
  if (typeof value === 'bigint') {
    const number = Number(value)
    if (number > -wholeEnd && number < wholeEnd) out.whole(number)
    else out.ascii(value.toString())
  } else if (Number.isSafeInteger(value)) out.whole(value as number)
  else out.text(String(value))
}

export const floatCell: Cell = (out, value) => {
  if (Number.isSafeInteger(value) && value !== 0) out.whole(value as number)
  else out.ascii(Object.is(value, -0) ? '-0' : String(value))
}

export const decimalCell: Cell = (out, value) => {
  const { unscaled, scale } = value as Decimal
  const number = Number(unscaled)
  const near = number > -wholeEnd && number < wholeEnd
  if (near && scale > 0 && scale <= 15) out.scaled(number, scale, powers[scale]!)
  else if (near && scale === 0) out.whole(number)
  else out.ascii(decimalText(value as Decimal))
}

export const textCell: Cell = (out, value) => out.text(typeof value === 'string' ? value : String(value))

export const hexCell: Cell = (out, value) => out.hex(value as Uint8Array)

/** A day since 1970-01-01. */
export const dayCell: Cell = (out, value) => {
  const days = Number(value)
  if (isUsual(days)) writeDay(out, days)
  else out.ascii(dayLiteral(days))
}

/** A time of a day, in units of so many microseconds. */
export function timeCell(unit: 1 | 1000): Cell {
  return (out, value) => {
    const micros = Number(value) * unit
    if (Number.isSafeInteger(micros) && micros >= 0 && micros <= microsOfDay) out.clock(micros)
    else out.ascii(clockLiteral(micros))
  }
}

/** A moment in UTC since 1970, in units of so many microseconds. `text`: what is written for moments that are far away. */
export function momentCell(unit: 1 | 1000, text: (value: unknown) => string): Cell {
  const perDay = microsOfDay / unit
  return (out, value) => {
    const count = Number(value)
    const days = Math.floor(count / perDay)
    if (!Number.isSafeInteger(count) || !isUsual(days)) {
      out.ascii(text(value))
      return
    }
    writeDay(out, days)
    out.blank()
    out.clock((count - days * perDay) * unit)
  }
}

/** Of the years 0001 to 9999, which Postgres and ISO write alike. */
function isUsual(days: number): boolean {
  return Number.isInteger(days) && days >= -719_162 && days <= 2_932_896
}

let lastDays = NaN
let year = 0
let month = 0
let day = 0

/** Neighbours in a log are mostly of one day. (Howard Hinnant, "chrono-compatible low-level date algorithms".) */
function writeDay(out: CopyBuffer, days: number): void {
  if (days !== lastDays) {
    const shifted = days + 719_468
    const era = (shifted / 146_097) | 0
    const dayOfEra = shifted - era * 146_097
    const yearOfEra = ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0
    const dayOfYear = dayOfEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0))
    const monthFromMarch = ((5 * dayOfYear + 2) / 153) | 0
    day = dayOfYear - (((153 * monthFromMarch + 2) / 5) | 0) + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    lastDays = days
  }
  out.day(year, month, day)
}
