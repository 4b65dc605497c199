import type { ConfigDef, ConfigOf } from './config-def.ts'
import type { TaskContext } from './context.ts'
import type { ConfigIssue } from './errors.ts'
import type { ConnectRecord, Offsets, WholeRecords } from './record.ts'

/** The live half of a sink connector: one per task, disposed when the task ends however it ends. */
export interface SinkTask extends AsyncDisposable {
  open?(): Promise<void>
  /**
   * Resolved: the sink owns the records and may buffer them (bounded in memory: it spills or writes ahead; durable at once if it has no
   * `flush`). Rejected: it took none of them, and may be asked again with the same ones. `kill` aborts when waiting is no longer wanted.
   */
  put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void>
  /** Takes records undecoded, as `put` does, where it knows their format (`formats`). Called only where nothing stands between the ends. */
  forward?(whole: WholeRecords, kill: AbortSignal): Promise<void>
  /** Formats that `forward` takes now; asked once after `open`. */
  readonly formats?: readonly string[]
  /**
   * Resolved: all that was put is durable, together with these offsets if the sink has `committed`. Safe to repeat after a rejection.
   *
   * A sink whose targets outlive a flush (files of a wanted size) may resolve to offsets instead: how far each partition of `offsets` is durable.
   * Only those are saved; it holds the rest, is asked again every flush interval though nothing new came, and has `forget`. Where `all` is true
   * the source came to its end, and nothing may be held.
   */
  flush?(offsets: Offsets, kill: AbortSignal, all?: boolean): Promise<Offsets | void>
  /** Drops what was put of these source partitions and is not durable yet: they are read again from their saved positions, here or by another task. */
  forget?(partitions: readonly string[]): Promise<void>
  /** The offsets that the sink committed with its data, the truth on restart; undefined: none of this connector and generation. */
  committed?(): Promise<Offsets | undefined>
}

/** What a sink connector is: data, not a live thing. */
export interface SinkConnector<D extends ConfigDef = ConfigDef> {
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
  /** Values for keys of the source that this sink needs, where the config does not give them and the source knows them. */
  readonly sourceDefaults?: Readonly<Record<string, string>>
  create(config: ConfigOf<D>, context: TaskContext): SinkTask | Promise<SinkTask>
  /**
   * Checks beyond single keys (may connect; bounded to seconds). Called after all keys are fine. `given` has the keys as they were given,
   * those too that the definition does not list: for families of keys whose names carry a value.
   */
  validate?(config: ConfigOf<D>, given?: Readonly<Record<string, string>>): Promise<readonly ConfigIssue[]>
  /**
   * For a preview: what these records would do to the shape of the sink's targets, without doing any of it: DDL, or a sentence (`REFUSED: ...`
   * where it would not take a record). At most one entry for each target and one for each refused record. Reading the targets is allowed.
   */
  plan?(records: readonly ConnectRecord[], config: ConfigOf<D>, context: Pick<TaskContext, 'connector' | 'log'>): Promise<readonly string[]>
}

/** Declares a sink connector; hides the one cast that lets connectors with different configs stand in one list. */
export function sink<const D extends ConfigDef>(connector: SinkConnector<D>): SinkConnector {
  return connector as unknown as SinkConnector
}
