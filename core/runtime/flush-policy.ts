/** When what was put becomes durable: whichever bound is reached first. */
export interface FlushLimits {
  /** Records put since the last flush. */
  readonly rows: number
  /** Bytes put since the last flush, as the source estimates them. */
  readonly bytes: number
  /** Milliseconds since the first record after the last flush. */
  readonly intervalMs: number
}

/**
 * Decides when the loop flushes, and wakes a waiting poll when the time has come. One timer per window, not per poll: building a
 * combined signal at every poll cost two thirds of the loop's throughput with small batches.
 */
export class FlushPolicy implements Disposable {
  readonly #limits: FlushLimits
  readonly #stop: AbortSignal
  readonly #onStop: () => void
  #window = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #rows = 0
  #bytes = 0
  #expired = false

  constructor(limits: FlushLimits, stop: AbortSignal) {
    this.#limits = limits
    this.#stop = stop
    this.#onStop = () => this.#window.abort()
    stop.addEventListener('abort', this.#onStop, { once: true })
    if (stop.aborted) this.#window.abort()
  }

  /** Aborts when a poll should return what it has: the window is over, or the task stops. */
  get signal(): AbortSignal {
    return this.#window.signal
  }

  /** Counts a batch and tells whether a flush is due. The clock starts with the first offset or record after a flush. */
  due(rows: number, bytes: number, moved: boolean): boolean {
    this.#rows += rows
    this.#bytes += bytes
    if ((rows > 0 || moved) && this.#timer === undefined && !this.#expired) {
      this.#timer = setTimeout(() => {
        this.expire()
      }, this.#limits.intervalMs)
    }
    return this.#expired || this.#rows >= this.#limits.rows || this.#bytes >= this.#limits.bytes
  }

  /** Ends the window at once: polls return what they have, and a flush is due. */
  expire(): void {
    this.#expired = true
    this.#window.abort()
  }

  /** A flush is due but must wait for the end of a source transaction: polls wait for input again, and the flush stays due. */
  postpone(): void {
    if (this.#window.signal.aborted && !this.#stop.aborted) this.#window = new AbortController()
  }

  /** A flush was done: a new window begins. */
  reset(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#rows = 0
    this.#bytes = 0
    this.#expired = false
    this.postpone()
  }

  /** Polls that are still outstanding are told to return. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#window.abort()
    this.#stop.removeEventListener('abort', this.#onStop)
  }
}
