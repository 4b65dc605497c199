import { DataError } from '../../contract/errors.ts'
import type { ScalarType } from './proto-schema.ts'

/** Largest message that is written, in bytes. */
const messageBytesMax = 256 * 1024 * 1024

/** Writes Protobuf's wire format. Nested values are written by an output of their own, for their length comes first. */
export class ProtoOutput {
  #buffer = Buffer.allocUnsafe(256)
  #at = 0

  /** What was written; valid until the next write. */
  written(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  varint(value: bigint): void {
    this.#room(10)
    let bits = BigInt.asUintN(64, value)
    while (bits > 0x7fn) {
      this.#buffer[this.#at++] = Number(bits & 0x7fn) | 0x80
      bits >>= 7n
    }
    this.#buffer[this.#at++] = Number(bits)
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(value: number): void {
    this.#room(5)
    let bits = value >>> 0
    while (bits > 0x7f) {
      this.#buffer[this.#at++] = (bits & 0x7f) | 0x80
      bits >>>= 7
    }
    this.#buffer[this.#at++] = bits
  }

  tag(field: number, wireType: number): void {
    this.uint32(((field << 3) | wireType) >>> 0)
  }

  bytes(value: Uint8Array): void {
    this.uint32(value.length)
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    this.#room(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  string(value: string): void {
    const length = Buffer.byteLength(value)
    this.uint32(length)
    this.#room(length)
    this.#at += this.#buffer.write(value, this.#at, 'utf8')
  }

  /** A value of this type, which fits it. */
  scalar(type: ScalarType, value: unknown): void {
    switch (type) {
      case 'double':
        this.#room(8)
        this.#at = this.#buffer.writeDoubleLE(value as number, this.#at)
        return
      case 'float':
        this.#room(4)
        this.#at = this.#buffer.writeFloatLE(value as number, this.#at)
        return
      case 'int32':
      case 'int64':
      case 'uint32':
      case 'uint64':
        if (typeof value === 'number' && value >= 0) this.uint32(value)
        else this.varint(BigInt(value as number | bigint))
        return
      case 'sint32':
      case 'sint64': {
        const whole = BigInt(value as number | bigint)
        this.varint((whole << 1n) ^ (whole >> 63n))
        return
      }
      case 'fixed32':
      case 'sfixed32':
        this.#room(4)
        this.#at = this.#buffer.writeInt32LE(Number(value as number | bigint) | 0, this.#at)
        return
      case 'fixed64':
      case 'sfixed64':
        this.#room(8)
        this.#at = this.#buffer.writeBigInt64LE(BigInt(value as number | bigint), this.#at)
        return
      case 'bool':
        this.uint32(value === true ? 1 : 0)
        return
      case 'string':
        this.string(value as string)
        return
      case 'bytes':
        this.bytes(value as Uint8Array)
        return
      default:
        return type satisfies never
    }
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#buffer.length) return
    if (needed > messageBytesMax) throw new DataError(`The value takes more than ${messageBytesMax} bytes in Protobuf`)
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

/** Wire type of a scalar outside of a packed list. */
export function wireTypeOf(type: ScalarType): number {
  if (type === 'string' || type === 'bytes') return 2
  if (type === 'double' || type === 'fixed64' || type === 'sfixed64') return 1
  if (type === 'float' || type === 'fixed32' || type === 'sfixed32') return 5
  return 0
}
