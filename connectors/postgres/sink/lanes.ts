import type { Change } from './change.ts'
import { Chunk, type Form } from './chunk.ts'

/** Bytes at which a chunk is full, however few its rows. */
const chunkBytesMax = 8 * 1024 * 1024
/** Bytes in the chunks of all tables that are not full, beyond which all are written. */
const openBytesMax = 16 * 1024 * 1024

/** The rows of one table. */
export interface Lane {
  open: Chunk | undefined
  /** Bytes of the last chunk: the next one will be like it. */
  chunkBytes: number
  /** Chunks to be written, in their order. */
  readonly waiting: Chunk[]
  /** Its first chunk misses the other end of a foreign key. */
  blocked: boolean
}

/** Collects rows by table, in chunks. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #batchRows: number
  readonly #keepsOps: boolean
  #openBytes = 0

  /** `batchRows`: rows at which a chunk is full. `keepsOps`: as for a chunk. */
  constructor(batchRows: number, keepsOps: boolean) {
    this.#batchRows = batchRows
    this.#keepsOps = keepsOps
  }

  /** Takes a change. Throws what its form's writer throws; then it was not taken. `moved`: the change with the row's new key. */
  add(form: Form, change: Change, keyed: boolean, moved?: Change): void {
    const { destination } = form
    let lane = this.#lanes.get(destination.key)
    if (!lane) this.#lanes.set(destination.key, (lane = { open: undefined, chunkBytes: 0, waiting: [], blocked: false }))
    if (lane.open && !lane.open.takes(form)) this.#close(lane)
    const chunk = (lane.open ??= new Chunk(destination, this.#keepsOps, lane.chunkBytes))
    const before = chunk.bytes
    chunk.add(form, change, keyed, moved)
    this.#openBytes += chunk.bytes - before
    if (chunk.rows >= this.#batchRows || chunk.bytes >= chunkBytesMax) this.#close(lane)
    else if (this.#openBytes >= openBytesMax) this.closeAll()
  }

  /** What is collected waits to be written now. */
  closeAll(): void {
    for (const lane of this.#lanes.values()) if (lane.open) this.#close(lane)
  }

  /** Chunks that wait. */
  get waiting(): number {
    let count = 0
    for (const lane of this.#lanes.values()) count += lane.waiting.length
    return count
  }

  /** The lane to write next; undefined: none. `blocked`: also one that is. */
  next(blocked: boolean): Lane | undefined {
    let first: Lane | undefined
    for (const lane of this.#lanes.values()) {
      if (lane.waiting.length === 0) continue
      if (!lane.blocked) return lane
      first ??= lane
    }
    return blocked ? first : undefined
  }

  /** The first chunk of the lane is written: what others missed may be there now. */
  shift(lane: Lane): Chunk {
    for (const other of this.#lanes.values()) other.blocked = false
    return lane.waiting.shift()!
  }

  /** The lane misses rows of others. `moved`: some of its own were written, which others may have missed. */
  block(lane: Lane, moved: boolean): void {
    if (moved) for (const other of this.#lanes.values()) other.blocked = false
    lane.blocked = true
  }

  /** These were written, in this order, and are to be written again, before what waits. */
  again(written: readonly Chunk[]): void {
    for (const chunk of written.toReversed()) this.#lanes.get(chunk.destination.key)!.waiting.unshift(chunk)
    for (const lane of this.#lanes.values()) {
      lane.blocked = false
      for (const chunk of lane.waiting) {
        chunk.again()
        chunk.destination.fresh = undefined
      }
    }
  }

  #close(lane: Lane): void {
    const chunk = lane.open!
    lane.open = undefined
    this.#openBytes -= chunk.bytes
    // Empty where its only row could not be written.
    if (chunk.rows === 0) return
    chunk.close()
    lane.chunkBytes = chunk.bytes
    lane.waiting.push(chunk)
  }
}
