/**
 * A set of row positions (0 .. 2^53) in Roaring form: 2^16 positions a container, sorted numbers while few, a bit each when many.
 * Serialised as the portable 64-bit format of deletion vectors (PROTOCOL.md, "Deletion Vector Format"; RoaringFormatSpec).
 */
export class RoaringSet {
  /** By position >> 16. */
  readonly #containers = new Map<number, Container>()
  #size = 0

  /** Number of positions in the set. */
  get size(): number {
    return this.#size
  }

  /** True: the position is new in the set. */
  add(position: number): boolean {
    const high = Math.floor(position / 0x10000)
    let container = this.#containers.get(high)
    if (!container) this.#containers.set(high, (container = new Container()))
    if (!container.add(position % 0x10000)) return false
    this.#size++
    return true
  }

  has(position: number): boolean {
    return this.#containers.get(Math.floor(position / 0x10000))?.has(position % 0x10000) ?? false
  }

  /** A set of its own with the same positions. */
  clone(): RoaringSet {
    const copy = new RoaringSet()
    for (const [high, container] of this.#containers) copy.#containers.set(high, container.clone())
    copy.#size = this.#size
    return copy
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const high of [...this.#containers.keys()].sort((a, b) => a - b)) {
      for (const low of this.#containers.get(high)!.values()) yield high * 0x10000 + low
    }
  }

  /** The bytes of a deletion vector: magic number, number of 32-bit bitmaps, then each with its upper half as key. */
  serialize(): Buffer {
    const groups = new Map<number, [low: number, container: Container][]>()
    for (const high of [...this.#containers.keys()].sort((a, b) => a - b)) {
      const group = groups.get(high >>> 16)
      const entry: [number, Container] = [high & 0xffff, this.#containers.get(high)!]
      if (group) group.push(entry)
      else groups.set(high >>> 16, [entry])
    }
    const head = Buffer.alloc(12)
    head.writeInt32LE(magic, 0)
    head.writeBigInt64LE(BigInt(groups.size), 4)
    const parts: Buffer[] = [head]
    for (const [key, containers] of groups) {
      const prefix = Buffer.alloc(4)
      prefix.writeInt32LE(key)
      parts.push(prefix, serialize32(containers))
    }
    return Buffer.concat(parts)
  }

  /** Reads what `serialize` or another writer wrote, run containers included. Throws a RangeError for anything else. */
  static deserialize(bytes: Buffer): RoaringSet {
    if (bytes.length < 12 || bytes.readInt32LE(0) !== magic) throw new RangeError('a deletion vector does not start with its magic number')
    const set = new RoaringSet()
    let at = 12
    for (let left = Number(bytes.readBigInt64LE(4)); left > 0; left--) {
      const key = bytes.readInt32LE(at)
      at = deserialize32(bytes, at + 4, (low, container) => {
        set.#containers.set(key * 0x10000 + low, container)
        set.#size += container.size
      })
    }
    return set
  }
}

const magic = 1681511377
const cookieWithoutRuns = 12346
const cookieWithRuns = 12347
/** Sorted numbers up to here, a bitmap of 8 KiB beyond: the format leaves no choice. */
const arrayMax = 4096
/** With runs, fewer containers than this have no offset table. */
const offsetsMin = 4

class Container {
  #sorted: Uint16Array = new Uint16Array(4)
  #bits: Uint8Array | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  add(value: number): boolean {
    if (this.#bits) {
      const mask = 1 << (value & 7)
      if (this.#bits[value >> 3]! & mask) return false
      this.#bits[value >> 3]! |= mask
      this.#size++
      return true
    }
    const index = this.#search(value)
    if (index < this.#size && this.#sorted[index] === value) return false
    if (this.#size === arrayMax) {
      this.#toBits()
      return this.add(value)
    }
    if (this.#size === this.#sorted.length) {
      const larger = new Uint16Array(Math.min(arrayMax, this.#size * 2))
      larger.set(this.#sorted)
      this.#sorted = larger
    }
    this.#sorted.copyWithin(index + 1, index, this.#size)
    this.#sorted[index] = value
    this.#size++
    return true
  }

  has(value: number): boolean {
    if (this.#bits) return (this.#bits[value >> 3]! & (1 << (value & 7))) !== 0
    const index = this.#search(value)
    return index < this.#size && this.#sorted[index] === value
  }

  clone(): Container {
    const copy = new Container()
    copy.#sorted = this.#sorted.slice()
    copy.#bits = this.#bits?.slice()
    copy.#size = this.#size
    return copy
  }

  *values(): Generator<number> {
    if (!this.#bits) {
      for (let index = 0; index < this.#size; index++) yield this.#sorted[index]!
      return
    }
    for (let byte = 0; byte < this.#bits.length; byte++) {
      for (let bits = this.#bits[byte]!; bits !== 0; bits &= bits - 1) yield byte * 8 + (31 - Math.clz32(bits & -bits))
    }
  }

  bytes(): Buffer {
    if (this.#bits) return Buffer.from(this.#bits)
    const bytes = Buffer.alloc(this.#size * 2)
    for (let index = 0; index < this.#size; index++) bytes.writeUInt16LE(this.#sorted[index]!, index * 2)
    return bytes
  }

  static fromBits(bytes: Uint8Array): Container {
    const container = new Container()
    container.#bits = Uint8Array.from(bytes)
    for (const byte of bytes) for (let bits = byte; bits !== 0; bits &= bits - 1) container.#size++
    return container
  }

  #search(value: number): number {
    let low = 0
    let high = this.#size
    if (high > 0 && this.#sorted[high - 1]! < value) return high
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#sorted[middle]! < value) low = middle + 1
      else high = middle
    }
    return low
  }

  #toBits(): void {
    const bits = new Uint8Array(8192)
    for (let index = 0; index < this.#size; index++) bits[this.#sorted[index]! >> 3]! |= 1 << (this.#sorted[index]! & 7)
    this.#bits = bits
    this.#sorted = new Uint16Array(0)
  }
}

function serialize32(containers: readonly (readonly [low: number, container: Container])[]): Buffer {
  const head = Buffer.alloc(8 + containers.length * 8)
  head.writeUInt32LE(cookieWithoutRuns, 0)
  head.writeUInt32LE(containers.length, 4)
  const bodies = containers.map(([, container]) => container.bytes())
  let offset = head.length
  containers.forEach(([low, container], index) => {
    head.writeUInt16LE(low, 8 + index * 4)
    head.writeUInt16LE(container.size - 1, 10 + index * 4)
    head.writeUInt32LE(offset, 8 + containers.length * 4 + index * 4)
    offset += bodies[index]!.length
  })
  return Buffer.concat([head, ...bodies])
}

function deserialize32(bytes: Buffer, start: number, take: (low: number, container: Container) => void): number {
  const cookie = bytes.readUInt32LE(start)
  const withRuns = (cookie & 0xffff) === cookieWithRuns
  if (!withRuns && cookie !== cookieWithoutRuns) throw new RangeError(`a deletion vector holds a bitmap of unknown kind ${cookie}`)
  const count = withRuns ? (cookie >>> 16) + 1 : bytes.readUInt32LE(start + 4)
  const runFlags = start + 4
  const keys = withRuns ? runFlags + Math.ceil(count / 8) : start + 8
  let at = keys + count * 4
  if (!withRuns || count >= offsetsMin) at += count * 4
  for (let index = 0; index < count; index++) {
    const low = bytes.readUInt16LE(keys + index * 4)
    const size = bytes.readUInt16LE(keys + index * 4 + 2) + 1
    const container = new Container()
    if (withRuns && (bytes[runFlags + (index >> 3)]! & (1 << (index & 7))) !== 0) {
      const runs = bytes.readUInt16LE(at)
      at += 2
      for (let run = 0; run < runs; run++, at += 4) {
        const first = bytes.readUInt16LE(at)
        for (let value = first; value <= first + bytes.readUInt16LE(at + 2); value++) container.add(value)
      }
      take(low, container)
    } else if (size > arrayMax) {
      take(low, Container.fromBits(bytes.subarray(at, at + 8192)))
      at += 8192
    } else {
      for (let value = 0; value < size; value++, at += 2) container.add(bytes.readUInt16LE(at))
      take(low, container)
    }
  }
  return at
}
