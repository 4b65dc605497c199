import type { Operation, Planned } from './operation.ts'

/** Room that a batch begins with where nothing is known. Bytes. */
const firstBytes = 16 * 1024
/** Texts up to this length get three bytes for each unit, which is enough for any; longer ones are counted. UTF-16 units. */
const countedMin = 4096

/**
 * Operations for one bulk request, in order, and its body. They are written when they come, so that neither texts nor values are kept
 * while they wait, and the body's bytes are what its limit is about.
 */
export class Batch {
  readonly #operations: Operation[]
  /** Where each operation's lines end in the body. */
  readonly #ends: number[]
  #body: Buffer

  /** `expected`: how many bytes it will have, if that is known. */
  constructor(expected = firstBytes, operations: Operation[] = [], ends: number[] = []) {
    this.#body = Buffer.allocUnsafe(expected)
    this.#operations = operations
    this.#ends = ends
  }

  get operations(): readonly Operation[] {
    return this.#operations
  }

  get count(): number {
    return this.#operations.length
  }

  get bytes(): number {
    return this.#ends.length === 0 ? 0 : this.#ends[this.#ends.length - 1]!
  }

  /** The lines of the request; stale when more is added. */
  get body(): Uint8Array {
    return this.#body.subarray(0, this.bytes)
  }

  add({ operation, head, document, tail }: Planned): void {
    let at = this.bytes
    if (typeof document === 'string') at = this.#write(head + document + tail, at)
    else {
      at = this.#write(head, at)
      if (document !== null) {
        this.#reserve(at, document.length)
        this.#body.set(document, at)
        at = this.#write(tail, at + document.length)
      }
    }
    this.#operations.push(operation)
    this.#ends.push(at)
  }

  /** The same operation and lines as at that place of another batch. */
  append(from: Batch, place: number): void {
    const at = this.bytes
    const start = from.#start(place)
    const end = from.#ends[place]!
    this.#reserve(at, end - start)
    this.#body.set(from.#body.subarray(start, end), at)
    this.#operations.push(from.#operations[place]!)
    this.#ends.push(at + end - start)
  }

  /** A batch of its own with what was added last, which is taken out of this one. */
  takeLast(): Batch {
    const last = this.pick([this.count - 1])
    this.#operations.pop()
    this.#ends.pop()
    return last
  }

  /** A batch with those operations, in that order. */
  pick(places: readonly number[]): Batch {
    let length = 0
    for (const place of places) length += this.#ends[place]! - this.#start(place)
    const operations: Operation[] = []
    const ends: number[] = []
    const picked = new Batch(length, operations, ends)
    let at = 0
    for (const place of places) {
      at += this.#body.copy(picked.#body, at, this.#start(place), this.#ends[place])
      operations.push(this.#operations[place]!)
      ends.push(at)
    }
    return picked
  }

  #start(place: number): number {
    return place === 0 ? 0 : this.#ends[place - 1]!
  }

  #write(text: string, at: number): number {
    this.#reserve(at, text.length < countedMin ? text.length * 3 : Buffer.byteLength(text))
    return at + this.#body.write(text, at)
  }

  #reserve(at: number, bytes: number): void {
    if (at + bytes <= this.#body.length) return
    const larger = Buffer.allocUnsafe(Math.max(at + bytes, this.#body.length * 2))
    this.#body.copy(larger, 0, 0, at)
    this.#body = larger
  }
}
