import { setTimeout as sleep } from 'node:timers/promises'
import { RetriableError, type TaskContext } from '../../core/index.ts'
import { slotBusy } from './replication.ts'
import { errorCode, isTransient } from './server-error.ts'

export interface RetrySettings {
  /** Longest pause between two tries to connect. Milliseconds. */
  readonly pauseMsMax: number
  /** Failing for longer is reported to the runtime. Milliseconds. */
  readonly reportAfterMs: number
  /** The same while another process reads the slot. */
  readonly busyReportAfterMs: number
}

const firstPauseMs = 100

/** How a broken replication connection is waited out: pauses that double, with jitter, until it has lasted too long. */
export class Interruption {
  readonly #settings: RetrySettings
  readonly #slot: string
  readonly #context: TaskContext
  #since: number | undefined
  #pauseMs = firstPauseMs

  constructor(settings: RetrySettings, slot: string, context: TaskContext) {
    this.#settings = settings
    this.#slot = slot
    this.#context = context
  }

  /** The stream is open again. */
  over(): void {
    this.#since = undefined
    this.#pauseMs = firstPauseMs
  }

  /** Throws what waiting does not cure, and a RetriableError for what it has not cured for long enough; the count then begins anew. */
  failed(error: unknown): void {
    const busy = errorCode(error) === '55006'
    if (!busy && !isTransient(error)) throw error
    const now = performance.now()
    this.#since ??= now
    const failingMs = Math.round(now - this.#since)
    this.#context.log.warn({ err: error, failingMs }, 'The replication stream is interrupted; it is opened again')
    if (failingMs < (busy ? this.#settings.busyReportAfterMs : this.#settings.reportAfterMs)) return
    this.#since = undefined
    if (busy) throw slotBusy(error, this.#slot)
    const text = error instanceof Error ? error.message : String(error)
    throw new RetriableError(`The database has not been reachable for ${Math.round(failingMs / 1000)} s: ${text}`, { cause: error })
  }

  /** Waits before the next try. False: the signal aborted. */
  async pause(signal: AbortSignal): Promise<boolean> {
    const pauseMs = this.#pauseMs * (0.75 + Math.random() / 2)
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#settings.pauseMsMax)
    this.#context.report({ phase: 'reconnecting' })
    try {
      await sleep(pauseMs, undefined, { signal })
      return true
    } catch {
      // Only the signal ends it early.
      return false
    }
  }
}
