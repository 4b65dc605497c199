import { addedOf, DataError, type Schema } from '../../../core/index.ts'
import type { Query } from '../catalog.ts'
import { targetTypeOf, type NewColumn } from './target-table.ts'
import { valueText } from './value-text.ts'

/**
 * The column with the value that the source's rows from before it have in it, which no event tells. It becomes the column's default, since such
 * rows may also still wait to be written. `zone`: of columns without one. Rejects with a DataError where there is a value that cannot be told.
 */
export async function withAddedValue(query: Query, table: string, column: NewColumn, schema: Schema, zone: string): Promise<NewColumn> {
  const added = addedOf(schema)
  if (added === undefined || ('value' in added && added.value === null)) return column
  if ('unknown' in added) {
    throw new DataError(
      `Table ${table}: column "${column.column}" was added at the source with a value for the rows that were there, which is not known (${added.unknown}); ` +
        'add and fill the column in this table, then restart the task',
    )
  }
  const text = valueText(schema, await targetTypeOf(query, column.type), zone).text(added.value)
  return { ...column, otherwise: literal(text) }
}

/** A literal that is the same whatever the server's standard_conforming_strings: the text comes from a source. */
function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
