import { DataError } from '../../core/index.ts'
import type { Relation } from './tuple.ts'

/** Runs one statement on an ordinary connection; rows come as objects with text or parsed values as `pg` gives them. */
export type Query = (sql: string, params?: unknown[]) => Promise<{ readonly rows: readonly Record<string, unknown>[] }>

/** A data type as the catalog describes it. */
export interface PgType {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: 'base' | 'composite' | 'domain' | 'enum' | 'multirange' | 'pseudo' | 'range'
  /** Of an array: its element type; else 0. */
  readonly elementOid: number
  /** Between the items of an array of this type: `,` (`;` for box). */
  readonly delimiter: string
  /** Of an enum: its labels in their order. */
  readonly labels: readonly string[]
  /** Of a domain: the type below it and its modifier; else 0 and -1. */
  readonly domainBase: number
  readonly domainModifier: number
  /** Of a domain over an array: its dimensions. */
  readonly dimensions: number
  /** The extension that owns the type; null: none. */
  readonly extension: string | null
}

export interface CatalogColumn {
  readonly name: string
  readonly typeOid: number
  readonly typeModifier: number
  readonly notNull: boolean
  /** Text of the default expression; null: none. */
  readonly defaultExpression: string | null
  readonly generated: 'stored' | 'virtual' | null
  readonly identity: boolean
  /** Declared dimensions of an array (`int[][]`: 2); Postgres does not enforce them. */
  readonly dimensions: number
  /** Text of the value that rows from before the column have in it (`attmissingval`); several: the partitions differ; empty: none has one. */
  readonly missing: readonly string[]
}

export interface CatalogTable {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'partitioned'
  readonly replicaIdentity: Relation['replicaIdentity']
  readonly columns: readonly CatalogColumn[]
  /** Columns of the primary key in index order; empty: none. */
  readonly primaryKey: readonly string[]
  /** Columns of the index chosen by REPLICA IDENTITY USING INDEX; empty: none. */
  readonly replicaIndex: readonly string[]
  /** Columns of the first unique index that names a row as a key would (all NOT NULL, no expression, no predicate); empty: none. */
  readonly uniqueKey: readonly string[]
  /** By the statistics, leaves included; null: never analysed. */
  readonly estimatedRows: number | null
  /** Blocks now, leaves included. */
  readonly pages: number
  /** OID of the table that this one is a partition of; 0: none. */
  readonly partitionOf: number
  /** OID of the topmost partitioned table; 0: not a partition. */
  readonly partitionRoot: number
  /** Leaf tables to read for the content: the table itself, or the leaves of a partitioned one. */
  readonly leaves: readonly Leaf[]
}

export interface Leaf {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** Blocks now: the bound of ctid ranges. */
  readonly pages: number
}

/** Types and tables of one database, read over the given connection. */
export class Catalog {
  readonly #query: Query
  readonly #types = new Map<number, PgType>()
  #outdated = false

  constructor(query: Query) {
    this.#query = query
  }

  /** Forgets cached types and all they are built on, so that a new enum label is seen (call it when a RELATION or TYPE message comes). */
  forgetTypes(oids: readonly number[]): void {
    for (const oid of oids) {
      const type = this.#types.get(oid)
      this.#types.delete(oid)
      if (type !== undefined) this.forgetTypes([type.elementOid, type.domainBase])
    }
  }

  /** A value was met that its type, as it was loaded, does not have: a new enum label. */
  noteUnknownLabel(): void {
    this.#outdated = true
  }

  /** True once after `noteUnknownLabel`: the types of the table in hand want to be loaded again. */
  takeOutdated(): boolean {
    const outdated = this.#outdated
    this.#outdated = false
    return outdated
  }

  /** Loads the types and all they are built on. Cheap when they are known. */
  async ensureTypes(oids: readonly number[]): Promise<void> {
    let wanted = [...new Set(oids)].filter((oid) => !this.#types.has(oid))
    while (wanted.length > 0) {
      const { rows } = await this.#query(typeQuery, [wanted])
      for (const row of rows) this.#types.set(Number(row.oid), toType(row))
      const missing = wanted.filter((oid) => !this.#types.has(oid))
      if (missing.length > 0) throw new DataError(`The catalog of the database knows no type with OID ${missing.join(', ')}`)
      const parts = wanted.flatMap((oid) => [this.#types.get(oid)!.elementOid, this.#types.get(oid)!.domainBase])
      wanted = [...new Set(parts)].filter((oid) => oid !== 0 && !this.#types.has(oid))
    }
  }

  /** A type that `ensureTypes` loaded; undefined: not loaded. */
  type(oid: number): PgType | undefined {
    return this.#types.get(oid)
  }

  /** Ordinary and partitioned tables outside the system schemas, by schema and name. */
  async tables(): Promise<readonly CatalogTable[]> {
    const { rows } = await this.#query(tableQuery(''), [])
    return rows.map(toTable)
  }

  /** One table as it is now; undefined: dropped. */
  async table(oid: number): Promise<CatalogTable | undefined> {
    const { rows } = await this.#query(tableQuery('AND c.oid = $1'), [oid])
    return rows.map(toTable)[0]
  }
}

/**
 * The relation that a snapshot reads: the columns that the stream carries, in the table's order. Generated columns are left out, as
 * pgoutput below PostgreSQL 18 does not carry them; `withStored` takes the stored ones in (publish_generated_columns = stored).
 */
export function relationOf(table: CatalogTable, withStored = false): Relation {
  const identity = new Set(identityColumns(table))
  return {
    oid: table.oid,
    schema: table.schema,
    name: table.name,
    replicaIdentity: table.replicaIdentity,
    columns: table.columns
      .filter((column) => column.generated === null || (withStored && column.generated === 'stored'))
      .map((column) => ({
        name: column.name,
        typeOid: column.typeOid,
        typeModifier: column.typeModifier,
        identity: table.replicaIdentity === 'full' || identity.has(column.name),
      })),
  }
}

function identityColumns(table: CatalogTable): readonly string[] {
  switch (table.replicaIdentity) {
    case 'default':
      return table.primaryKey
    case 'index':
      return table.replicaIndex
    case 'full':
    case 'nothing':
      return []
    default:
      return table.replicaIdentity satisfies never
  }
}

const typeQuery = `
SELECT t.oid::int8 AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind, t.typcategory AS category, t.typdelim AS delimiter,
       (CASE WHEN t.typcategory = 'A' AND t.typname NOT IN ('int2vector', 'oidvector') THEN t.typelem ELSE 0 END)::int8 AS element,
       t.typbasetype::int8 AS base, t.typtypmod AS modifier, t.typndims AS dimensions,
       COALESCE((SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '[]') AS labels,
       (SELECT x.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
         WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e' LIMIT 1) AS extension
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
 WHERE t.oid = ANY($1::pg_catalog.oid[])`

const keyColumns = (indexes: string) => `
  COALESCE((SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
     FROM (${indexes}) i, LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE k.place <= i.indnkeyatts), '[]')`

const uniqueIndex = `SELECT x.* FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indimmediate
  AND x.indpred IS NULL AND x.indexprs IS NULL AND NOT x.indisprimary
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.unnest(x.indkey::int2[]) WITH ORDINALITY AS u(attnum, place)
    JOIN pg_catalog.pg_attribute b ON b.attrelid = c.oid AND b.attnum = u.attnum WHERE u.place <= x.indnkeyatts AND NOT b.attnotnull)
  ORDER BY x.indexrelid LIMIT 1`

const leafQuery = `
  SELECT l.oid, ln.nspname, l.relname, l.reltuples,
         pg_catalog.pg_relation_size(l.oid) / pg_catalog.current_setting('block_size')::int8 AS pages
    FROM pg_catalog.pg_partition_tree(c.oid) p JOIN pg_catalog.pg_class l ON l.oid = p.relid JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace
   WHERE p.isleaf AND l.relkind = 'r' AND c.relkind = 'p'
  UNION ALL
  SELECT c.oid, n.nspname, c.relname, c.reltuples, pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8 WHERE c.relkind = 'r'`

/** The text of `attmissingval`'s only item, by its type's output function: a cast by way of text[] would cut a box at its commas. */
const missingText = (attribute: string) => `pg_catalog.array_to_string(${attribute}.attmissingval, '')`

/** Postgres keeps the missing value with the tables that hold rows: those below a partitioned one. */
const missingTexts = `
  CASE WHEN a.atthasmissing THEN pg_catalog.json_build_array(${missingText('a')})
       WHEN c.relkind = 'p' THEN (SELECT pg_catalog.json_agg(DISTINCT ${missingText('b')})
         FROM pg_catalog.pg_partition_tree(c.oid) p JOIN pg_catalog.pg_attribute b ON b.attrelid = p.relid
        WHERE b.attname = a.attname AND b.attnum > 0 AND NOT b.attisdropped AND b.atthasmissing) END`

const tableQuery = (filter: string) => `
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relreplident AS identity,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, 'typeOid', a.atttypid::int8, 'typeModifier', a.atttypmod,
      'notNull', a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), 'default', CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
      'generated', a.attgenerated, 'identity', a.attidentity <> '', 'dimensions', a.attndims, 'missing', ${missingTexts}) ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  ${keyColumns('SELECT x.* FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisprimary')} AS primary_key,
  ${keyColumns('SELECT x.* FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisreplident')} AS replica_index,
  ${keyColumns(uniqueIndex)} AS unique_key,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', l.oid::int8, 'schema', l.nspname, 'name', l.relname, 'pages', l.pages, 'rows', l.reltuples) ORDER BY l.oid)
     FROM (${leafQuery}) l) AS leaves,
  COALESCE((SELECT i.inhparent::int8 FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition LIMIT 1), 0) AS parent,
  CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid::int8 ELSE 0 END AS root
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ${filter}
 ORDER BY n.nspname, c.relname`

const kinds: Readonly<Record<string, PgType['kind']>> = {
  b: 'base',
  c: 'composite',
  d: 'domain',
  e: 'enum',
  m: 'multirange',
  p: 'pseudo',
  r: 'range',
}

function toType(row: Record<string, unknown>): PgType {
  return {
    oid: Number(row.oid),
    schema: String(row.schema),
    name: String(row.name),
    kind: kinds[String(row.kind)] ?? 'base',
    elementOid: Number(row.element),
    delimiter: String(row.delimiter),
    labels: parsed(row.labels) as readonly string[],
    domainBase: Number(row.base),
    domainModifier: Number(row.modifier),
    dimensions: Number(row.dimensions),
    extension: row.extension === null ? null : String(row.extension),
  }
}

const identities: Readonly<Record<string, Relation['replicaIdentity']>> = { d: 'default', n: 'nothing', f: 'full', i: 'index' }

function toTable(row: Record<string, unknown>): CatalogTable {
  const columns = (parsed(row.columns) ?? []) as readonly (Omit<CatalogColumn, 'defaultExpression' | 'generated' | 'missing'> & {
    default: string | null
    missing: readonly string[] | null
    generated: string
  })[]
  const leaves = (parsed(row.leaves) ?? []) as readonly (Leaf & { rows: number })[]
  const rows = leaves.reduce((sum, leaf) => sum + leaf.rows, 0)
  return {
    oid: Number(row.oid),
    schema: String(row.schema),
    name: String(row.name),
    kind: row.kind === 'p' ? 'partitioned' : 'table',
    replicaIdentity: identities[String(row.identity)] ?? 'default',
    columns: columns.map((column) => ({
      name: column.name,
      typeOid: column.typeOid,
      typeModifier: column.typeModifier,
      notNull: column.notNull,
      defaultExpression: column.default,
      generated: column.generated === 's' ? 'stored' : column.generated === 'v' ? 'virtual' : null,
      identity: column.identity,
      dimensions: column.dimensions,
      missing: column.missing ?? [],
    })),
    primaryKey: parsed(row.primary_key) as readonly string[],
    replicaIndex: parsed(row.replica_index) as readonly string[],
    uniqueKey: parsed(row.unique_key) as readonly string[],
    estimatedRows: leaves.some((leaf) => leaf.rows < 0) ? null : Math.round(rows),
    pages: leaves.reduce((sum, leaf) => sum + leaf.pages, 0),
    partitionOf: Number(row.parent),
    partitionRoot: Number(row.root),
    leaves: leaves.map(({ oid, schema, name, pages }) => ({ oid, schema, name, pages })),
  }
}

/** json columns come parsed from `pg` and as text from a connection without type parsers. */
function parsed(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value
}
