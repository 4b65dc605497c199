import type { Client } from 'pg'
import { ConfigError, type Schema } from '../../core/index.ts'
import { cellOf, type Cell } from './cells.ts'
import { anyColumn, textColumn } from './columns.ts'
import type { Column, RowShape } from './lookup.ts'
import type { LookupSettings } from './lookup-settings.ts'

/** A table as the catalog tells it, and how it is asked. */
export interface InspectedTable {
  readonly shape: RowShape
  /** `$1` ... hold the keys' parts as arrays; the rows begin with the number of the key, from 1. */
  readonly sql: string
  /** Names of the key columns' types, such as `int8`. */
  readonly keyTypes: readonly string[]
  /** Type and modifier of each result column: another answer than these means that the table was altered. */
  readonly types: readonly string[]
  /** The same text for the same table. */
  readonly fingerprint: string
}

interface CatalogColumn {
  readonly name: string
  readonly oid: string
  readonly typmod: number
  readonly type: string
  readonly kind: string
  readonly cast: string
  readonly notNull: boolean
}

const catalogSql = `
  SELECT a.attname, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END,
         coalesce(b.typname, t.typname), coalesce(b.typtype, t.typtype), format_type(a.atttypid, -1), a.attnotnull OR t.typnotnull
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

/** Asks the catalog. Throws a ConfigError for a table or column that is not there. */
export async function inspectTable(client: Client, name: readonly string[], settings: LookupSettings): Promise<InspectedTable> {
  const { choices, types, keyColumns } = settings
  const quoted = name.map(quoteIdentifier).join('.')
  const result = await client.query<string[]>({ text: catalogSql, values: [quoted], rowMode: 'array' })
  const columns = result.rows.map(([column, oid, typmod, type, kind, cast, notNull]): CatalogColumn => ({
    name: column!,
    oid: oid!,
    typmod: Number(typmod),
    type: type!,
    kind: kind!,
    cast: cast!,
    notNull: notNull === 't',
  }))
  if (columns.length === 0) {
    throw new ConfigError([
      {
        key: 'table',
        value: name.join('.'),
        message: `There is no table ${quoted}, or role "${settings.config['database.user']}" cannot see it`,
      },
    ])
  }
  const find = (wanted: string, key: string): CatalogColumn => {
    const column = columns.find((one) => one.name === wanted)
    if (column) return column
    const message = `Table ${quoted} has no column "${wanted}"; it has ${columns.map((one) => one.name).join(', ')}`
    throw new ConfigError([{ key, value: wanted, message }])
  }
  const keys = keyColumns.map((column) => find(column, 'lookup.key'))
  for (const column of types.keys()) find(column, 'types')
  const taken = choices.length > 0 ? choices : columns.map((one) => ({ from: one.name, name: one.name }))
  const chosen = taken.map(({ from, name: as }) => ({ column: find(from, 'fields'), as }))
  const made = chosen.map(({ column, as }) => columnOf(column, as, types.get(column.name)))
  const untypedOne = chosen[made.findIndex(({ schema }) => schema === null)]?.column
  const params = keys.map(({ cast }, index) => `$${index + 1}::${cast}[]`)
  const parts = keys.map((_, index) => `k${index + 1}`)
  return {
    shape: {
      columns: made,
      untyped: `column "${untypedOne?.name ?? ''}" (${untypedOne?.cast ?? ''}) needs a type: types=${untypedOne?.name ?? ''}:string, or decimal(places) for a number`,
    },
    sql:
      `SELECT q.n, ${chosen.map(({ column }) => `t.${quoteIdentifier(column.name)}`).join(', ')} ` +
      `FROM unnest(${params.join(', ')}) WITH ORDINALITY AS q(${parts.join(', ')}, n) ` +
      `JOIN ${quoted} AS t ON ${keys.map((key, index) => `t.${quoteIdentifier(key.name)} = q.k${index + 1}`).join(' AND ')}`,
    keyTypes: keys.map(({ type }) => type),
    types: chosen.map(({ column }) => `${column.oid}/${column.typmod}`),
    fingerprint: JSON.stringify([columns, made.map(({ schema }) => schemaMark(schema))]),
  }
}

function schemaMark(schema: Schema | null): string {
  return schema === null ? '' : `${schema.type}/${schema.name}/${schema.parameters?.scale}`
}

function columnOf(column: CatalogColumn, as: string, declared: Cell | undefined): Column {
  const cell = declared ?? cellOfType(column)
  return cell === undefined ? anyColumn(as) : textColumn(as, cell, !column.notNull)
}

const cellNames: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int2: 'int16',
  int4: 'int32',
  int8: 'int64',
  float4: 'float32',
  float8: 'float64',
  bytea: 'bytes',
  uuid: 'uuid',
  json: 'json',
  jsonb: 'json',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  ...Object.fromEntries(
    ['text', 'varchar', 'bpchar', 'name', 'char', 'citext', 'xml', 'inet', 'cidr', 'macaddr', 'macaddr8', 'ltree'].map((type) => [
      type,
      'string',
    ]),
  ),
}

/** undefined: no type of Connect's holds it exactly; "types" can say which one to use. */
function cellOfType({ type, kind, typmod }: CatalogColumn): Cell | undefined {
  if (kind === 'e') return cellOf('string')
  if (type === 'numeric') {
    // The scale is the lower 11 bits of what lies above VARHDRSZ, with a sign since Postgres 15.
    const scale = typmod < 4 ? -1 : (((typmod - 4) & 0x7ff) ^ 1024) - 1024
    return scale < 0 ? undefined : cellOf(`decimal(${scale})`)
  }
  const name = cellNames[type]
  return name === undefined ? undefined : cellOf(name)
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
