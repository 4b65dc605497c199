import { DataError, type Schema } from '../../core/index.ts'
import { nullColumn, unchangedColumn, type ColumnCodec, type TupleView } from './tuple.ts'

/** One column of a row: where it stands in the tuple and how its text becomes a value. */
export interface RowColumn {
  /** Name in the database. */
  readonly column: string
  /** Name of the field. */
  readonly name: string
  /** Place in the tuple. */
  readonly index: number
  /** Part of the replica identity. */
  readonly identity: boolean
  readonly schema: Schema
  readonly codec: ColumnCodec
  /** What stands for a value that the server did not send; null: nothing fits the type, so only the record's header tells it. */
  readonly placeholder: unknown
}

/**
 * Builds a plain object from a tuple. A TOAST value that the server did not send is taken from `old`, the row before, where that knows it
 * (columns of the replica identity); else the field's name is pushed to `missing` and its placeholder stands in. Throws what a codec throws.
 */
export type RowBuilder = (view: TupleView, old: Row | null, missing: string[]) => Row

export type Row = Readonly<Record<string, unknown>>

type Unsent = (index: number, old: Row | null, missing: string[]) => unknown

/**
 * One literal with a call per column, as generated code: all rows of a table have one hidden class and every codec call is monomorphic,
 * which is several times faster than a loop over columns. Names go in as JSON strings only.
 */
export function compileRow(columns: readonly RowColumn[]): RowBuilder {
  const literals = columns.map(({ name, index }, place) => {
    // A computed key makes `__proto__` an own property instead of the prototype.
    const key = name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)
    return `${key}: (p = s[${index}]) >= 0 ? c${place}(b, p, e[${index}]) : p === ${nullColumn} ? null : unsent(${place}, old, missing)`
  })
  const unsent: Unsent = (place, old, missing) => {
    const column = columns[place]!
    if (old !== null && column.identity) return old[column.name]
    missing.push(column.name)
    return column.placeholder
  }
  const names = columns.map((_, place) => `c${place}`)
  const build = new Function(
    'unsent',
    ...names,
    `return function row(view, old, missing) {
      const b = view.buffer, s = view.starts, e = view.ends
      let p = 0
      return { ${literals.join(',\n')} }
    }`,
  ) as (...parts: unknown[]) => RowBuilder
  return build(unsent, ...columns.map(({ codec }) => codec))
}

/** Builds the key of a row: from the row where that has all the key's columns, else from its tuple. */
export type KeyBuilder = (row: Row, view: TupleView, old: Row | null, missing: string[]) => Row

/** As `compileRow`, for a key. */
export function compileKey(keys: readonly RowColumn[], columns: readonly RowColumn[]): KeyBuilder {
  if (!keys.every((key) => columns.includes(key))) {
    const fromTuple = compileRow(keys)
    return (_, view, old, missing) => fromTuple(view, old, missing)
  }
  const literals = keys.map(({ name }) => {
    const text = JSON.stringify(name)
    return `${name === '__proto__' ? '["__proto__"]' : text}: row[${text}]`
  })
  return new Function('row', `return { ${literals.join(', ')} }`) as KeyBuilder
}

/** Which column a codec refused, and why: reads them one by one. Returns undefined where none throws. */
export function faultyColumn(columns: readonly RowColumn[], view: TupleView): { column: RowColumn; error: unknown } | undefined {
  for (const column of columns) {
    const start = view.starts[column.index]!
    if (start < 0) continue
    try {
      column.codec(view.buffer, start, view.ends[column.index]!)
    } catch (error) {
      return { column, error }
    }
  }
  return undefined
}

/** The tuple's texts by column name, for a record that could not be built. */
export function textsOf(columns: readonly RowColumn[], view: TupleView): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    columns.map(({ column, index }) => {
      const start = view.starts[index]!
      if (start === unchangedColumn) return [column, '(unchanged, not sent)'] as const
      return [column, start < 0 ? null : view.buffer.toString('utf8', start, view.ends[index]!)] as const
    }),
  )
}

/** Turns anything that a codec threw into a DataError that names the place. */
export function dataError(place: string, error: unknown): DataError {
  if (error instanceof DataError) return new DataError(`${place}: ${error.message}`, { cause: error })
  throw error
}
