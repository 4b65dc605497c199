import { randomUUID } from 'node:crypto'
import type { AddFile } from './actions.ts'
import { type DeltaField, type DeltaType, columnIdKey, physicalName, quoteName, quoteText } from './delta-types.ts'
import type { Engine } from './engine.ts'
import { type ColumnStatistics, statsText } from './statistics.ts'
import type { Storage } from './storage.ts'

/** A file's worth of rows: `sql` selects the columns by physical name, in the order of `fields`. */
export interface FileContent {
  readonly sql: string
  readonly fields: readonly DeltaField[]
  /** By physical name; the columns themselves are not in `sql`. */
  readonly partitionValues: Readonly<Record<string, string | null>>
  /** Bytes of an average row before compression, for the size of row groups; 0: unknown. */
  readonly rowBytes: number
}

/** Writes a data file; resolves to its add action when it is durable, to undefined where there are no rows. */
export type RowWriter = (content: FileContent) => Promise<AddFile | undefined>

/** Tag of a file of ours: bytes of its rows before compression, which tell a small file from one that only compresses well. */
export const rowBytesTag = 'millrace.rowBytes'

/** Bytes of rows before compression that a row group holds at most; DuckDB buffers one row group while it writes. */
const rowGroupBytesMax = 32 * 1024 * 1024
const rowGroupRowsMax = 122_880

/** Writes a Parquet file into the table's folder with DuckDB; resolves to its add action when it is durable; undefined where there are no rows. */
export async function writeParquet(
  engine: Engine,
  storage: Storage,
  table: string,
  content: FileContent,
  compression: string,
): Promise<AddFile | undefined> {
  const folder = partitionFolder(content.partitionValues)
  const name = `${folder}part-${randomUUID()}.${compression}.parquet`
  const rows = content.rowBytes > 0 ? Math.floor(rowGroupBytesMax / content.rowBytes) : rowGroupRowsMax
  const options = [
    'FORMAT parquet',
    `CODEC ${quoteText(compression)}`,
    `ROW_GROUP_SIZE ${Math.max(2048, Math.min(rowGroupRowsMax, rows))}`,
    'RETURN_STATS',
    // With a bloom filter, `WHERE v = 0` misses rows that hold -0.0 (measured).
    'WRITE_BLOOM_FILTER false',
    ...fieldIds(content.fields),
  ]
  let returned: Readonly<Record<string, unknown>> | undefined
  const size = await storage.create(`${table}/${name}`, async (path) => {
    returned = (await engine.rows(`COPY (${content.sql}) TO ${quoteText(path)} (${options.join(', ')})`))[0]
  })
  const numRecords = Number(returned?.['count'] ?? 0)
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
    tags: { [rowBytesTag]: String(Math.round(content.rowBytes * numRecords)) },
    stats: statsText(numRecords, content.fields, returned!['column_statistics'] as ColumnStatistics),
  }
}

/** The name of a file in the table's folder, from the path in the log. Throws for a path outside the table, which Millrace does not follow. */
export function fileName(table: string, path: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(path) || path.startsWith('/')) {
    throw new Error(`Table ${table}: file ${path} lies outside of the table's folder; such tables (shallow clones) are not supported`)
  }
  return `${table}/${decodeURIComponent(path)}`
}

/** A file's name as the log spells it. */
export function encodePath(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

/** Hive's way of naming partition folders where the value is plain; the log alone tells readers the value. */
function partitionFolder(values: Readonly<Record<string, string | null>>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const text = value === null ? '__HIVE_DEFAULT_PARTITION__' : /^[\w.+-]{1,80}$/.test(value) ? value : `value-${randomUUID()}`
      return /^[\w-]{1,80}$/.test(name) ? `${name}=${text}/` : ''
    })
    .join('')
}

/** Column mapping wants the ids in the files too, of nested fields as well (PROTOCOL.md, "Writer Requirements for Column Mapping"). */
function fieldIds(fields: readonly DeltaField[]): readonly string[] {
  const ids = idsOf(fields)
  return ids === '' ? [] : [`FIELD_IDS {${ids}}`]
}

function idsOf(fields: readonly DeltaField[]): string {
  return fields
    .flatMap((field) => {
      const id = field.metadata[columnIdKey]
      if (typeof id !== 'number') return []
      const inner = innerIds(field.type)
      return [`${quoteName(physicalName(field))}: ${inner === '' ? id : `{__duckdb_field_id: ${id}, ${inner}}`}`]
    })
    .join(', ')
}

function innerIds(type: DeltaType): string {
  if (typeof type === 'string') return ''
  const part = (name: string, inner: string): string[] => (inner === '' ? [] : [`${name}: {${inner}}`])
  switch (type.type) {
    case 'struct':
      return idsOf(type.fields)
    case 'array':
      return part('element', innerIds(type.elementType)).join(', ')
    case 'map':
      return [...part('key', innerIds(type.keyType)), ...part('value', innerIds(type.valueType))].join(', ')
    default:
      return type satisfies never
  }
}
