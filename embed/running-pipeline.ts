import type { TaskProgress } from '../core/runtime/control.ts'
import type { Worker } from '../core/runtime/worker.ts'
import { ConnectorFailedError, type RunningConnector, type RunningProgress, type RunningStatus } from './run-connector.ts'

type Failure = NonNullable<TaskProgress['failure']>

/** One connector of a worker that has no other: when it ends, the worker does. */
export class Pipeline implements RunningConnector {
  readonly name: string
  readonly done: Promise<void>
  readonly #worker: Worker
  readonly #thrown: () => unknown
  readonly #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void }
  #signal: AbortSignal | undefined
  /** What was last seen before the worker went. */
  #last: { readonly status: RunningStatus; readonly progress: readonly RunningProgress[] } | undefined
  #ending: Promise<void> | undefined

  /** `thrown`: what the program's own code threw last. */
  constructor(worker: Worker, name: string, thrown: () => unknown) {
    this.name = name
    this.#worker = worker
    this.#thrown = thrown
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.done = promise
    this.#settle = { resolve, reject }
    promise.catch(() => {}) // A failure is in the log as well; a program that does not await `done` must not die of it.
  }

  /** Ends with the signal. */
  follow(signal: AbortSignal | undefined): void {
    this.#signal = signal
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.look()
  }

  status(): RunningStatus {
    return this.#last?.status ?? this.#statusNow()
  }

  progress(): readonly RunningProgress[] {
    return this.#last?.progress ?? this.#worker.progress(this.name)
  }

  stop(): Promise<void> {
    this.#ending ??= this.#end(() => this.#drain())
    return this.#ending
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that failed by itself has said so through `done`.
    const failed = this.status().state === 'FAILED'
    await this.stop().catch((error: unknown) => {
      if (!failed) throw error
    })
  }

  /** The status changed: has it come to its end? */
  look(): void {
    if (this.#ending) return
    const failure = this.#failure()
    if (failure) this.#ending = this.#end(async () => this.#raise(failure))
    else if (this.#worker.completed(this.name)) this.#ending = this.#end(async () => {})
    this.#ending?.catch(() => {}) // Told by `done`.
  }

  readonly #onAbort = (): void => {
    this.stop().catch(() => {}) // Told by `done`.
  }

  async #end(work: () => Promise<void>): Promise<void> {
    let fault: { readonly error: unknown } | undefined
    for (const step of [work, () => this.#close(fault ? 'FAILED' : 'STOPPED')]) {
      try {
        await step()
      } catch (error) {
        fault ??= { error }
      }
    }
    if (!fault) return this.#settle.resolve()
    this.#settle.reject(fault.error)
    throw fault.error
  }

  async #close(state: RunningStatus['state']): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#last = { status: { ...this.#statusNow(), state }, progress: this.#worker.progress(this.name) }
    await this.#worker.close()
  }

  /** A pause ends with a flush, and unlike an end it tells what went wrong. */
  async #drain(): Promise<void> {
    await this.#worker.pause(this.name)
    const failure = this.#failure()
    if (failure) this.#raise(failure)
    const busy = this.#worker.progress(this.name).find(({ state }) => state === 'RUNNING')
    if (!busy) return
    const message = 'The connector did not come to rest within task.shutdown.graceful.timeout.ms: what is not saved comes again'
    throw new ConnectorFailedError(message, { code: 'STALL', trace: `${message}\n(${busy.phase ?? 'no phase was reported'})` })
  }

  #statusNow(): RunningStatus {
    const { connector, tasks } = this.#worker.status(this.name)
    return {
      state: connector.state,
      tasks: tasks.map(({ id, state, trace }) => (trace === undefined ? { id, state } : { id, state, trace })),
    }
  }

  /** Why it failed, where it does not start again by itself. */
  #failure(): (Failure & { readonly trace: string }) | undefined {
    const { connector, tasks } = this.#worker.status(this.name)
    if (connector.state === 'FAILED') {
      const trace = connector.trace ?? 'The connector failed'
      return { code: 'BUG', message: trace.split('\n')[0]!, restartsAtMs: null, trace }
    }
    const failed = this.#worker.progress(this.name).find(({ failure }) => failure && failure.restartsAtMs === null)
    if (!failed?.failure) return undefined
    return { ...failed.failure, trace: tasks.find(({ id }) => id === failed.task)?.trace ?? failed.failure.message }
  }

  #raise({ message, code, trace }: Failure & { readonly trace: string }): never {
    const thrown = this.#thrown()
    const cause = thrown instanceof Error && message.includes(thrown.message) ? { cause: thrown } : {}
    throw new ConnectorFailedError(message, { code, trace, ...cause })
  }
}
