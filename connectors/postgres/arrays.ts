import { arrayOf, DataError, optional, type Schema } from '../../core/index.ts'
import type { ColumnCodec } from './tuple.ts'
import type { ColumnType } from './types.ts'

/**
 * An array of `dimensions` declared dimensions (`int[][]`: 2). Items are optional. Lower bounds other than 1 are not carried, as nothing in
 * the schema could hold them. A value with another number of dimensions is a DataError: Postgres allows it, the schema does not.
 */
export function arrayType(item: ColumnType, dimensions: number, delimiter: string, placeholder: string): ColumnType {
  const depth = Math.max(1, dimensions)
  let schema: Schema = item.schema
  for (let level = 0; level < depth; level++) schema = arrayOf(optional(schema))
  return {
    schema,
    codec: arrayCodec(item.codec, depth, delimiter.charCodeAt(0)),
    placeholder: depth === 1 ? arrayPlaceholder(item, placeholder) : null,
  }
}

/** Debezium's: the placeholder as the only text, or its characters as integers; null for items that neither fits. */
function arrayPlaceholder(item: ColumnType, placeholder: string): unknown {
  if (item.schema.type === 'string') return typeof item.placeholder === 'string' ? [item.placeholder] : null
  if (item.schema.name !== null) return null
  const characters = [...Buffer.from(placeholder)]
  if (item.schema.type === 'int16' || item.schema.type === 'int32') return characters
  return item.schema.type === 'int64' ? characters.map(BigInt) : null
}

function arrayCodec(item: ColumnCodec, depth: number, delimiter: number): ColumnCodec {
  return (buffer, start, end) => {
    const from = buffer[start] === bracket ? buffer.indexOf(equals, start) + 1 : start
    if (from < start + 1 && from !== start) throw malformed(buffer, start, end)
    if (buffer[from] !== open || buffer[end - 1] !== close) throw malformed(buffer, start, end)
    const reader = new ArrayReader(buffer, from, end, item, delimiter, depth)
    const items = reader.read(1)
    if (reader.at !== end) throw malformed(buffer, start, end)
    return items
  }
}

class ArrayReader {
  at: number
  readonly #buffer: Buffer
  readonly #end: number
  readonly #item: ColumnCodec
  readonly #delimiter: number
  readonly #depth: number

  constructor(buffer: Buffer, start: number, end: number, item: ColumnCodec, delimiter: number, depth: number) {
    this.at = start
    this.#buffer = buffer
    this.#end = end
    this.#item = item
    this.#delimiter = delimiter
    this.#depth = depth
  }

  /** Reads one `{...}`, standing on its brace, and leaves `at` behind it. */
  read(level: number): unknown[] {
    const items: unknown[] = []
    this.at++
    if (this.#buffer[this.at] === close) {
      this.at++
      return items
    }
    for (;;) {
      items.push(this.#next(level))
      const byte = this.#buffer[this.at++]
      if (byte === close) return items
      if (byte !== this.#delimiter || this.at >= this.#end) throw malformed(this.#buffer, this.at, this.#end)
    }
  }

  #next(level: number): unknown {
    const nested = this.#buffer[this.at] === open
    if (nested !== level < this.#depth) throw this.#otherDepth()
    return nested ? this.read(level + 1) : this.#value()
  }

  #value(): unknown {
    const buffer = this.#buffer
    if (buffer[this.at] === quote) return this.#quoted()
    const start = this.at
    while (this.at < this.#end && buffer[this.at] !== this.#delimiter && buffer[this.at] !== close) this.at++
    if (this.at - start === 4 && isNull(buffer, start)) return null
    return this.#item(buffer, start, this.at)
  }

  /** An item without escapes is read where it stands; one with escapes is copied first. */
  #quoted(): unknown {
    const buffer = this.#buffer
    const start = ++this.at
    let escapes = 0
    for (; this.at < this.#end && buffer[this.at] !== quote; this.at++) {
      if (buffer[this.at] !== backslash) continue
      escapes++
      this.at++
    }
    if (this.at >= this.#end) throw malformed(buffer, start, this.#end)
    const end = this.at++
    if (escapes === 0) return this.#item(buffer, start, end)
    const plain = Buffer.allocUnsafe(end - start - escapes)
    let length = 0
    for (let at = start; at < end; at++) {
      if (buffer[at] === backslash) at++
      plain[length++] = buffer[at]!
    }
    return this.#item(plain, 0, length)
  }

  #otherDepth(): DataError {
    return new DataError(
      `the array has another number of dimensions than its column declares (${this.#depth}); declare them ` +
        '(ALTER TABLE ... ALTER COLUMN ... TYPE text[][]), exclude the column, or correct the row',
    )
  }
}

function isNull(buffer: Buffer, at: number): boolean {
  return (
    (buffer[at]! | 0x20) === 0x6e &&
    (buffer[at + 1]! | 0x20) === 0x75 &&
    (buffer[at + 2]! | 0x20) === 0x6c &&
    (buffer[at + 3]! | 0x20) === 0x6c
  )
}

function malformed(buffer: Buffer, start: number, end: number): DataError {
  return new DataError(`"${buffer.toString('utf8', start, Math.min(end, start + 100))}" is not an array in Postgres' text form`)
}

const bracket = 0x5b
const equals = 0x3d
const open = 0x7b
const close = 0x7d
const quote = 0x22
const backslash = 0x5c
