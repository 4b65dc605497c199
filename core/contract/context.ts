import type { Converter } from './converter.ts'
import type { ConnectRecord } from './record.ts'

/** Structured logging: a message, with fields before it. Secrets of the connector's config are removed from what is written. */
export interface Logger {
  trace(fields: object, message: string): void
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What people see of a task's work (`millrace top`, /api/v1). Each part replaces the one reported before it. */
export interface Progress {
  /** What the task does now, as a short phrase: "snapshot public.orders", "streaming", "waiting for slot". */
  readonly phase?: string
  readonly snapshot?: SnapshotProgress | null
  readonly lag?: LagProgress | null
  /** Newest committed version per table of a lake sink. */
  readonly tables?: Readonly<Record<string, number>>
}

export interface SnapshotProgress {
  readonly table: string
  readonly tablesDone: number
  readonly tables: number
  readonly rows: number
  /** Estimated by the source's statistics; null: unknown. */
  readonly rowsEstimated: number | null
}

export interface LagProgress {
  /** Bytes of the source's log between its end and what is committed. */
  readonly bytes: number | null
  /** Seconds between now and the commit time of the last change made durable; 0 when caught up. */
  readonly seconds: number | null
  /** Records between the source's end and what was read, for logs that count them; absent: the source does not. */
  readonly records?: number
}

/** Connect's names of the stages at which a byte-speaking end turns records. */
export type ConverterStage = 'KEY_CONVERTER' | 'VALUE_CONVERTER' | 'HEADER_CONVERTER'

/** What the runtime gives to a task's source, sink and transforms. */
export interface TaskContext {
  readonly connector: string
  readonly task: number
  /** Rises whenever a person alters or resets the connector's offsets: a sink that owns offsets forgets those of older generations. */
  readonly generation: number
  readonly log: Logger
  /** Converters as the config names them (`key.converter`, `value.converter`, `header.converter`): for ends that speak bytes. */
  readonly converters: { readonly key: Converter; readonly value: Converter; readonly header: Converter }
  /** Rejects one record (`stage`: a converter of its own did, else the end that says so): with `errors.tolerance=all` it goes to the dead letter queue and work goes on; else this throws the error. */
  reject(record: ConnectRecord, error: Error, stage?: ConverterStage): Promise<void>
  /** Tells people and the watchdog how the work stands. A long step calls it at least every few seconds, or it counts as hung. */
  report(progress: Progress): void
}
