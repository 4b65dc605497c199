import type { ConfigDef, ConfigOf } from './config-def.ts'
import type { TaskContext } from './context.ts'
import type { ConfigIssue } from './errors.ts'
import type { Offsets, RecordBatch } from './record.ts'

/** The live half of a source connector: one per task, disposed when the task ends however it ends. */
export interface SourceTask extends AsyncDisposable {
  /** Called once, before `poll`. `offsets` is what was last saved for the connector; undefined: the first run. */
  open(offsets: Offsets | undefined): Promise<void>
  /**
   * The next batch; `idle` when there is none. Waits for data at most until `signal` aborts, which means "return what you have".
   * One poll at a time, but it may run while the batch before it is written, flushed or committed.
   */
  poll(signal: AbortSignal): Promise<RecordBatch>
  /** These positions are durable in the sink AND saved: the upstream may forget what lies before them. */
  commit?(offsets: Offsets): Promise<void>
}

/** What a source connector is: data, not a live thing. */
export interface SourceConnector<D extends ConfigDef = ConfigDef> {
  /** The name that listings show; existing configs' Java names are welcome here. */
  readonly class: string
  /** Other names it answers to. */
  readonly aliases?: readonly string[]
  readonly doc?: string
  /** Types, defaults, docs and validation from one constant. */
  readonly config: D
  /**
   * The connector holds a Kafka client of this kind: beneath its own keys lie the worker's client settings (`bootstrap.servers`, `security.*`,
   * `sasl.*`, `ssl.*`, then those under `consumer.` or `producer.`), and above those the connector's `consumer.override.*` or `producer.override.*`.
   */
  readonly client?: 'consumer' | 'producer'
  create(config: ConfigOf<D>, context: TaskContext): SourceTask | Promise<SourceTask>
  /**
   * How a preview reads a few records without a trace upstream: a task with these keys laid over its config, opened without offsets, polled and
   * never committed. `refused`: why that cannot be, and the way out. Absent: refused, since nobody knows what opening the source does.
   */
  readonly sampling?: { readonly overlay: Readonly<Record<string, string>> } | { readonly refused: string }
  /** How the work is split: one entry per task, laid over the connector's raw config. Default: one task. */
  tasks?(config: ConfigOf<D>, max: number): readonly Readonly<Record<string, string>>[]
  /**
   * Checks beyond single keys (may connect; bounded to seconds). Called after all keys are fine. `given` has the keys as they were given,
   * those too that the definition does not list: for families of keys whose names carry a value.
   */
  validate?(config: ConfigOf<D>, given?: Readonly<Record<string, string>>): Promise<readonly ConfigIssue[]>
  /** Refuses offsets that a person wrote by throwing an Error that says why; the positions may be null (reset). */
  checkOffsets?(offsets: Offsets, config: ConfigOf<D>): void
  /**
   * A person changes the connector's positions (null: reset, of one partition or all): changes what the upstream itself remembers of them.
   * Called while no task runs, before the store forgets; rejects with the reason where it cannot.
   */
  alterOffsets?(offsets: Offsets | null, config: ConfigOf<D>, context: Pick<TaskContext, 'connector' | 'log'>): Promise<void>
  /** The connector was deleted: release what it holds upstream (slot, publication). Failing is logged and does not stop the deletion. */
  destroy?(config: ConfigOf<D>, context: Pick<TaskContext, 'connector' | 'log'>): Promise<void>
}

/** Declares a source connector; hides the one cast that lets connectors with different configs stand in one list. */
export function source<const D extends ConfigDef>(connector: SourceConnector<D>): SourceConnector {
  return connector as unknown as SourceConnector
}
