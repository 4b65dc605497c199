import type { Schema } from '../../core/index.ts'

/** What a record looks up: the parts of its key as text, in the order of `key`. */
export interface LookupKey {
  /** The same for equal keys, and for no others. */
  readonly text: string
  readonly parts: readonly string[]
  /** The parts as the record has them. */
  readonly values: readonly unknown[]
}

/** One of the fields that are added. */
export interface Column {
  /** Name in the record. */
  readonly name: string
  /** Of a value that was found; null: nobody says what type it has. */
  readonly schema: Schema | null
  /** The value for a record with a schema. Throws a DataError where the type cannot hold it. */
  typed(raw: unknown): unknown
  /** The value for a record without one. */
  plain(raw: unknown): unknown
}

/** What a lookup finds, the same object as long as nothing of it changes. */
export interface RowShape {
  /** null: whole objects, whose members nobody knows beforehand. */
  readonly columns: readonly Column[] | null
  /** How to give types to what has none: completes the sentence "the records have a schema, so ...". */
  readonly untyped: string
}

/** What was found for a key. The other fields remember what was made of it. */
export interface Row {
  /** As the lookup gave them, one for each column; one object in all where the shape has no columns. */
  readonly raw: readonly unknown[]
  typed: readonly unknown[] | undefined
  struct: Readonly<Record<string, unknown>> | undefined
  plain: readonly unknown[] | undefined
  object: Readonly<Record<string, unknown>> | undefined
}

/** A key's outcome: a row, none, or why it cannot be told which one. */
export type Found = Row | 'missing' | Refused

/** The reason for which every record with this key is refused: a sentence's end after the key. */
export interface Refused {
  readonly refused: string
}

/** A row around what was found. */
export function rowOf(raw: readonly unknown[]): Row {
  return { raw, typed: undefined, struct: undefined, plain: undefined, object: undefined }
}

/** Where keys are looked up. Never asked twice at the same time. */
export interface Lookup extends AsyncDisposable {
  /** Before every batch: notices what changed. Rejects with a RetriableError while the other side is away, a ConfigError where it never can. */
  refresh(): Promise<void>
  /** Valid after `refresh`; another object when columns or types changed. */
  readonly shape: RowShape
  /** All there is, in memory; undefined: `fetch` is asked, and its answers are cached. */
  readonly held: ReadonlyMap<string, Found> | undefined
  /** What there is for each of these keys, in their order. */
  fetch(keys: readonly LookupKey[]): Promise<readonly Found[]>
}
