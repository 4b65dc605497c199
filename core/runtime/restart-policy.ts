import type { RuntimeSettings } from './framework-config.ts'
import type { Failure } from './failure.ts'

/** Failures that only a person can end: starting again would fail again, or hide a loss. */
const final: ReadonlySet<string> = new Set(['CONFIG', 'DATA', 'GAP'])

/** Decides whether and when a failed task starts again by itself (`task.restart.*`). */
export class RestartPolicy {
  #attempts = 0

  /** How often the task was started again since it last ran well. */
  get attempts(): number {
    return this.#attempts
  }

  /** Milliseconds until the restart; undefined: none. `ranMs` is how long the task ran before it failed. */
  delayMs(failed: Failure, ranMs: number, settings: RuntimeSettings, random: () => number = Math.random): number | undefined {
    if (final.has(failed.code)) return undefined
    if (ranMs >= settings['task.restart.reset.ms']) this.#attempts = 0
    if (this.#attempts >= settings['task.restart.max.attempts']) return undefined
    this.#attempts++
    // Fenced: another writer was ahead, and what is committed is known again after a fresh start. It waits only when that happens again.
    if (failed.code === 'FENCED' && this.#attempts === 1) return 0
    const exact = Math.min(
      settings['task.restart.backoff.ms'] * 2 ** Math.min(this.#attempts - 1, 30),
      settings['task.restart.backoff.max.ms'],
    )
    return Math.round(exact * (0.75 + random() * 0.25))
  }

  /** A person started the task: the count begins anew. */
  reset(): void {
    this.#attempts = 0
  }
}
