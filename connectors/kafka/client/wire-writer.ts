/** Writes Kafka's wire types, growing as it goes. Large byte ranges are taken by reference, so a request is a list of buffers. */
export class WireWriter {
  #buffer: Buffer
  #length = 0
  #start = 0
  #parts: Buffer[] = []
  #partsBytes = 0

  constructor(bytes = 512) {
    this.#buffer = Buffer.allocUnsafe(bytes)
  }

  /** Bytes so far, referenced ones included. */
  get size(): number {
    return this.#partsBytes + this.#length - this.#start
  }

  /** What was written, in order. The writer is done after it. */
  parts(): readonly Buffer[] {
    this.#close()
    return this.#parts
  }

  /** What was written in one buffer (copied where there are several parts). */
  bytes(): Buffer {
    const parts = this.parts()
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  int8(value: number): this {
    const at = this.#take(1)
    this.#buffer.writeInt8(value, at)
    return this
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int16(value: number): this {
    const at = this.#take(2)
    this.#buffer.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.#take(4)
    this.#buffer.writeInt32BE(value, at)
    return this
  }

  int64(value: number | bigint): this {
    const at = this.#take(8)
    this.#buffer.writeBigInt64BE(BigInt(value), at)
    return this
  }

  /** Throws a RangeError above 32,767 bytes: no name in Kafka is longer. */
  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    this.int16(length)
    const at = this.#take(length)
    this.#buffer.write(value, at, length, 'utf8')
    return this
  }

  /** Seven bits a byte, the lowest first. */
  uvarint(value: number): this {
    let rest = value
    for (; rest > 0x7f; rest >>>= 7) this.int8(((rest & 0x7f) | 0x80) - 0x100)
    return this.int8(rest)
  }

  /** Of KIP-482. */
  compactString(value: string): this {
    const text = Buffer.from(value, 'utf8')
    this.uvarint(text.length + 1)
    this.#buffer.set(text, this.#take(text.length))
    return this
  }

  bytesField(value: Uint8Array | null): this {
    if (value === null) return this.int32(-1)
    this.int32(value.length)
    const at = this.#take(value.length)
    this.#buffer.set(value, at)
    return this
  }

  /** The same without a copy: the bytes may not change until they are sent. */
  bytesReference(value: Buffer): this {
    this.int32(value.length)
    this.#close()
    this.#parts.push(value)
    this.#partsBytes += value.length
    return this
  }

  array<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.int32(items === null ? -1 : items.length)
    items?.forEach(write)
    return this
  }

  #close(): void {
    if (this.#length === this.#start) return
    this.#parts.push(this.#buffer.subarray(this.#start, this.#length))
    this.#partsBytes += this.#length - this.#start
    this.#start = this.#length
  }

  #take(bytes: number): number {
    const at = this.#length
    if (at + bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes))
      // Parts that are closed keep the old buffer.
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    this.#length = at + bytes
    return at
  }
}
