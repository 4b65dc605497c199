import type { ConfigDef, ConfigOf } from './config-def.ts'
import type { ConnectRecord } from './record.ts'

/** A single-message transform: synchronous and pure; never mutates its input; null drops the record. Throws a DataError for a record that cannot pass. */
export interface Transform {
  apply(record: ConnectRecord): ConnectRecord | null
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
  create(config: ConfigOf<D>): Transform
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
