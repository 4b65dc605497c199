import type { AddFile } from './actions.ts'
import { type DeltaField, type DeltaSchema, physicalName, quoteName, quoteText } from './delta-types.ts'
import type { Engine } from './engine.ts'
import { parsedStats } from './lookup.ts'
import { type RowWriter, fileName } from './parquet.ts'
import { primitive } from '../../core/index.ts'
import type { RoaringSet } from './roaring.ts'
import { newField } from './schema.ts'
import { Stage, chunkRowsMax } from './stage.ts'
import type { Storage } from './storage.ts'

/** Columns that a file does not have, and a DuckDB table whose only row holds their values as c0, c1 ... */
export interface ColumnValues {
  readonly table: string
  /** By logical name. */
  readonly names: readonly string[]
}

/**
 * Writes a file anew without the masked rows (copy-on-write), and with the same `values` in every row where they are given; resolves to the new
 * file, or to nothing where no row is left.
 */
export async function rewriteFile(
  engine: Engine,
  storage: Storage,
  write: RowWriter,
  table: string,
  schema: DeltaSchema,
  file: AddFile,
  masked: RoaringSet,
  values?: ColumnValues,
): Promise<readonly AddFile[]> {
  const rows = [...masked]
  const column = { field: newField('row', 'long'), source: primitive('int64'), read: readRows }
  await using stage = await Stage.create<number>(engine, [column])
  for (let at = 0; at < rows.length; at += chunkRowsMax) stage.add(rows, at, Math.min(rows.length, at + chunkRowsMax))
  stage.seal()
  await storage.fetch([fileName(table, file.path)])
  const path = quoteText(storage.readable(fileName(table, file.path)))
  const present = new Set(
    (await engine.rows(`DESCRIBE SELECT * FROM read_parquet(${path}, hive_partitioning = false)`)).map((row) => row['column_name']),
  )
  const given = (field: DeltaField): number => values?.names.indexOf(field.name) ?? -1
  const fields = schema.fields.filter((field) => given(field) >= 0 || present.has(physicalName(field)))
  const selected = fields.map((field) => {
    const name = quoteName(physicalName(field))
    return given(field) < 0 ? `f.${name}` : `(SELECT c${given(field)} FROM ${values!.table}) AS ${name}`
  })
  const numRecords = Number(parsedStats(file)?.numRecords ?? 0)
  const add = await write({
    sql: `SELECT ${selected.join(', ')}
          FROM read_parquet(${path}, file_row_number = true, hive_partitioning = false) f ANTI JOIN ${stage.table} m ON f.file_row_number = m.c0`,
    fields,
    partitionValues: file.partitionValues,
    rowBytes: numRecords > 0 ? (file.size / numRecords) * 4 : 0,
  })
  return add ? [add] : []
}

function readRows(rows: readonly number[], start: number, count: number, out: unknown[]): void {
  for (let index = 0; index < count; index++) out[index] = BigInt(rows[start + index]!)
}
