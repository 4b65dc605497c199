import { randomUUID } from 'node:crypto'
import { DataError } from '../../core/index.ts'
import type { AddFile } from './actions.ts'
import { type DeltaField, physicalName, typeText } from './delta-types.ts'
import type { Engine } from './engine.ts'
import { controlColumns } from './layout.ts'
import { type FileContent, encodePath } from './parquet.ts'
import type { Storage } from './storage.ts'

/** What is used of parquetjs-lite, which comes without types. */
interface ParquetLite {
  readonly ParquetSchema: new (fields: Readonly<Record<string, object>>) => object
  readonly ParquetWriter: { openFile(schema: object, path: string, options: object): Promise<LiteWriter> }
}

interface LiteWriter {
  setRowGroupSize(rows: number): void
  appendRow(row: Readonly<Record<string, unknown>>): Promise<void>
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  byte: 'INT_8',
  short: 'INT_16',
  integer: 'INT_32',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  string: 'UTF8',
  binary: 'BYTE_ARRAY',
}

const codecs: Readonly<Record<string, string>> = { zstd: 'SNAPPY', snappy: 'SNAPPY', gzip: 'GZIP', uncompressed: 'UNCOMPRESSED' }

/** Rows of a row group: the library holds them as objects until it is full. */
const rowGroupRows = 10_000

/** Throws a DataError for the first column that parquetjs-lite cannot keep exactly (measured: it rounds 64-bit integers and has no decimals). */
export function checkLiteColumns(table: string, fields: readonly DeltaField[]): void {
  for (const field of fields) {
    if (isLiteColumn(field)) continue
    throw new DataError(
      `Table ${table}: column "${field.name}" is ${typeText(field.type)}, which parquetjs-lite cannot hold exactly ` +
        '(it rounds integers beyond 2^53 and has no decimals, dates before 1970 or nested columns of ours); use parquet.writer=duckdb or exclude the column',
    )
  }
}

function isLiteColumn(field: DeltaField): boolean {
  // Positions are safe integers, so the log's own 64-bit columns stay exact.
  return (
    typeof field.type === 'string' && (Object.hasOwn(types, field.type) || (field.type === 'long' && controlColumns.includes(field.name)))
  )
}

/** Writes a data file in pure JavaScript. Without column statistics, which the library gets wrong; without a column index, which it writes incompletely. */
export async function writeParquetLite(
  engine: Engine,
  storage: Storage,
  table: string,
  content: FileContent,
  compression: string,
): Promise<AddFile | undefined> {
  const { ParquetSchema, ParquetWriter } = await loadLite()
  const codec = codecs[compression]!
  const names = content.fields.map(physicalName)
  const schema = new ParquetSchema(
    Object.fromEntries(
      content.fields.map((field, index) => [
        names[index]!,
        { type: types[field.type as string] ?? 'INT64', optional: true, compression: codec },
      ]),
    ),
  )
  const name = `part-${randomUUID()}.${codec.toLowerCase()}.parquet`
  let numRecords = 0
  const size = await storage.create(`${table}/${name}`, async (path) => {
    const writer = await ParquetWriter.openFile(schema, path, { useDataPageV2: false, pageIndex: false })
    writer.setRowGroupSize(rowGroupRows)
    for await (const columns of engine.chunks(content.sql)) {
      const rows = columns[0]?.length ?? 0
      for (let row = 0; row < rows; row++) {
        // Every row is awaited: the library doubles rows that are appended while it writes a row group (ironSource/parquetjs#101).
        await writer.appendRow(liteRow(table, content.fields, names, columns, row))
        numRecords++
      }
    }
    // It cannot close a file without a row.
    if (numRecords > 0) await writer.close()
  })
  if (numRecords === 0) {
    await storage.delete(`${table}/${name}`)
    return undefined
  }
  return {
    path: encodePath(name),
    partitionValues: content.partitionValues,
    size,
    modificationTime: Date.now(),
    dataChange: true,
    stats: JSON.stringify({ numRecords }),
  }
}

function liteRow(
  table: string,
  fields: readonly DeltaField[],
  names: readonly string[],
  columns: readonly (readonly unknown[])[],
  row: number,
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  fields.forEach((field, index) => {
    const value = columns[index]![row]
    if (value === null || value === undefined) return
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) {
      throw new DataError(
        `Table ${table}, column "${field.name}": parquetjs-lite cannot write ${Object.is(value, -0) ? '-0' : value}; use parquet.writer=duckdb`,
      )
    }
    values[names[index]!] =
      field.type === 'binary'
        ? Buffer.from((value as { readonly bytes: Uint8Array }).bytes)
        : typeof value === 'bigint'
          ? Number(value)
          : value
  })
  return values
}

async function loadLite(): Promise<ParquetLite> {
  // An optional dependency without types; the name stands in a variable so that the compiler does not look for them.
  const name = 'parquetjs-lite'
  const module = (await import(name)) as ParquetLite & { readonly default?: ParquetLite }
  return module.default ?? module
}
