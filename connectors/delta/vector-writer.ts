import type duckdb from '@duckdb/node-bindings'

/** Writes `count` values (null and undefined are NULL) into a DuckDB vector with room for them. Throws a CellError for the first that does not fit. */
export type VectorWriter = (vector: duckdb.Vector, values: ArrayLike<unknown>, count: number) => void

/** A value at `index` that its column cannot hold. */
export class CellError extends Error {
  readonly index: number
  constructor(index: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.index = index
  }
}
