import type { Logger } from '../contract/context.ts'

/** Runs pieces of work one after another, in the order in which they were asked for. */
export class Turns {
  readonly #log: Logger
  #last: Promise<unknown> = Promise.resolve()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Runs the work after all that was asked for before, whether that went well or not. A fault is logged, and seen by who waits for it. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch((error: unknown) => {
      this.#log.warn({ err: error }, `A change of the connector failed: ${error instanceof Error ? error.message : String(error)}`)
    })
    return turn
  }
}
