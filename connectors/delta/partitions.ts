import { DataError } from '../../core/index.ts'
import type { AddFile } from './actions.ts'
import { type DeltaField, type DeltaSchema, physicalName, quoteName, quoteText, sqlType } from './delta-types.ts'
import type { Engine } from './engine.ts'
import type { RowWriter } from './parquet.ts'

/** How the columns c0, c1 ... of a query become columns of data files. */
export interface RowOutput {
  /** Column ci of the query is the table's column fields[i]. */
  readonly fields: readonly DeltaField[]
  /** By logical name. */
  readonly partitionColumns: readonly string[]
  /** Bytes of an average row; 0: unknown. */
  readonly rowBytes: number
  /** The table's whole schema. */
  readonly schema: DeltaSchema
}

/** Writes a query's rows as data files, one per combination of partition values. Throws a DataError for a value that Delta cannot partition by. */
export async function writeRows(engine: Engine, write: RowWriter, query: string, output: RowOutput): Promise<readonly AddFile[]> {
  const { fields, partitionColumns, rowBytes } = output
  const isPartition = (field: DeltaField): boolean => partitionColumns.includes(field.name)
  const kept = fields.filter((field) => !isPartition(field))
  const select = fields.flatMap((field, index) => (isPartition(field) ? [] : [`c${index} AS ${quoteName(physicalName(field))}`])).join(', ')
  if (partitionColumns.length === 0) {
    const add = await write({ sql: `SELECT ${select} FROM (${query})`, fields: kept, partitionValues: {}, rowBytes })
    return add ? [add] : []
  }
  const adds: AddFile[] = []
  for (const values of await distinctValues(engine, query, output)) {
    const conditions = values.map(({ field, text }) => {
      const index = fields.indexOf(field)
      if (index < 0) return 'true'
      return text === null ? `c${index} IS NULL` : `${partitionText(field, `c${index}`)} = ${quoteText(text)}`
    })
    const add = await write({
      sql: `SELECT ${select} FROM (${query}) WHERE ${conditions.join(' AND ')}`,
      fields: kept,
      partitionValues: Object.fromEntries(values.map(({ field, text }) => [physicalName(field), text])),
      rowBytes,
    })
    if (add) adds.push(add)
  }
  return adds
}

interface PartitionValue {
  readonly field: DeltaField
  readonly text: string | null
}

async function distinctValues(engine: Engine, query: string, output: RowOutput): Promise<readonly (readonly PartitionValue[])[]> {
  const columns = output.partitionColumns.map((name) => output.schema.fields.find((field) => field.name === name)!)
  const texts = columns.map((field, index) => {
    const at = output.fields.indexOf(field)
    return `${at < 0 ? 'NULL' : partitionText(field, `c${at}`)} AS p${index}`
  })
  const rows = await engine.rows(`SELECT DISTINCT ${texts.join(', ')} FROM (${query}) ORDER BY ALL`)
  return rows.map((row) =>
    columns.map((field, index) => {
      const text = row[`p${index}`] as string | null
      if (text === '')
        throw new DataError(
          `Column "${field.name}" partitions the table and holds an empty text, which Delta cannot tell from NULL; do not partition by it`,
        )
      return { field, text }
    }),
  )
}

/** A value as the protocol spells it in partition values (PROTOCOL.md, "Partition Value Serialization"). */
function partitionText(field: DeltaField, value: string): string {
  if (field.type === 'timestamp' || field.type === 'timestamp_ntz') return `strftime(CAST(${value} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%f')`
  if (sqlType(field.type) === 'VARCHAR') return value
  return `CAST(${value} AS VARCHAR)`
}
