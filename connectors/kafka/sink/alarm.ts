/** Calls back once at the earliest of the instants that it was given, then forgets them all. */
export class Alarm {
  readonly #ring: () => void
  #timer: NodeJS.Timeout | undefined
  #atMs = Infinity
  #stopped = false

  constructor(ring: () => void) {
    this.#ring = ring
  }

  /** `ms`: by the clock of `performance.now()`. */
  ringAt(ms: number): void {
    if (this.#stopped || ms >= this.#atMs) return
    clearTimeout(this.#timer)
    this.#atMs = ms
    this.#timer = setTimeout(
      () => {
        this.#atMs = Infinity
        this.#ring()
      },
      Math.max(1, Math.ceil(ms - performance.now())),
    )
  }

  /** Never rings again. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }
}
