import { DataError } from '../../core/index.ts'
import type { ColumnCodec } from './tuple.ts'

/** Up to this many digits a number is exact. */
const safeDigits = 15

/** Reads an integer of at most 15 digits. Throws a DataError for anything else. */
export const integerCodec: ColumnCodec = (buffer, start, end) => readInteger(buffer, start, end)

/** Reads a 64-bit integer exactly. Throws a DataError for anything but digits with a sign. */
export const longCodec: ColumnCodec = (buffer, start, end) => {
  if (end - start <= safeDigits) return BigInt(readInteger(buffer, start, end))
  return BigInt(signedDigits(buffer, start, end))
}

export function readInteger(buffer: Buffer, start: number, end: number): number {
  const negative = buffer[start] === minus
  let at = negative ? start + 1 : start
  if (at >= end || end - at > safeDigits) return wrongInteger(buffer, start, end)
  let number = 0
  for (; at < end; at++) {
    const digit = buffer[at]! - zero
    if (digit < 0 || digit > 9) return wrongInteger(buffer, start, end)
    number = number * 10 + digit
  }
  return negative ? -number : number
}

/** The digits of the range as a number; the caller knows that they are digits. */
export function digitsAt(buffer: Buffer, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) {
    const digit = buffer[at]! - zero
    if (digit < 0 || digit > 9) return wrongInteger(buffer, start, end)
    number = number * 10 + digit
  }
  return number
}

/** The text of the range, which must be an integer of any length. */
export function signedDigits(buffer: Buffer, start: number, end: number): string {
  for (let at = buffer[start] === minus ? start + 1 : start; at < end; at++) {
    const digit = buffer[at]! - zero
    if (digit < 0 || digit > 9) return String(wrongInteger(buffer, start, end))
  }
  return buffer.latin1Slice(start, end)
}

/** float4 and float8: NaN and the infinities included. `Math.fround` makes a float4 what it was in the server. */
export const doubleCodec: ColumnCodec = (buffer, start, end) => readDouble(buffer, start, end)
export const floatCodec: ColumnCodec = (buffer, start, end) => Math.fround(readDouble(buffer, start, end))

export function readDouble(buffer: Buffer, start: number, end: number): number {
  // Short integers and decimals by arithmetic: both parts are exact below 2^53, and one division rounds correctly (as strtod does).
  if (end - start <= safeDigits) {
    const negative = buffer[start] === minus
    let number = 0
    let scale = 0
    let at = negative ? start + 1 : start
    for (; at < end; at++) {
      const byte = buffer[at]!
      if (byte === point && scale === 0) scale = 1
      else if (byte >= zero && byte <= nine) {
        number = number * 10 + (byte - zero)
        scale *= 10
      } else break
    }
    if (at === end && at > start) {
      const value = scale > 1 ? number / scale : number
      return negative ? -value : value
    }
  }
  return wordToDouble(buffer.latin1Slice(start, end))
}

function wordToDouble(text: string): number {
  const number = Number(text)
  if (Number.isNaN(number) && text !== 'NaN') throw new DataError(`"${text}" is not a floating-point number`)
  return number
}

export const booleanCodec: ColumnCodec = (buffer, start, end) => {
  if (end - start === 1 && buffer[start] === 0x74) return true
  if (end - start === 1 && buffer[start] === 0x66) return false
  throw new DataError(`"${buffer.utf8Slice(start, end)}" is not a boolean`)
}

function wrongInteger(buffer: Buffer, start: number, end: number): never {
  throw new DataError(`"${buffer.toString('utf8', start, end)}" is not an integer`)
}

export const zero = 0x30
export const nine = 0x39
export const minus = 0x2d
export const point = 0x2e
