import { isUtf8 } from 'node:buffer'
import { DataError } from '../../contract/errors.ts'

/** Deepest nesting of groups that nobody knows, and of messages. */
export const messageDepthMax = 100

const halves = new Int32Array(2)
const whole = new BigInt64Array(halves.buffer)

/** Reads Protobuf's wire format. Every length is checked against the bytes that are there. */
export class ProtoInput {
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  #end = 0

  reset(buffer: Buffer, start: number): void {
    this.#buffer = buffer
    this.#at = start
    this.#end = buffer.length
  }

  /** Index of the byte after what was read. */
  get position(): number {
    return this.#at
  }

  get more(): boolean {
    return this.#at < this.#end
  }

  /** Narrows what is read to the length-delimited value that comes; gives the end to return to. */
  enter(): number {
    const length = this.length()
    const outer = this.#end
    this.#end = this.#at + length
    return outer
  }

  leave(outer: number): void {
    this.#end = outer
  }

  /** A tag: field number times eight plus wire type. */
  tag(): number {
    const tag = this.uint32()
    if (tag >>> 3 === 0) throw new DataError(`Not Protobuf: field number 0 before byte ${this.#at}`)
    return tag
  }

  bool(): boolean {
    return this.#varint() !== 0n
  }

  /** The low 32 bits of a varint, signed: negative numbers take ten bytes. */
  int32(): number {
    const first = this.#peekSmall()
    return first >= 0 ? first : Number(BigInt.asIntN(32, this.#varint()))
  }

  uint32(): number {
    const first = this.#peekSmall()
    return first >= 0 ? first : Number(BigInt.asUintN(32, this.#varint()))
  }

  sint32(): number {
    const bits = this.uint32()
    return (bits >>> 1) ^ -(bits & 1)
  }

  int64(): bigint {
    return this.#varint()
  }

  /** Throws for numbers that Connect's int64 cannot hold. */
  uint64(): bigint {
    return unsigned(this.#varint())
  }

  sint64(): bigint {
    const bits = this.#varint()
    return BigInt.asIntN(64, (BigInt.asUintN(64, bits) >> 1n) ^ -(bits & 1n))
  }

  fixed32(): number {
    return this.#buffer.readUInt32LE(this.#take(4))
  }

  sfixed32(): number {
    return this.#buffer.readInt32LE(this.#take(4))
  }

  fixed64(): bigint {
    return unsigned(this.sfixed64())
  }

  sfixed64(): bigint {
    return this.#buffer.readBigInt64LE(this.#take(8))
  }

  float(): number {
    return this.#buffer.readFloatLE(this.#take(4))
  }

  double(): number {
    return this.#buffer.readDoubleLE(this.#take(8))
  }

  bytes(): Uint8Array {
    const length = this.length()
    const at = this.#take(length)
    return Buffer.from(this.#buffer.subarray(at, at + length))
  }

  string(): string {
    const length = this.length()
    const at = this.#take(length)
    const text = this.#buffer.utf8Slice(at, at + length)
    if (text.includes('\ufffd') && !isUtf8(this.#buffer.subarray(at, at + length)))
      throw new DataError(`Not Protobuf: the text at byte ${at} is not UTF-8`)
    return text
  }

  /** Length of a value; its bytes are there. */
  length(): number {
    const length = this.uint32()
    if (length > this.#end - this.#at)
      throw new DataError(`Not Protobuf: a length of ${length} before byte ${this.#at}, where ${this.#end - this.#at} bytes are left`)
    return length
  }

  /** Passes over a field that the schema does not name. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case 0:
        this.#varint()
        return
      case 1:
        this.#take(8)
        return
      case 2:
        this.#take(this.length())
        return
      case 3:
        if (depth >= messageDepthMax) throw new DataError(`Not Protobuf: groups are nested deeper than ${messageDepthMax} levels`)
        for (;;) {
          const inner = this.tag()
          if ((inner & 7) !== 4) this.skip(inner, depth + 1)
          else if (inner >>> 3 === tag >>> 3) return
          else throw new DataError(`Not Protobuf: a group ends that is not open, before byte ${this.#at}`)
        }
      case 5:
        this.#take(4)
        return
      default:
        throw new DataError(`Not Protobuf: wire type ${tag & 7} before byte ${this.#at}`)
    }
  }

  // A varint of one to four bytes, taken; -1: it is longer, and nothing was taken.
  #peekSmall(): number {
    const buffer = this.#buffer
    const at = this.#at
    if (this.#end - at < 4) return -1
    const a = buffer[at]!
    if (a < 0x80) {
      this.#at = at + 1
      return a
    }
    const b = buffer[at + 1]!
    if (b < 0x80) {
      this.#at = at + 2
      return (a & 0x7f) | (b << 7)
    }
    const c = buffer[at + 2]!
    if (c < 0x80) {
      this.#at = at + 3
      return (a & 0x7f) | ((b & 0x7f) << 7) | (c << 14)
    }
    return -1
  }

  #varint(): bigint {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end)
        throw new DataError(`Not Protobuf of this schema: the message ends at byte ${this.#end}, where more should follow`)
      const byte = this.#buffer[this.#at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        if (shift === 63 && byte > 1) break
        halves[0] = low
        halves[1] = high
        return whole[0]!
      }
    }
    throw new DataError(`Not Protobuf: a number before byte ${this.#at} is longer than 64 bits`)
  }

  #take(size: number): number {
    const at = this.#at
    if (size > this.#end - at)
      throw new DataError(`Not Protobuf of this schema: the message ends at byte ${this.#end}, where more should follow`)
    this.#at = at + size
    return at
  }
}

function unsigned(bits: bigint): bigint {
  if (bits < 0n)
    throw new DataError(`The number ${BigInt.asUintN(64, bits)} is unsigned and beyond int64, the largest whole number of Connect`)
  return bits
}
