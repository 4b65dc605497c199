import { isUtf8 } from 'node:buffer'
import { DataError } from '../../../core/index.ts'
import type { RecordColumns } from './record-set.ts'

/** What a batch's header says about its records. */
export interface ColumnsHead {
  readonly baseOffset: number
  readonly lastOffsetDelta: number
  readonly count: number
  readonly baseTimestamp: number
  /** The log's own time, where it stands in place of every record's. */
  readonly appendTimestamp: number | undefined
}

type Headers = ReturnType<RecordColumns['headers']>

/** Numbers kept for a record: offset delta, start and length of key and value (-1: null), end. Headers begin where the value ends. */
const stride = 6
/** Headers of a record whose names are kept to compare with the next record's. */
const namesMax = 32
const noHeaders: Headers = Object.freeze([])
/** What the reading functions below found their value's end to be: a varint has two results, and an object for each would cost more than reading it. */
let next = 0

/**
 * Finds the records of a decompressed batch from `start` to the end of the bytes. The caller has checked that `count` records can lie
 * there. Throws a DataError that names the base offset and the record for lengths that are not so, without reading outside.
 */
export function readColumns(bytes: Buffer, start: number, head: ColumnsHead): RecordColumns {
  const { count, baseTimestamp, lastOffsetDelta } = head
  const places = new Int32Array(count * stride)
  const timestamps = head.appendTimestamp === undefined ? new Float64Array(count) : undefined
  const limit = bytes.length
  const fail = (index: number, fault: string) => new DataError(`Record ${index} of the record batch at offset ${head.baseOffset} ${fault}`)
  let at = start
  let lastDelta = -1
  // The hottest loop of reading Kafka: varints of one and two bytes are read in place, longer ones by a call. What lies beyond the end is
  // undefined, which acts as 0; nothing is used before its place was compared with the end.
  for (let index = 0, place = 0; index < count; index++, place += stride) {
    let raw = bytes[at++]!
    if (raw >= 0x80) {
      const second = bytes[at++]!
      if (second < 0x80) raw = (raw & 0x7f) | (second << 7)
      else {
        raw = readLonger(bytes, at - 2)
        at = next
      }
    }
    const end = at + ((raw >>> 1) ^ -(raw & 1))
    if (at < 0 || end < at || end > limit) throw fail(index, `has a length that leads outside of the batch`)
    // The attributes of a record are unused.
    at++
    raw = bytes[at++]!
    let timestampDelta = (raw >>> 1) ^ -(raw & 1)
    if (raw >= 0x80) {
      timestampDelta = readVarlong(bytes, at - 1)
      at = next
      if (at < 0) throw fail(index, `has an impossible timestamp`)
    }
    raw = bytes[at++]!
    if (raw >= 0x80) {
      const second = bytes[at++]!
      if (second < 0x80) raw = (raw & 0x7f) | (second << 7)
      else {
        raw = readLonger(bytes, at - 2)
        at = next
      }
    }
    const offsetDelta = (raw >>> 1) ^ -(raw & 1)
    if (at < 0 || offsetDelta <= lastDelta || offsetDelta > lastOffsetDelta) {
      throw fail(index, `has an offset that does not rise within the batch`)
    }
    lastDelta = offsetDelta
    raw = bytes[at++]!
    if (raw >= 0x80) {
      raw = readLonger(bytes, at - 1)
      at = next
    }
    const keyLength = (raw >>> 1) ^ -(raw & 1)
    const keyStart = at
    if (keyLength > 0) at += keyLength
    if (keyStart < 0 || keyLength < -1 || at > end) throw fail(index, `has a key that leads outside of the record`)
    raw = bytes[at++]!
    if (raw >= 0x80) {
      const second = bytes[at++]!
      if (second < 0x80) raw = (raw & 0x7f) | (second << 7)
      else {
        raw = readLonger(bytes, at - 2)
        at = next
      }
    }
    const valueLength = (raw >>> 1) ^ -(raw & 1)
    const valueStart = at
    if (valueLength > 0) at += valueLength
    if (valueStart < 0 || valueLength < -1 || at >= end) throw fail(index, `has a value that leads outside of the record`)
    // No headers is by far the commonest: then the record ends here. Others are read when somebody asks.
    if (bytes[at] === 0 && at + 1 !== end) throw fail(index, `is longer than what it holds`)
    places[place] = offsetDelta
    places[place + 1] = keyStart
    places[place + 2] = keyLength
    places[place + 3] = valueStart
    places[place + 4] = valueLength
    places[place + 5] = end
    if (timestamps) timestamps[index] = baseTimestamp + timestampDelta
    at = end
  }
  if (at !== limit) {
    throw new DataError(
      `The record batch at offset ${head.baseOffset} says that it has ${count} records, ${limit - at} bytes are left after them`,
    )
  }
  return new Columns(bytes, places, timestamps, head)
}

class Columns implements RecordColumns {
  readonly count: number
  readonly #bytes: Buffer
  readonly #places: Int32Array
  readonly #timestamps: Float64Array | undefined
  readonly #head: ColumnsHead
  readonly #names: Name[] = []

  constructor(bytes: Buffer, places: Int32Array, timestamps: Float64Array | undefined, head: ColumnsHead) {
    this.count = head.count
    this.#bytes = bytes
    this.#places = places
    this.#timestamps = timestamps
    this.#head = head
  }

  offset(index: number): number {
    return this.#head.baseOffset + this.#places[index * stride]!
  }

  timestamp(index: number): number | null {
    const timestamp = this.#timestamps === undefined ? this.#head.appendTimestamp! : this.#timestamps[index]!
    return timestamp === -1 ? null : timestamp
  }

  key(index: number): Buffer | null {
    return this.#slice(index * stride + 1)
  }

  value(index: number): Buffer | null {
    return this.#slice(index * stride + 3)
  }

  headers(index: number): Headers {
    const end = this.#places[index * stride + 5]!
    const start = this.#headersStart(index)
    return this.#bytes[start] === 0 ? noHeaders : this.#readHeaders(index, start, end)
  }

  size(index: number): number {
    const place = index * stride
    const headers = this.#places[place + 5]! - this.#headersStart(index) - 1
    return Math.max(this.#places[place + 2]!, 0) + Math.max(this.#places[place + 4]!, 0) + headers
  }

  #headersStart(index: number): number {
    return this.#places[index * stride + 3]! + Math.max(this.#places[index * stride + 4]!, 0)
  }

  #slice(place: number): Buffer | null {
    const length = this.#places[place + 1]!
    if (length < 0) return null
    const start = this.#places[place]!
    return this.#bytes.subarray(start, start + length)
  }

  #readHeaders(index: number, start: number, end: number): Headers {
    const bytes = this.#bytes
    const fail = (fault: string) => new DataError(`The record at offset ${this.offset(index)} ${fault}`)
    const count = readVarint(bytes, start)
    // A header takes two bytes at least: an impossible count is found before anything is made for it.
    if (next < 0 || count < 0 || count * 2 > end - next) throw fail(`says that it has ${count} headers in ${end - next} bytes`)
    const headers: { key: string; value: Uint8Array | null }[] = []
    for (let n = 0; n < count; n++) {
      const keyLength = readVarint(bytes, next)
      const keyStart = next
      const keyEnd = keyStart + keyLength
      if (keyStart < 0 || keyLength < 0 || keyEnd > end) throw fail(`has a header whose name leads outside of the record`)
      const key = this.#name(n, keyStart, keyEnd)
      if (key === undefined) throw fail(`has a header whose name is not UTF-8`)
      const valueLength = readVarint(bytes, keyEnd)
      const valueStart = next
      const valueEnd = valueLength > 0 ? valueStart + valueLength : valueStart
      if (valueStart < 0 || valueLength < -1 || valueEnd > end) throw fail(`has a header "${key}" whose value leads outside of the record`)
      headers.push({ key, value: valueLength < 0 ? null : bytes.subarray(valueStart, valueEnd) })
      next = valueEnd
    }
    if (next !== end) throw fail(`is longer than its ${count} headers`)
    return headers
  }

  /** The name of the header at this place among the record's; mostly it is the one of the record read before. undefined: not UTF-8. */
  #name(place: number, start: number, end: number): string | undefined {
    const known = this.#names[place]
    if (known !== undefined && equalBytes(this.#bytes, known, start, end)) return known.text
    const text = this.#bytes.utf8Slice(start, end)
    if (text.includes('\uFFFD') && !isUtf8(this.#bytes.subarray(start, end))) return undefined
    if (place < namesMax) this.#names[place] = { start, end, text }
    return text
  }
}

/** A header's name and where its bytes stand. */
interface Name {
  readonly start: number
  readonly end: number
  readonly text: string
}

function equalBytes(bytes: Buffer, { start, end }: Name, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false
  for (let a = start, b = otherStart; a < end; a++, b++) if (bytes[a] !== bytes[b]) return false
  return true
}

/** A zigzag varint of 32 bits; sets `next` to its end, or to -1 where it is cut short or longer than 5 bytes. */
function readVarint(bytes: Buffer, at: number): number {
  const raw = readLonger(bytes, at)
  return (raw >>> 1) ^ -(raw & 1)
}

/** As `readVarint`, before the sign is taken out of its lowest bit. */
function readLonger(bytes: Buffer, at: number): number {
  let raw = 0
  let shift = 0
  let place = at
  let byte: number
  do {
    byte = bytes[place++]!
    raw |= (byte & 0x7f) << shift
    shift += 7
  } while (byte >= 0x80 && shift < 35)
  next = byte < 0x80 && (shift < 35 || byte < 0x10) ? place : -1
  return raw
}

/** A zigzag varint of 64 bits. Sets `next` as above, and to -1 where it is no safe integer (milliseconds always are) or longer than 10 bytes. */
function readVarlong(bytes: Buffer, at: number): number {
  let byte = bytes[at]!
  let low = 0
  let place = at
  // Up to 28 bits, the commonest, in one integer.
  for (let shift = 0; shift < 28; shift += 7) {
    byte = bytes[place++]!
    low |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      next = place
      return (low >>> 1) ^ -(low & 1)
    }
  }
  let value = BigInt(low)
  for (let shift = 28n; shift < 70n; shift += 7n) {
    byte = bytes[place++]!
    value |= BigInt((byte ?? 0) & 0x7f) << shift
    if (!(byte >= 0x80)) break
  }
  const exact = Number((value >> 1n) ^ -(value & 1n))
  next = byte < 0x80 && Number.isSafeInteger(exact) ? place : -1
  return exact
}
