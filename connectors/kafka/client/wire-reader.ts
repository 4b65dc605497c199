/** Reads Kafka's wire types. Throws a RangeError where the bytes end too early or a number cannot be told exactly. */
export class WireReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  get left(): number {
    return this.#buffer.length - this.#at
  }

  int8(): number {
    return this.#buffer.readInt8(this.#skip(1))
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#skip(4))
  }

  /** An int64 that people count with: offsets, milliseconds. */
  int64(): number {
    const value = Number(this.bigint())
    if (!Number.isSafeInteger(value)) throw new RangeError(`The number ${value} is beyond 2^53`)
    return value
  }

  bigint(): bigint {
    return this.#buffer.readBigInt64BE(this.#skip(8))
  }

  string(): string {
    const text = this.nullableString()
    if (text === null) throw new RangeError('A text is null where none may be')
    return text
  }

  nullableString(): string | null {
    const length = this.int16()
    if (length < 0) return null
    const from = this.#skip(length)
    return this.#buffer.toString('utf8', from, this.#at)
  }

  /** A view, not a copy; null reads as empty. */
  bytes(): Buffer {
    const length = this.int32()
    const from = this.#skip(Math.max(0, length))
    return this.#buffer.subarray(from, this.#at)
  }

  /** null reads as empty. */
  array<T>(read: () => T): T[] {
    const count = this.int32()
    const items: T[] = []
    for (let n = 0; n < count; n++) items.push(read())
    return items
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.int8()
      value += (byte & 0x7f) * 2 ** shift
      if (byte >= 0) return value
    }
    throw new RangeError('A length is longer than five bytes')
  }

  /** Of KIP-482; null reads as empty. */
  compactString(): string {
    const from = this.#skip(Math.max(0, this.uvarint() - 1))
    return this.#buffer.toString('utf8', from, this.#at)
  }

  /** Of KIP-482; null reads as empty. */
  compactArray<T>(read: () => T): T[] {
    const count = this.uvarint() - 1
    const items: T[] = []
    for (let n = 0; n < count; n++) items.push(read())
    return items
  }

  /** In hexadecimal digits. */
  uuid(): string {
    const from = this.#skip(16)
    return this.#buffer.toString('hex', from, this.#at)
  }

  /** Passes the tagged fields that end a structure in KIP-482's encoding: we know none. */
  tags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint()
      this.#skip(this.uvarint())
    }
  }

  #skip(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#buffer.length) throw new RangeError(`${bytes} bytes are missing at position ${at} of ${this.#buffer.length}`)
    this.#at = at + bytes
    return at
  }
}
