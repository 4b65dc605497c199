import { isUtf8 } from 'node:buffer'
import { DataError } from '../../contract/errors.ts'

/** Items of arrays and maps that one message may have beyond its bytes: only items without a byte of their own (nulls) can be more. */
const freeItems = 10_000

const words = new Int32Array(2)
const long = new BigInt64Array(words.buffer)

/** Reads Avro's binary encoding. Every length is checked against the bytes that are there, so that no message asks for more work than it has bytes. */
export class AvroInput {
  #buffer: Buffer
  #at = 0
  #end = 0
  #items = 0

  constructor() {
    this.#buffer = Buffer.alloc(0)
  }

  /** Goes to the start of a message. One input serves all messages of a reader. */
  reset(buffer: Buffer, start: number): void {
    this.#buffer = buffer
    this.#at = start
    this.#end = buffer.length
    this.#items = buffer.length - start + freeItems
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at
  }

  boolean(): boolean {
    const byte = this.#byte()
    if (byte > 1) throw new DataError(`Not Avro: ${byte} where a boolean (0 or 1) should be, at byte ${this.#at - 1}`)
    return byte === 1
  }

  int(): number {
    const first = this.#byte()
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    let bits = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.#byte()
      if (shift === 28 && byte > 0x0f) throw new DataError(`Not Avro: a number at byte ${this.#at - 5} is longer than an int`)
      bits |= (byte & 0x7f) << shift
      if (byte < 0x80) return (bits >>> 1) ^ -(bits & 1)
    }
    throw new DataError(`Not Avro: a number at byte ${this.#at - 5} is longer than an int`)
  }

  long(): bigint {
    const first = this.#byte()
    if (first < 0x80) {
      words[0] = (first >>> 1) ^ -(first & 1)
      words[1] = -(first & 1)
      return long[0]!
    }
    let low = first & 0x7f
    let high = 0
    for (let shift = 7; ; shift += 7) {
      const byte = this.#byte()
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        if (shift === 63 && byte > 1) throw new DataError(`Not Avro: a number at byte ${this.#at - 10} is longer than a long`)
        break
      }
      if (shift === 63) throw new DataError(`Not Avro: a number at byte ${this.#at - 10} is longer than a long`)
    }
    const sign = -(low & 1)
    words[0] = ((low >>> 1) | (high << 31)) ^ sign
    words[1] = (high >>> 1) ^ sign
    return long[0]!
  }

  float(): number {
    return this.#buffer.readFloatLE(this.#take(4))
  }

  double(): number {
    return this.#buffer.readDoubleLE(this.#take(8))
  }

  /** A copy, so that a small value does not keep a large message in memory. */
  bytes(): Uint8Array {
    return this.fixed(this.length())
  }

  fixed(size: number): Uint8Array {
    const at = this.#take(size)
    return Buffer.from(this.#buffer.subarray(at, at + size))
  }

  string(): string {
    const size = this.length()
    const at = this.#take(size)
    const text = this.#buffer.utf8Slice(at, at + size)
    // What is not UTF-8 becomes U+FFFD in silence; that character itself may also just be there.
    if (text.includes('\ufffd') && !isUtf8(this.#buffer.subarray(at, at + size)))
      throw new DataError(`Not Avro: the text at byte ${at} is not UTF-8`)
    return text
  }

  /** Length of bytes or text; the bytes are there. */
  length(): number {
    const at = this.#at
    const length = this.#number()
    if (length < 0 || length > this.#end - this.#at) {
      throw new DataError(`Not Avro: a length of ${length} at byte ${at}, where ${Math.max(0, this.#end - this.#at)} bytes are left`)
    }
    return length
  }

  /** Number of items in the next block of an array or a map; 0: it was the last one. */
  block(): number {
    const at = this.#at
    let count = this.#number()
    if (count < 0) {
      // A negative count is followed by the block's size in bytes (for readers that skip).
      count = -count
      const size = this.#number()
      if (size < 0 || size > this.#end - this.#at)
        throw new DataError(`Not Avro: a block of ${size} bytes at byte ${at}, where ${this.#end - this.#at} are left`)
    }
    this.#items -= count
    if (this.#items < 0)
      throw new DataError(`Not Avro: a block of ${count} items at byte ${at} is more than a message of ${this.#end} bytes can hold`)
    return count
  }

  #number(): number {
    const number = Number(this.long())
    if (!Number.isSafeInteger(number)) throw new DataError(`Not Avro: a length of ${number} before byte ${this.#at}`)
    return number
  }

  #byte(): number {
    if (this.#at >= this.#end)
      throw new DataError(`Not Avro of this schema: the message ends at byte ${this.#end}, where more should follow`)
    return this.#buffer[this.#at++]!
  }

  #take(size: number): number {
    const at = this.#at
    if (size > this.#end - at)
      throw new DataError(`Not Avro of this schema: the message ends at byte ${this.#end}, where more should follow`)
    this.#at = at + size
    return at
  }
}
