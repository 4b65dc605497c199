import type { ConfigDef, ConfigOf } from './config-def.ts'
import type { Logger } from './context.ts'
import type { ConnectRecord } from './record.ts'
import type { SourceTask } from './source.ts'

/** A single-message transform: synchronous and pure; never mutates its input; null drops the record. Throws a DataError for a record that cannot pass. */
export interface Transform {
  apply(record: ConnectRecord): ConnectRecord | null
  /**
   * For a transform that has to look something up: called with all records of a batch that `apply` gets next, and awaited, so that `apply`
   * itself stays synchronous. A RetriableError is waited out, as everywhere; any other rejection fails the task.
   */
  prepare?(records: readonly ConnectRecord[]): Promise<void>
  /** The task ends: whatever `prepare` opened is closed. */
  [Symbol.asyncDispose]?(): PromiseLike<void>
}

/** What the runtime gives to a transform. */
export interface TransformContext {
  readonly connector: string
  readonly task: number
  readonly log: Logger
  /**
   * Opens a source that the transform's definition lists in `sources`, with the worker's client settings beneath these keys, and without any
   * offsets; the transform polls and disposes it.
   */
  openSource(name: string, config: Readonly<Record<string, string>>): Promise<SourceTask>
}

/** Decides for which records a transform runs. Synchronous and pure. */
export interface Predicate {
  test(record: ConnectRecord): boolean
}

/** What a transform is: data; `create` is called once per task and place in the chain. */
export interface TransformDef<D extends ConfigDef = ConfigDef> {
  readonly class: string
  readonly aliases?: readonly string[]
  readonly doc?: string
  readonly config: D
  /** Names of sources that `prepare` reads by `TransformContext.openSource`. */
  readonly sources?: readonly string[]
  /** `context` is absent where a config is only validated: then nothing may be opened. */
  create(config: ConfigOf<D>, context?: TransformContext): Transform
}

/** What a predicate is: data; `create` is called once per task. */
export interface PredicateDef<D extends ConfigDef = ConfigDef> {
  readonly class: string
  readonly aliases?: readonly string[]
  readonly doc?: string
  readonly config: D
  create(config: ConfigOf<D>): Predicate
}

/** Declares a transform; hides the one cast that lets transforms with different configs stand in one list. */
export function transform<const D extends ConfigDef>(def: TransformDef<D>): TransformDef {
  return def as unknown as TransformDef
}

/** Declares a predicate; hides the one cast that lets predicates with different configs stand in one list. */
export function predicate<const D extends ConfigDef>(def: PredicateDef<D>): PredicateDef {
  return def as unknown as PredicateDef
}
