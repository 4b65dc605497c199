import type { Judge } from './judge.ts'
import type { PostgresServer } from './postgres.ts'

/** The present end of the server's log, as the number that a connector's offset tells. */
export async function currentLsn(server: PostgresServer, database?: string): Promise<number> {
  const [row] = await server.query(`SELECT (pg_current_wal_lsn() - '0/0')::text AS lsn`, database)
  return Number(row!['lsn'])
}

/** Every difference between a table and its mirror as delta-rs reads it, whole rows in one text form; empty: they are equal. */
export async function differences(
  server: PostgresServer,
  judge: Judge,
  table: string,
  lakePath: string,
  database?: string,
): Promise<readonly string[]> {
  const columns = (await server.query(
    `
    SELECT attname AS name, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) AS type FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
    WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    database,
  )) as { name: string; type: string }[]
  const list = columns.map(({ name, type }) => `${texts(`"${name}"`, type)} AS "${name}"`)
  const expected = (await server.query(`SELECT ${list.join(', ')} FROM ${table}`, database)).map((row) => rowText(columns, row)).sort()
  const found = (await judge.readTable(lakePath)).map((row) => rowText(columns, row)).sort()
  const missing = minus(expected, found).map((row) => `only in the database: ${row}`)
  const extra = minus(found, expected).map((row) => `only in the lake: ${row}`)
  return [...missing, ...extra]
}

function texts(column: string, type: string): string {
  if (type === 'timestamp with time zone')
    return `replace(to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '') || 'Z'`
  if (type === 'timestamp without time zone') return `replace(to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '')`
  if (type === 'bytea') return `encode(${column}, 'hex')`
  if (type === 'point') return `to_json(ARRAY[${column}[0], ${column}[1]])::text`
  if (type.endsWith('[]')) return `to_json(${column})::text`
  if (type === 'boolean') return `${column}::text`
  // What the type prints; a cast to text would strip the padding of char(n) and add the mask of inet.
  return `CASE WHEN ${column} IS NOT NULL THEN format('%s', ${column}) END`
}

function rowText(columns: readonly { name: string; type: string }[], row: Readonly<Record<string, unknown>>): string {
  return columns.map(({ name, type }) => `${name}=${text(row[name], type)}`).join(' | ')
}

function text(value: unknown, type: string): string {
  if (value === null || value === undefined) return 'NULL'
  if (type === 'double precision' || type === 'real') return String(Number(value))
  if (typeof value === 'object' && 'hex' in value) return String(value.hex)
  if (type === 'point' && typeof value === 'object')
    return JSON.stringify([(value as { x: number }).x, (value as { y: number } & object).y])
  if (type.endsWith('[]') || type === 'point') return JSON.stringify(typeof value === 'string' ? JSON.parse(value) : value)
  return String(value)
}

/** Multiset difference of two sorted lists. */
function minus(left: readonly string[], right: readonly string[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const row of right) counts.set(row, (counts.get(row) ?? 0) + 1)
  return left.filter((row) => {
    const count = counts.get(row) ?? 0
    if (count > 0) counts.set(row, count - 1)
    return count === 0
  })
}
