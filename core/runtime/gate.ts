import type { PauseGate } from './task.ts'

/** The door that a pause closes. */
export class Gate implements PauseGate {
  #closed: boolean
  readonly #callbacks = new Set<() => void>()
  readonly #waiting = new Set<() => void>()

  constructor(closed: boolean) {
    this.#closed = closed
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.nudge()
  }

  open(): void {
    this.#closed = false
    for (const go of this.#waiting) go()
  }

  /** Makes a waiting poll return without closing: whether it does tells a source that waits from one that hangs. */
  nudge(): void {
    for (const callback of this.#callbacks) callback()
  }

  onClose(callback: () => void): Disposable {
    this.#callbacks.add(callback)
    return { [Symbol.dispose]: () => void this.#callbacks.delete(callback) }
  }

  wait(stop: AbortSignal): Promise<void> {
    if (!this.#closed || stop.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done)
        stop.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      stop.addEventListener('abort', done, { once: true })
    })
  }
}
