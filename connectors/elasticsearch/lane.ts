import { Batch } from './batch.ts'

export interface LaneLimits {
  readonly records: number
  /** Infinity: none. */
  readonly bytes: number
  readonly inFlight: number
}

/**
 * Gathers operations into batches and says which may go. A lane for operations that must stay in order has one batch in flight; all of one
 * document are in one lane.
 */
export class Lane {
  readonly #limits: LaneLimits
  readonly #full: Batch[] = []
  #filling = new Batch()
  #inFlight = 0

  constructor(limits: LaneLimits) {
    this.#limits = limits
  }

  /** What stands at that place of a batch. */
  add(from: Batch, place: number): void {
    const { records, bytes } = this.#limits
    this.#filling.append(from, place)
    if (this.#filling.bytes > bytes && this.#filling.count > 1) {
      const last = this.#filling.takeLast()
      this.seal()
      this.#filling = last
    }
    if (this.#filling.count >= records || this.#filling.bytes >= bytes) this.seal()
  }

  /** What is gathered goes as it is. */
  seal(): void {
    const filled = this.#filling
    if (filled.count === 0) return
    this.#full.push(filled)
    // The next one is likely to be as large, with some room for what is reserved before it is written; a single huge document is not.
    this.#filling = new Batch(Math.ceil(Math.min(filled.bytes, this.#limits.bytes) * 1.1) + 1024)
  }

  /** The next batch that may be sent now; undefined: none. `landed` or `giveBack` must follow. */
  next(): Batch | undefined {
    if (this.#inFlight >= this.#limits.inFlight) return undefined
    const batch = this.#full.shift()
    if (batch) this.#inFlight++
    return batch
  }

  landed(): void {
    this.#inFlight--
  }

  /** Gives back what could not be sent; it goes first. */
  giveBack(batch: Batch): void {
    this.#inFlight--
    if (batch.count > 0) this.#full.unshift(batch)
  }

  get gathering(): boolean {
    return this.#filling.count > 0
  }
}
