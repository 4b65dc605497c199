import type { Operation } from './operation.ts'

/** Operations for one bulk request, in order. */
export interface Batch {
  readonly operations: Operation[]
  bytes: number
}

export interface LaneLimits {
  readonly records: number
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
  #filling: Batch = { operations: [], bytes: 0 }
  #inFlight = 0

  constructor(limits: LaneLimits) {
    this.#limits = limits
  }

  add(operation: Operation): void {
    const { records, bytes } = this.#limits
    let filling = this.#filling
    if (filling.operations.length > 0 && filling.bytes + operation.bytes > bytes) filling = this.seal()
    filling.operations.push(operation)
    filling.bytes += operation.bytes
    if (filling.operations.length >= records || filling.bytes >= bytes) this.seal()
  }

  /** What is gathered goes as it is. Returns the batch that is filled next. */
  seal(): Batch {
    if (this.#filling.operations.length > 0) {
      this.#full.push(this.#filling)
      this.#filling = { operations: [], bytes: 0 }
    }
    return this.#filling
  }

  /** The next batch that may be sent now; undefined: none. `landed` must follow. */
  next(): Batch | undefined {
    if (this.#inFlight >= this.#limits.inFlight) return undefined
    const batch = this.#full.shift()
    if (batch) this.#inFlight++
    return batch
  }

  landed(): void {
    this.#inFlight--
  }

  /** Gives back a batch that could not be sent; it goes first. */
  giveBack(batch: Batch): void {
    this.#inFlight--
    if (batch.operations.length > 0) this.#full.unshift(batch)
  }

  get gathering(): boolean {
    return this.#filling.operations.length > 0
  }
}
