/** Lets many wait for the next change of something, each with a limit of its own. */
export class Changes {
  readonly #alive: () => void
  #waiting: (() => void)[] = []

  /** `alive` hears of every wait that came to its limit without a change. */
  constructor(alive: () => void) {
    this.#alive = alive
  }

  /** Resolves with the next change, at most after `waitMs`. */
  next(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      this.#alive()
      resolve()
    }, waitMs)
    this.#waiting.push(() => {
      clearTimeout(timer)
      resolve()
    })
    return promise
  }

  /** Wakes all who wait. */
  tell(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
