import type { AddFile } from './actions.ts'
import { type DeltaField, type DeltaSchema, decimalOf, physicalName, quoteName, quoteText, sqlType } from './delta-types.ts'
import type { Engine } from './engine.ts'
import { fileName } from './parquet.ts'
import type { Storage } from './storage.ts'

/** Files to read, with what a query needs to know of the table. */
export interface FileSet {
  readonly storage: Storage
  readonly table: string
  readonly schema: DeltaSchema
  readonly partitionColumns: readonly string[]
  readonly files: readonly AddFile[]
}

/** Files of one query at most: each is open while it runs. */
const filesMax = 500

/** Name of the column in which a scan tells the file; a table may well have one called `filename`. */
export const fileColumn = '__millrace_file'

/**
 * Calls `take` for every row of the files that `condition` (over the aliases f, the file's row by logical column names, and k, a row of the
 * table `keys`) matches; masked rows are among them. Rows come in no order, and once each even if several keys match.
 */
export async function findRows(
  engine: Engine,
  set: FileSet,
  columns: readonly string[],
  keys: string,
  condition: string,
  take: (file: AddFile, row: number) => void,
): Promise<void> {
  for (const scan of await scans(engine, set, columns)) {
    const byName = filesByName(set, scan.files)
    const sql = `SELECT f.${fileColumn}, f.file_row_number FROM (${scan.sql}) f SEMI JOIN ${keys} k ON ${condition}`
    await engine.stream(sql, ([names, rows]) => {
      for (let index = 0; index < names!.length; index++) take(byName(names![index]), Number(rows![index]))
    })
  }
}

/** Finds a file by the name that a scan gives it. */
export function filesByName(set: FileSet, files: readonly AddFile[]): (name: unknown) => AddFile {
  const byName = new Map<unknown, AddFile>(files.map((file) => [set.storage.readable(fileName(set.table, file.path)), file]))
  return (name) => {
    const file = byName.get(name)
    if (!file) throw new Error(`DuckDB read ${String(name)}, which is not a file of table ${set.table}`)
    return file
  }
}

export interface Scan {
  /** Yields the columns by their logical names, the file's name in `fileColumn`, and `file_row_number`. */
  readonly sql: string
  readonly files: readonly AddFile[]
}

/** Queries over the files; a column that a file does not have yet is NULL in it. */
export async function scans(engine: Engine, set: FileSet, columns: readonly string[]): Promise<readonly Scan[]> {
  const fields = columns.map((name) => set.schema.fields.find((field) => field.name === name)!)
  const constant = fields.filter((field) => set.partitionColumns.includes(field.name))
  const groups = new Map<string, AddFile[]>()
  for (const file of set.files) {
    // Partition columns are not in the files: those of one query share their values.
    const key = constant.length === 0 ? '' : JSON.stringify(constant.map((field) => file.partitionValues[physicalName(field)] ?? null))
    const group = groups.get(key)
    if (group) group.push(file)
    else groups.set(key, [file])
  }
  const queries: Scan[] = []
  for (const group of groups.values()) {
    for (let start = 0; start < group.length; start += filesMax) {
      const files = group.slice(start, start + filesMax)
      queries.push({ sql: await scan(engine, set, fields, files), files })
    }
  }
  return queries
}

async function scan(engine: Engine, set: FileSet, fields: readonly DeltaField[], files: readonly AddFile[]): Promise<string> {
  await set.storage.fetch(files.map((file) => fileName(set.table, file.path)))
  const names = files.map((file) => quoteText(set.storage.readable(fileName(set.table, file.path)))).join(', ')
  const source = `read_parquet([${names}], filename = '${fileColumn}', file_row_number = true, hive_partitioning = false, union_by_name = ${files.length > 1})`
  const stored = fields.filter((field) => !set.partitionColumns.includes(field.name))
  const certain = stored.every((field) => files.every((file) => parsedStats(file)?.nullCount?.[physicalName(field)] !== undefined))
  const present = certain ? undefined : new Set((await engine.rows(`DESCRIBE SELECT * FROM ${source}`)).map((row) => row['column_name']))
  const selected = fields.map((field) => {
    const name = quoteName(physicalName(field))
    const missing = present !== undefined && !present.has(physicalName(field))
    const value = set.partitionColumns.includes(field.name)
      ? partitionLiteral(field, files[0]!)
      : missing
        ? `CAST(NULL AS ${sqlType(field.type)})`
        : name
    return `${value} AS ${quoteName(field.name)}`
  })
  return `SELECT ${[...selected, fileColumn, 'file_row_number'].join(', ')} FROM ${source}`
}

function partitionLiteral(field: DeltaField, file: AddFile): string {
  const value = file.partitionValues[physicalName(field)]
  const text = value === null || value === undefined || value === '' ? 'NULL' : quoteText(value)
  return `CAST(${text} AS ${sqlType(field.type)})`
}

/** Least and greatest key of a window, by the first key column, as statistics spell them: integers as bigint, text as UTF-8 bytes. */
export interface KeyRange {
  readonly field: DeltaField
  readonly min: bigint | Buffer
  readonly max: bigint | Buffer
}

/** The files whose statistics do not rule out that they hold a key of the range. */
export function candidates(files: Iterable<AddFile>, range: KeyRange | undefined): AddFile[] {
  const all = [...files]
  if (!range) return all
  const name = physicalName(range.field)
  return all.filter((file) => {
    const stats = file.stats ? parsedStats(file) : undefined
    if (!stats) return true
    const min = statistic(stats.minValues?.[name])
    const max = statistic(stats.maxValues?.[name])
    return !(max !== undefined && isLess(max, range.min)) && !(min !== undefined && isLess(range.max, min))
  })
}

/** The type of range that `candidates` can use for a column; undefined: none. */
export function rangeKind(field: DeltaField): 'integer' | 'text' | undefined {
  if (typeof field.type !== 'string' || decimalOf(field.type)) return undefined
  if (['byte', 'short', 'integer', 'long'].includes(field.type)) return 'integer'
  return field.type === 'string' ? 'text' : undefined
}

interface Stats {
  readonly numRecords?: number | bigint
  readonly minValues?: Readonly<Record<string, unknown>>
  readonly maxValues?: Readonly<Record<string, unknown>>
  readonly nullCount?: Readonly<Record<string, unknown>>
}

const parsed = new WeakMap<AddFile, Stats>()

/** A file's statistics; integers beyond 2^53 as bigint. Undefined where it has none that can be read. */
export function parsedStats(file: AddFile): Stats | undefined {
  const known = parsed.get(file)
  if (known) return known
  if (!file.stats) return undefined
  const stats = JSON.parse(file.stats, exact as (key: string, value: unknown) => unknown) as Stats
  parsed.set(file, stats)
  return stats
}

function exact(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !/^-?\d+$/.test(context.source ?? '')) return value
  return BigInt(context.source!)
}

function statistic(value: unknown): bigint | Buffer | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === 'string' ? Buffer.from(value) : undefined
}

function isLess(a: bigint | Buffer, b: bigint | Buffer): boolean {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a < b
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.compare(b) < 0
}
