import { decimalText, rescale, unscaledBytes, unscaledFromBytes, type Decimal } from '../../contract/decimal.ts'
import { DataError } from '../../contract/errors.ts'
import type { Schema } from '../../contract/schema.ts'
import { placeText } from '../field-path.ts'
import { messages } from './well-known.ts'

/** A message of Google's or Confluent's that stands for one value of Connect: between its fields (by number) and that value. */
export interface ValueMessage {
  fromFields(fields: ReadonlyMap<number, bigint | Uint8Array>): unknown
  toFields(value: never): readonly (readonly [field: number, value: bigint | Uint8Array])[]
}

/** Longest decimal that is read, in bytes. */
const decimalBytesMax = 4_096
const dayMs = 86_400_000

/** How such a message is read and written; undefined: it is a message like any other. */
export function valueMessage(fullName: string, schema: Schema, path: string, dropDigits: boolean): ValueMessage | undefined {
  switch (fullName) {
    case messages.timestamp:
      return timestamp(path, dropDigits)
    case messages.date:
      return date(path)
    case messages.time:
      return time(path, dropDigits)
    case messages.decimal:
      return decimal(schema, path)
    default:
      return undefined
  }
}

function timestamp(path: string, dropDigits: boolean): ValueMessage {
  return {
    fromFields(fields) {
      const seconds = whole(fields, 1)
      const nanos = BigInt.asIntN(32, whole(fields, 2))
      if (nanos < 0n || nanos > 999_999_999n || seconds < -62_135_596_800n || seconds > 253_402_300_799n) {
        throw new DataError(`${placeText(path)} is no timestamp: ${seconds} seconds and ${nanos} nanoseconds`)
      }
      return seconds * 1000n + toMillis(nanos, path, dropDigits)
    },
    toFields(value: bigint) {
      if (value < -62_135_596_800_000n || value >= 253_402_300_800_000n) {
        throw new DataError(
          `${placeText(path)} is ${value} milliseconds, which lies outside of the years 1 to 9999 of google.protobuf.Timestamp`,
        )
      }
      const millis = ((value % 1000n) + 1000n) % 1000n
      return [
        [1, (value - millis) / 1000n],
        [2, millis * 1_000_000n],
      ]
    },
  }
}

function toMillis(nanos: bigint, path: string, dropDigits: boolean): bigint {
  if (nanos % 1_000_000n !== 0n && !dropDigits) {
    throw new DataError(
      `${placeText(path)} has ${nanos} nanoseconds, and Connect's type only milliseconds; timestamp.digits.dropped=true cuts them off, as Confluent's converter does`,
    )
  }
  return nanos / 1_000_000n
}

function date(path: string): ValueMessage {
  return {
    fromFields(fields) {
      const [year, month, day] = [1, 2, 3].map((field) => Number(BigInt.asIntN(32, whole(fields, field)))) as [number, number, number]
      const moment = new Date(0)
      moment.setUTCFullYear(year, month - 1, day)
      if (moment.getUTCFullYear() !== year || moment.getUTCMonth() !== month - 1 || moment.getUTCDate() !== day) {
        throw new DataError(`${placeText(path)} is no date: year ${year}, month ${month}, day ${day}`)
      }
      return moment.getTime() / dayMs
    },
    toFields(value: number) {
      const moment = new Date(value * dayMs)
      const year = moment.getUTCFullYear()
      if (!(year >= 1 && year <= 9999))
        throw new DataError(`${placeText(path)} is the day ${value}, which lies outside of the years 1 to 9999 of google.type.Date`)
      return [
        [1, BigInt(year)],
        [2, BigInt(moment.getUTCMonth() + 1)],
        [3, BigInt(moment.getUTCDate())],
      ]
    },
  }
}

function time(path: string, dropDigits: boolean): ValueMessage {
  return {
    fromFields(fields) {
      const [hours, minutes, seconds, nanos] = [1, 2, 3, 4].map((field) => BigInt.asIntN(32, whole(fields, field))) as [
        bigint,
        bigint,
        bigint,
        bigint,
      ]
      const fine =
        hours >= 0n &&
        hours < 24n &&
        minutes >= 0n &&
        minutes < 60n &&
        seconds >= 0n &&
        seconds < 60n &&
        nanos >= 0n &&
        nanos <= 999_999_999n
      if (!fine) throw new DataError(`${placeText(path)} is no time of a day: ${hours}:${minutes}:${seconds} and ${nanos} nanoseconds`)
      return Number((hours * 3600n + minutes * 60n + seconds) * 1000n + toMillis(nanos, path, dropDigits))
    },
    toFields(value: number) {
      if (!(value >= 0 && value < dayMs)) throw new DataError(`${placeText(path)} is ${value} milliseconds, which is no time of a day`)
      const part = (unit: number, count: number) => BigInt(Math.floor(value / unit) % count)
      return [
        [1, part(3_600_000, 24)],
        [2, part(60_000, 60)],
        [3, part(1000, 60)],
        [4, part(1, 1000) * 1_000_000n],
      ]
    },
  }
}

function decimal(schema: Schema, path: string): ValueMessage {
  const scale = Number(schema.parameters?.scale ?? 0)
  const fitted = (value: Decimal): Decimal => {
    try {
      return rescale(value, scale)
    } catch (cause) {
      throw new DataError(`${placeText(path)} is ${decimalText(value)}, which does not fit its schema's ${scale} decimal places`, { cause })
    }
  }
  return {
    fromFields(fields) {
      const bytes = fields.get(1)
      const own = Number(BigInt.asIntN(32, whole(fields, 3)))
      if (bytes instanceof Uint8Array && bytes.length > decimalBytesMax)
        throw new DataError(`${placeText(path)} is a decimal of ${bytes.length} bytes; at most ${decimalBytesMax} are read`)
      if (Math.abs(own) > 10_000) throw new DataError(`${placeText(path)} is a decimal with ${own} places; at most 10000 are read`)
      return fitted({ unscaled: bytes instanceof Uint8Array ? unscaledFromBytes(bytes) : 0n, scale: own })
    },
    toFields(value: Decimal) {
      const { unscaled } = fitted(value)
      return [
        [1, unscaledBytes(unscaled)],
        [2, BigInt((unscaled < 0n ? -unscaled : unscaled).toString().length)],
        [3, BigInt(scale)],
      ]
    },
  }
}

function whole(fields: ReadonlyMap<number, bigint | Uint8Array>, field: number): bigint {
  const value = fields.get(field)
  return typeof value === 'bigint' ? value : 0n
}
