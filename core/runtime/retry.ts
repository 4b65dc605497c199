import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../contract/context.ts'
import type { RetriableError } from '../contract/errors.ts'
import { idle, type ConnectRecord, type Offsets, type RecordBatch, type WholeRecords } from '../contract/record.ts'
import type { SinkTask } from '../contract/sink.ts'
import type { SourceTask } from '../contract/source.ts'

export interface RetryPolicy {
  /** How long one operation is tried again after its first failure, in milliseconds; null: for ever; 0: not at all. */
  readonly timeoutMs: number | null
  readonly delayMaxMs: number
}

/** Whether it may go well the next time. By its code, not its class: a plugin may bring its own copy of the contract along. */
export function isRetriable(error: unknown): error is RetriableError {
  return error instanceof Error && (error as { code?: unknown }).code === 'RETRIABLE'
}

/** First wait, in milliseconds; doubled every time (Connect's `RetryWithToleranceOperator`, KIP-298). */
const delayMinMs = 300

/** The wait before attempt `attempt` (from 1): exponential, with jitter of a quarter, at most `delayMaxMs`. */
export function retryDelayMs(attempt: number, delayMaxMs: number, random: () => number = Math.random): number {
  const exact = Math.min(delayMinMs * 2 ** Math.min(attempt - 1, 30), delayMaxMs)
  return Math.round(exact * (0.75 + random() * 0.25))
}

/** Tries one operation again and again. One per wrapped part; remembers its failures between calls. */
export class Retry {
  readonly #policy: RetryPolicy
  readonly #log: Logger
  readonly #stop: AbortSignal
  readonly #onRetry: () => void

  constructor(policy: RetryPolicy, log: Logger, stop: AbortSignal, onRetry: () => void) {
    this.#policy = policy
    this.#log = log
    this.#stop = stop
    this.#onRetry = onRetry
  }

  /** Runs `work`; a RetriableError is waited out until the time is over or the task stops, then thrown. */
  async run<T>(what: string, work: () => Promise<T>): Promise<T> {
    let since: number | undefined
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        since ??= performance.now()
        const delay = this.delayMs(error, attempt, since)
        if (delay === undefined || this.#stop.aborted) throw error
        this.note(what, error as Error, attempt, delay)
        await sleep(delay, undefined, { signal: this.#stop }).catch(() => {}) // A stop ends the wait; the next look at the signal tells.
        if (this.#stop.aborted) throw error
      }
    }
  }

  /** The task stops: what failed was not tried to its end. */
  get stopped(): boolean {
    return this.#stop.aborted
  }

  /** How long to wait after this error; undefined: it is final. */
  delayMs(error: unknown, attempt: number, sinceMs: number): number | undefined {
    if (!isRetriable(error)) return undefined
    const { timeoutMs, delayMaxMs } = this.#policy
    const delay = Math.max(error.retryAfterMs ?? 0, retryDelayMs(attempt, delayMaxMs))
    if (timeoutMs !== null && performance.now() - sinceMs + delay > timeoutMs) return undefined
    return delay
  }

  note(what: string, error: Error, attempt: number, delayMs: number): void {
    this.#onRetry()
    this.#log.warn({ err: error, attempt, delayMs }, `${what} failed and is tried again: ${error.message}`)
  }
}

/** A source whose poll and commit survive retriable errors. A poll that waits for its next attempt returns idle when told to return. */
export class RetryingSource implements SourceTask {
  readonly #source: SourceTask
  readonly #retry: Retry
  readonly commit?: (offsets: Offsets) => Promise<void>
  #failures = 0
  #sinceMs = 0
  #notBeforeMs = 0

  constructor(source: SourceTask, retry: Retry) {
    this.#source = source
    this.#retry = retry
    if (source.commit) this.commit = (offsets) => retry.run('Acknowledging to the source', () => source.commit!(offsets))
  }

  open(offsets: Offsets | undefined): Promise<void> {
    return this.#source.open(offsets)
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    for (;;) {
      const wait = this.#notBeforeMs - performance.now()
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => {}) // Told to return: the check below does.
      if (performance.now() < this.#notBeforeMs - 1) return idle
      try {
        const batch = await this.#source.poll(signal)
        this.#failures = 0
        return batch
      } catch (error) {
        if (this.#failures++ === 0) this.#sinceMs = performance.now()
        const delay = this.#retry.delayMs(error, this.#failures, this.#sinceMs)
        if (delay === undefined) throw error
        this.#retry.note('Reading from the source', error as Error, this.#failures, delay)
        this.#notBeforeMs = performance.now() + delay
      }
    }
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#source[Symbol.asyncDispose]()
  }
}

/** A sink whose put and flush survive retriable errors; the contract lets both be asked again after a rejection. */
export class RetryingSink implements SinkTask {
  readonly #sink: SinkTask
  readonly #retry: Retry
  readonly flush?: NonNullable<SinkTask['flush']>
  readonly forget?: NonNullable<SinkTask['forget']>
  readonly committed?: () => Promise<Offsets | undefined>
  readonly forward?: (whole: WholeRecords, kill: AbortSignal) => Promise<void>

  constructor(sink: SinkTask, retry: Retry) {
    this.#sink = sink
    this.#retry = retry
    if (sink.flush) this.flush = (offsets, kill, all) => retry.run('Flushing the sink', () => sink.flush!(offsets, kill, all))
    if (sink.forget) this.forget = (partitions) => sink.forget!(partitions)
    if (sink.committed) this.committed = () => retry.run("Reading the sink's position", () => sink.committed!())
    if (sink.forward) this.forward = (whole, kill) => retry.run('Writing to the sink', () => sink.forward!(whole, kill))
  }

  get formats(): readonly string[] {
    return this.#sink.formats ?? []
  }

  async open(): Promise<void> {
    await this.#sink.open?.()
  }

  put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    return this.#retry.run('Writing to the sink', () => this.#sink.put(records, kill))
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#sink[Symbol.asyncDispose]()
  }
}
