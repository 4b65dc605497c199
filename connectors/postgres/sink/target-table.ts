import type { Query } from '../catalog.ts'
import { quoteIdentifier, quoteTable } from '../connection.ts'
import type { TableName } from './table-name.ts'
import type { TargetType } from './value-text.ts'

/** A column that can be written. */
export interface TargetColumn extends TargetType {
  readonly column: string
  readonly notNull: boolean
  /** Rows without a value for it get one. */
  readonly hasDefault: boolean
  /** The server computes it: nothing may be written. */
  readonly computed: boolean
}

/** A table as the catalog describes it. */
export interface TargetTable {
  readonly schema: string
  readonly name: string
  /** Quoted, with its schema. */
  readonly sql: string
  readonly columns: ReadonlyMap<string, TargetColumn>
  /** Sets of columns that identify a row, for ON CONFLICT: of unique indexes without condition or expression. */
  readonly uniqueKeys: readonly (readonly string[])[]
}

/** The table of that name; undefined: there is none. Names with other letter cases are other tables. */
export async function findTable(query: Query, { schema, name }: TableName): Promise<TargetTable | undefined> {
  const found = await query(
    `SELECT c.oid::bigint AS oid, n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = $1 AND n.nspname = coalesce($2, current_schema()) AND c.relkind IN ('r', 'p', 'v', 'f')`,
    [name, schema ?? null],
  )
  const row = found.rows[0]
  if (row === undefined) return undefined
  const columns = await query(
    `SELECT a.attname AS name, a.attnotnull AS not_null, a.atthasdef OR a.attidentity <> '' AS has_default, a.attgenerated <> '' AS computed,
       b.typname AS type, CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN (SELECT e.typname FROM pg_type e WHERE e.oid = b.typelem) END AS item
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [row['oid']],
  )
  const keys = await query(
    `SELECT (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) AS columns
     FROM pg_index i WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
     ORDER BY i.indisprimary DESC`,
    [row['oid']],
  )
  const table = { schema: String(row['schema']), name }
  return {
    ...table,
    sql: quoteTable(table),
    columns: new Map(columns.rows.map((one) => [String(one['name']), columnOf(one)])),
    uniqueKeys: keys.rows.map((one) => one['columns'] as readonly string[]),
  }
}

function columnOf(row: Readonly<Record<string, unknown>>): TargetColumn {
  return {
    column: String(row['name']),
    name: String(row['type']),
    item: row['item'] === null ? undefined : String(row['item']),
    notNull: row['not_null'] === true,
    hasDefault: row['has_default'] === true,
    computed: row['computed'] === true,
  }
}

/** True: the database has a schema of that name. */
export async function hasSchema(query: Query, schema: string): Promise<boolean> {
  const { rows } = await query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
  return rows.length > 0
}

/** A column to be made. */
export interface NewColumn {
  readonly column: string
  /** SQL of its type. */
  readonly type: string
  readonly notNull: boolean
  /** SQL of what rows have in it that come without it; absent: null. */
  readonly otherwise?: string
}

/** SQL that makes a table, unless somebody else has. */
export function createTableSql(name: TableName, columns: readonly NewColumn[], keys: readonly string[]): string {
  const lines = columns.map(({ column, type, notNull }) => `${quoteIdentifier(column)} ${type}${notNull ? ' NOT NULL' : ''}`)
  if (keys.length > 0) lines.push(`PRIMARY KEY (${keys.map(quoteIdentifier).join(', ')})`)
  const table = name.schema === undefined ? quoteIdentifier(name.name) : quoteTable({ schema: name.schema, name: name.name })
  return `CREATE TABLE IF NOT EXISTS ${table} (${lines.join(', ')})`
}

/** SQL that adds columns, unless they are there. All may be null: the rows that are there may have no value for them. */
export function addColumnsSql(table: TargetTable, columns: readonly NewColumn[]): string {
  const added = columns.map(
    ({ column, type, otherwise }) =>
      `ADD COLUMN IF NOT EXISTS ${quoteIdentifier(column)} ${type}${otherwise === undefined ? '' : ` DEFAULT ${otherwise}`}`,
  )
  return `ALTER TABLE ${table.sql} ${added.join(', ')}`
}

/** What `type`, as it stands in SQL, is to those who write it. */
export async function targetTypeOf(query: Query, type: string): Promise<TargetType> {
  const { rows } = await query(
    `SELECT t.typname AS name, CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN (SELECT e.typname FROM pg_type e WHERE e.oid = t.typelem) END AS item
     FROM pg_type t WHERE t.oid = to_regtype($1)`,
    [type],
  )
  const row = rows[0]!
  return { name: String(row['name']), item: row['item'] === null ? undefined : String(row['item']) }
}
