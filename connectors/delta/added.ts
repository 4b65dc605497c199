import { addedOf, DataError, type Schema } from '../../core/index.ts'
import type { Layout } from './layout.ts'

/** A column that was added at the source with a value for the rows that were there already. */
export interface AddedColumn {
  readonly name: string
  readonly source: Schema
  /** In the form in which records carry it. */
  readonly value: unknown
}

/**
 * Which of these new columns of a table rows from before have a value in. Throws a DataError where there is one that cannot be told; `shared`: several source
 * tables feed the table, and only one of them is known to have it.
 */
export function addedColumns(table: string, layout: Layout, names: readonly string[], shared: boolean): readonly AddedColumn[] {
  const columns: AddedColumn[] = []
  for (const { field, source } of layout.columns.slice(0, layout.fields.length)) {
    if (!source || !names.includes(field.name)) continue
    const added = addedOf(source)
    if (added === undefined) continue
    const place = `Table ${table}: column "${field.name}" was added at the source with a value for the rows that were there`
    if (shared) {
      throw new DataError(
        `${place}, and this table also holds rows of other source tables, which cannot be told apart; ` +
          'add the column to this table and fill it with another tool, or write each source table to its own',
      )
    }
    if ('unknown' in added) throw new DataError(`${place}, which is not known (${added.unknown}); ${wayOut}`)
    columns.push({ name: field.name, source, value: added.value })
  }
  return columns
}

/** Of these new columns those that rows from before may well have a value in, which the source did not tell: a volatile default rewrites a table without an event. */
export function untoldColumns(layout: Layout, names: readonly string[]): readonly string[] {
  return layout.columns.flatMap(({ field, source }) => {
    if (!source || !names.includes(field.name) || addedOf(source) !== undefined) return []
    return source.optional && (source.defaultValue === undefined || source.defaultValue === null) ? [] : [field.name]
  })
}

const wayOut = 're-read the table: stop the connector, DELETE its offsets and resume it, and it takes a new snapshot'
