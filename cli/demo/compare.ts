import { basename, dirname } from 'node:path'
import type { Client } from 'pg'
import { readVector } from '../../connectors/delta/deletion-vectors.ts'
import { physicalName, quoteName, quoteText, typeText } from '../../connectors/delta/delta-types.ts'
import { Engine } from '../../connectors/delta/engine.ts'
import { readTable, type TableState } from '../../connectors/delta/log.ts'
import { LocalStorage } from '../../connectors/delta/storage.ts'

export interface Comparison {
  readonly rows: number
  readonly columns: number
  /** One line each, naming the key; empty: the tables are equal. */
  readonly differences: readonly string[]
}

const shownMax = 20

type RowText = (row: Readonly<Record<string, unknown>>) => string

/** Compares a database table with a lake table, every column of every row, by key. Both sides give each value one exact text. */
export async function compareTables(client: Client, table: string, key: readonly string[], lakePath: string): Promise<Comparison> {
  const types = await columnTypes(client, table)
  const columns = [...types.keys()].sort()
  const text = (row: Readonly<Record<string, unknown>>) =>
    columns.map((name) => `${name}=${canonical(row[name], types.get(name)!)}`).join(' | ')
  const wanted = await databaseRows(client, table, types, key, text)
  const found = await lakeRows(lakePath, columns, key, text)
  const differences: string[] = []
  const missingColumns = columns.filter((name) => !found.columns.includes(name))
  const extraColumns = found.columns.filter((name) => !types.has(name))
  if (missingColumns.length > 0) differences.push(`the lake lacks the columns ${missingColumns.join(', ')}`)
  if (extraColumns.length > 0) differences.push(`the lake has the columns ${extraColumns.join(', ')}, which the table does not`)
  for (const [id, row] of wanted) {
    const other = found.rows.get(id)
    if (other === undefined) differences.push(`${id} is not in the lake`)
    else if (missingColumns.length === 0 && row !== other) differences.push(`${id}: the database has ${row}, the lake ${other}`)
    if (differences.length >= shownMax) break
  }
  for (const id of found.rows.keys()) {
    if (differences.length >= shownMax) break
    if (!wanted.has(id)) differences.push(`${id} is in the lake and not in the database`)
  }
  if (found.duplicates > 0) differences.push(`${found.duplicates} rows are in the lake more than once`)
  return { rows: wanted.size, columns: columns.length, differences }
}

async function columnTypes(client: Client, table: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [table],
  )
  return new Map(rows.map(({ name, type }) => [name, type]))
}

async function databaseRows(client: Client, table: string, types: ReadonlyMap<string, string>, key: readonly string[], text: RowText) {
  const list = [...types.keys()].map((name) => `${databaseText(`"${name}"`, types.get(name)!)} AS "${name}"`)
  const { rows } = await client.query<Record<string, string | null>>(`SELECT ${list.join(', ')} FROM ${table}`)
  return new Map(rows.map((row) => [idOf(row, key), text(row)]))
}

function databaseText(column: string, type: string): string {
  if (type.startsWith('timestamp')) return `(extract(epoch FROM ${column}) * 1000000)::numeric(30, 0)::text`
  if (type === 'date') return `(${column} - DATE '1970-01-01')::text`
  if (type === 'money') return `${column}::numeric::text`
  if (type.endsWith('[]')) return `to_json(${column})::text`
  return `${column}::text`
}

async function lakeRows(path: string, columns: readonly string[], key: readonly string[], text: RowText) {
  const name = basename(path)
  const storage = await LocalStorage.open(dirname(path))
  await using engine = await Engine.open({ memoryLimit: '512MB' })
  const state = await readTable(storage, engine, name)
  const present = state.schema.fields.map((field) => field.name)
  const shared = state.schema.fields.filter((field) => columns.includes(field.name))
  const list = shared.map((field) => `${lakeText(quoteName(physicalName(field)), typeText(field.type))} AS ${quoteName(field.name)}`)
  const rows = new Map<string, string>()
  let duplicates = 0
  for (const [file, deleted] of await filesOf(storage, name, state)) {
    // A file written before a column was added lacks it: the union with an empty table of today's columns fills it with NULL.
    const source = `read_parquet([${quoteText(storage.readable(`${name}/${file}`))}], file_row_number = true)`
    const known = new Set((await engine.rows(`SELECT * FROM (DESCRIBE SELECT * FROM ${source})`)).map((row) => String(row['column_name'])))
    const select = shared.map((field, index) => (known.has(physicalName(field)) ? list[index]! : `NULL AS ${quoteName(field.name)}`))
    for (const row of await engine.rows(`SELECT ${select.join(', ')}, file_row_number::INTEGER AS "#row" FROM ${source}`)) {
      if (deleted.has(Number(row['#row']))) continue
      const id = idOf(row, key)
      if (rows.has(id)) duplicates++
      rows.set(id, text(row))
    }
  }
  return { columns: present, rows, duplicates }
}

async function filesOf(
  storage: LocalStorage,
  table: string,
  state: TableState,
): Promise<readonly (readonly [string, { has(row: number): boolean }])[]> {
  return Promise.all(
    [...state.files.values()].map(async (file) => {
      const deleted = file.deletionVector ? await readVector(storage, table, file.deletionVector) : new Set<number>()
      return [decodeURIComponent(file.path), deleted] as const
    }),
  )
}

function lakeText(column: string, type: string): string {
  if (type.startsWith('timestamp')) return `epoch_us(${column})::VARCHAR`
  if (type === 'date') return `(${column} - DATE '1970-01-01')::VARCHAR`
  if (type.startsWith('array')) return `to_json(${column})::VARCHAR`
  return `${column}::VARCHAR`
}

function idOf(row: Readonly<Record<string, unknown>>, key: readonly string[]): string {
  return key.map((column) => `${column} ${String(row[column])}`).join(', ')
}

/** Floats are compared as the numbers they are, and lists by their items: the two sides write them in their own way. */
function canonical(value: unknown, type: string): string {
  if (value === null || value === undefined) return 'NULL'
  if (type === 'double precision' || type === 'real') return String(Number(value))
  if (!type.endsWith('[]')) return String(value)
  return JSON.stringify(JSON.parse(String(value)), (_, item: unknown) =>
    typeof item === 'number' && type === 'real[]' ? Math.fround(item) : item,
  )
}
