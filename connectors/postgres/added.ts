import { addedParameters, DataError } from '../../core/index.ts'
import type { CatalogColumn } from './catalog.ts'
import type { ColumnType } from './types.ts'

/** The schema parameters that tell what rows from before the column have in it, which Postgres tells in no event; undefined: the table has no such rows, or they have NULL. */
export function addedValue({ missing }: CatalogColumn, type: ColumnType): Readonly<Record<string, string>> | undefined {
  if (missing.length === 0) return undefined
  if (missing.length > 1) return addedParameters({ unknown: `the partitions have different values in it: ${missing.join(', ')}` })
  const bytes = Buffer.from(missing[0]!)
  try {
    // After the column's own conversion, so that a sink needs to know nothing of Postgres' text.
    return addedParameters({ value: type.codec(bytes, 0, bytes.length) })
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    return addedParameters({ unknown: error.message })
  }
}
