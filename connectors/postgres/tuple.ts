/**
 * One row as it came over the wire, not yet decoded: column `i` is `buffer[starts[i] .. ends[i])`, in Postgres' text format, unescaped.
 * The decoder and the COPY reader reuse one view for all rows: read it before asking for the next.
 */
export interface TupleView {
  buffer: Buffer
  /** Start of each column's text, or `nullColumn`, or `unchangedColumn`. */
  starts: Int32Array
  ends: Int32Array
  /** Columns in the row. */
  count: number
}

/** In `starts`: the column is NULL. */
export const nullColumn = -1

/** In `starts`: an unchanged TOAST value, which the server did not send. */
export const unchangedColumn = -2

/** Turns one column's text into its in-memory value. Throws a DataError for a value that its schema cannot hold. */
export type ColumnCodec = (buffer: Buffer, start: number, end: number) => unknown

/** A table as a RELATION message, or the catalog for a snapshot, describes it. */
export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly replicaIdentity: 'default' | 'nothing' | 'full' | 'index'
  readonly columns: readonly RelationColumn[]
}

export interface RelationColumn {
  readonly name: string
  readonly typeOid: number
  readonly typeModifier: number
  /** The server's flag: part of the replica identity. Under FULL all columns carry it. */
  readonly identity: boolean
}
