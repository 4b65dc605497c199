import type { ConnectRecord, Plugin, Progress } from '../core/index.ts'

/** What a program may say about a pipeline beside its config. */
export interface RunOptions {
  /** Plugins whose parts the config may name: objects made by `definePlugin`, or packages and module paths, looked up from the working folder. */
  readonly plugins?: readonly (Plugin | string)[]
  /**
   * Makes the program the sink: called with the records of each batch, in order, one call at a time. Resolved: the program has them for good.
   * Throwing a RetriableError has the same batch come again, any other error fails the connector. At least once: after a crash the batches since the
   * last saved position come again. `kill` aborts when waiting is no longer wanted. Needs inline hosting.
   */
  readonly onRecords?: (records: readonly ConnectRecord[], kill: AbortSignal) => Promise<void> | void
  /** File that keeps the connector's positions (SQLite; one program at a time). Absent: they are forgotten when the program ends. */
  readonly store?: string
  /** `inline` (default): tasks run in this process, unguarded. `process`: each in a child process with limits and a watchdog. */
  readonly hosting?: 'inline' | 'process'
  /** Stops the connector as `stop` does. */
  readonly signal?: AbortSignal
  /** Settings of a worker that the connector inherits: `bootstrap.servers`, `key.converter`, `flush.*`, `task.*`, `errors.*` ... */
  readonly settings?: Readonly<Record<string, string>>
  /** Gets the log: lines of JSON, from level INFO. Default: warnings and errors go to stderr. Processes of tasks write to stdout. */
  readonly log?: (line: string) => void
}

/** A connector that runs inside a program. */
export interface RunningConnector extends AsyncDisposable {
  readonly name: string
  /**
   * Resolves when the connector has stopped: its source came to its end, or `stop` was called. Rejects with a ConnectorFailedError when it fails
   * for good; all of it is gone by then. A program that never looks at it learns of a failure from the log alone.
   */
  readonly done: Promise<void>
  status(): RunningStatus
  /** One entry for each task. */
  progress(): readonly RunningProgress[]
  /**
   * Writes, flushes and saves what was read, then ends everything, within `task.shutdown.graceful.timeout.ms`. Rejects where that did not go well:
   * then what was not saved comes again at the next start from the same store.
   */
  stop(): Promise<void>
}

export interface RunningStatus {
  readonly state: 'UNASSIGNED' | 'RUNNING' | 'PAUSED' | 'STOPPED' | 'FAILED' | 'RESTARTING'
  readonly tasks: readonly { readonly id: number; readonly state: string; readonly trace?: string }[]
}

/** What one task did and does. Counts are since the start. */
export interface RunningProgress extends Progress {
  readonly task: number
  readonly state: string
  readonly records: { readonly polled: number; readonly put: number; readonly filtered: number; readonly rejected: number }
  /** Records put per second over the last seconds. */
  readonly rate: number
  readonly flushes: number
}

/** Why a connector failed for good. Its message is that of the fault; `cause` is the error of `onRecords` where that threw it. */
export class ConnectorFailedError extends Error {
  override readonly name = 'ConnectorFailedError'
  /** Code of the error's class (`CONFIG`, `DATA`, `RETRIABLE`, `GAP`, `FENCED`), `BUG` for any other, or how a process died. */
  readonly code: string
  /** Stack of the fault with its causes, and a hint. */
  readonly trace: string
  constructor(message: string, fault: { readonly code: string; readonly trace: string; readonly cause?: unknown }) {
    super(message, fault.cause === undefined ? undefined : { cause: fault.cause })
    this.code = fault.code
    this.trace = fault.trace
  }
}

/**
 * Runs a connector inside this program: the config is what a worker would get over its REST API (`connector.class`, `sink.class`, `transforms`,
 * converters; `name` defaults to `connector`), by the same runtime, without the API. Resolves when config and plugins are good and the start is
 * ordered; rejects with a ConfigError that holds every fault. A task that fails is not started again unless `task.restart.max.attempts` says so.
 */
export async function runConnector(
  config: Readonly<Record<string, string | number | boolean>>,
  options: RunOptions = {},
): Promise<RunningConnector> {
  // The worker is loaded here, so that importing `millrace` to write a plugin stays cheap.
  const { startPipeline } = await import('./pipeline.ts')
  return startPipeline(config, options)
}
