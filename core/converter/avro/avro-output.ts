import { DataError } from '../../contract/errors.ts'

/** Largest message that is written, in bytes. */
export const avroBytesMax = 256 * 1024 * 1024

/** Writes Avro's binary encoding into a buffer that grows and is used again for the next message. */
export class AvroOutput {
  #buffer = Buffer.allocUnsafeSlow(1024)
  #at = 0

  reset(): void {
    this.#at = 0
    if (this.#buffer.length > 1024 * 1024) this.#buffer = Buffer.allocUnsafeSlow(1024)
  }

  /** What was written, as bytes of its own. */
  taken(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#at))
  }

  boolean(value: boolean): void {
    this.#room(1)
    this.#buffer[this.#at++] = value ? 1 : 0
  }

  /** A whole number of at most 32 bits. */
  int(value: number): void {
    this.#room(5)
    let bits = ((value << 1) ^ (value >> 31)) >>> 0
    while (bits > 0x7f) {
      this.#buffer[this.#at++] = (bits & 0x7f) | 0x80
      bits >>>= 7
    }
    this.#buffer[this.#at++] = bits
  }

  long(value: bigint): void {
    if (value >= -0x4000_0000n && value < 0x4000_0000n) {
      this.int(Number(value))
      return
    }
    this.#room(10)
    let bits = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    while (bits > 0xfff_ffffn) {
      let low = Number(bits & 0xfff_ffffn)
      for (let index = 0; index < 4; index++) {
        this.#buffer[this.#at++] = (low & 0x7f) | 0x80
        low >>>= 7
      }
      bits >>= 28n
    }
    let last = Number(bits)
    while (last > 0x7f) {
      this.#buffer[this.#at++] = (last & 0x7f) | 0x80
      last >>>= 7
    }
    this.#buffer[this.#at++] = last
  }

  float(value: number): void {
    this.#room(4)
    this.#at = this.#buffer.writeFloatLE(value, this.#at)
  }

  double(value: number): void {
    this.#room(8)
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
  }

  bytes(value: Uint8Array): void {
    this.int(value.length)
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    this.#room(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** False: the text has half of a surrogate pair, which UTF-8 cannot hold; nothing of use was written then. */
  string(value: string): boolean {
    // Short text of ASCII, most of all text, is copied four times as fast here as by a native call.
    const length = value.length
    if (length < 64) {
      this.#room(length + 1)
      const buffer = this.#buffer
      const start = this.#at
      let index = 0
      for (; index < length; index++) {
        const code = value.charCodeAt(index)
        if (code > 0x7f) break
        buffer[start + 1 + index] = code
      }
      if (index === length) {
        buffer[start] = length << 1
        this.#at = start + 1 + length
        return true
      }
    }
    const bytes = Buffer.byteLength(value)
    this.int(bytes)
    this.#room(bytes)
    this.#at += this.#buffer.write(value, this.#at, 'utf8')
    return value.isWellFormed()
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#buffer.length) return
    if (needed > avroBytesMax) throw new DataError(`The value takes more than ${avroBytesMax} bytes in Avro`)
    const larger = Buffer.allocUnsafeSlow(Math.min(avroBytesMax, Math.max(needed, this.#buffer.length * 2)))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}
