import { ConfigError, type Logger } from '../../core/index.ts'
import type { CatalogTable, Query } from './catalog.ts'
import { quoteIdentifier, quoteTable } from './connection.ts'

export interface PublicationSettings {
  readonly name: string
  /** Debezium's `publication.autocreate.mode`. */
  readonly mode: 'all_tables' | 'filtered' | 'disabled' | 'no_tables'
  /** `publish.via.partition.root`, for a publication that we make. */
  readonly viaRoot: boolean
}

export interface PublicationState {
  readonly allTables: boolean
  readonly viaRoot: boolean
  readonly operations: { readonly insert: boolean; readonly update: boolean; readonly delete: boolean; readonly truncate: boolean }
  /** OIDs of the tables in it, as pgoutput publishes them (leaves, or roots with publish_via_partition_root). */
  readonly tables: ReadonlySet<number>
  /** Tables with a row filter or a column list (PostgreSQL 15 and later). */
  readonly partial: readonly string[]
  /** Stored generated columns are published (PostgreSQL 18 and later). */
  readonly storedColumns: boolean
}

/** The publication's state; undefined: there is none of this name. */
export async function publicationState(query: Query, name: string): Promise<PublicationState | undefined> {
  // Columns that came with later versions are read through JSON, as naming a missing one is an error.
  const { rows } = await query(
    `SELECT pg_catalog.to_jsonb(p) ->> 'pubgencols' AS generated,
            ARRAY(SELECT r.prrelid::pg_catalog.regclass::text FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid
               AND (pg_catalog.to_jsonb(r) ->> 'prqual' IS NOT NULL OR pg_catalog.to_jsonb(r) ->> 'prattrs' IS NOT NULL)) AS partial,
            p.puballtables, p.pubviaroot, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
            ARRAY(SELECT t.relid::int8 FROM pg_catalog.pg_get_publication_tables(p.pubname) t) AS tables
       FROM pg_catalog.pg_publication p WHERE p.pubname = $1`,
    [name],
  )
  const row = rows[0]
  if (!row) return undefined
  return {
    allTables: row.puballtables === true,
    viaRoot: row.pubviaroot === true,
    operations: {
      insert: row.pubinsert === true,
      update: row.pubupdate === true,
      delete: row.pubdelete === true,
      truncate: row.pubtruncate === true,
    },
    tables: new Set((row.tables as readonly unknown[]).map(Number)),
    partial: row.partial as readonly string[],
    storedColumns: row.generated === 's',
  }
}

/**
 * Creates the publication, or adds the captured tables that it lacks (mode `filtered`; tables that are no longer captured stay in it, as
 * taking them out would lose changes for good if they come back). Must run before the slot is created: PostgreSQL 15 can never stream from
 * a slot that is older than its publication. Throws a ConfigError where the publication is not what the mode asks for.
 */
export async function ensurePublication(
  query: Query,
  settings: PublicationSettings,
  captured: readonly CatalogTable[],
  log: Logger,
): Promise<PublicationState> {
  const quoted = quoteIdentifier(settings.name)
  const state = await publicationState(query, settings.name)
  if (state === undefined) {
    const scope = creationScope(settings, captured)
    const root = settings.viaRoot ? ' WITH (publish_via_partition_root = true)' : ''
    await query(`CREATE PUBLICATION ${quoted}${scope}${root}`)
    await query(`COMMENT ON PUBLICATION ${quoted} IS '${publicationMark}'`)
    log.info({ publication: settings.name, mode: settings.mode }, 'Publication created')
  } else if (!state.allTables && settings.mode === 'filtered') {
    const missing = captured.filter((table) => !isPublished(state, table))
    if (missing.length > 0) {
      await query(`ALTER PUBLICATION ${quoted} ADD TABLE ONLY ${missing.map(quoteTable).join(', ONLY ')}`)
      log.info(
        { publication: settings.name, tables: missing.map((table) => `${table.schema}.${table.name}`) },
        'Tables added to the publication',
      )
    }
  }
  const now = await publicationState(query, settings.name)
  const missing = now === undefined ? captured : captured.filter((table) => !isPublished(now, table))
  if (now === undefined || (missing.length > 0 && settings.mode !== 'no_tables')) {
    const names = missing.map((table) => `${table.schema}.${table.name}`).join(', ')
    throw new ConfigError([
      {
        key: 'publication.name',
        value: settings.name,
        message:
          `The publication "${settings.name}" does not contain the captured tables ${names}, and publication.autocreate.mode=${settings.mode} does not add them: ` +
          `ALTER PUBLICATION ${quoted} ADD TABLE ${missing.map(quoteTable).join(', ')}; or take them out of table.include.list`,
      },
    ])
  }
  return now
}

/** Comment on publications that Millrace made: only those are dropped with the connector. */
export const publicationMark = 'created by Millrace'

/**
 * Drops the publication if Millrace made it and no slot of the database can depend on it: another connector may read by it too, and could
 * never go on without it. False: it stays, or there is none.
 */
export async function dropOwnPublication(query: Query, name: string): Promise<boolean> {
  const { rows } = await query(
    `SELECT 1 FROM pg_catalog.pg_publication p WHERE p.pubname = $1 AND pg_catalog.obj_description(p.oid, 'pg_publication') = $2
        AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_replication_slots s WHERE s.plugin = 'pgoutput' AND s.database = pg_catalog.current_database())`,
    [name, publicationMark],
  )
  if (rows.length === 0) return false
  await query(`DROP PUBLICATION ${quoteIdentifier(name)}`)
  return true
}

/** A partitioned table is published as itself or by all of its leaves. */
export function isPublished(state: PublicationState, table: CatalogTable): boolean {
  return state.tables.has(table.oid) || (table.leaves.length > 0 && table.leaves.every((leaf) => state.tables.has(leaf.oid)))
}

function creationScope(settings: PublicationSettings, captured: readonly CatalogTable[]): string {
  switch (settings.mode) {
    case 'all_tables':
      return ' FOR ALL TABLES'
    case 'filtered':
      return ` FOR TABLE ONLY ${captured.map(quoteTable).join(', ONLY ')}`
    case 'no_tables':
      return ''
    case 'disabled':
      throw new ConfigError([
        {
          key: 'publication.name',
          value: settings.name,
          message:
            `The publication "${settings.name}" does not exist and publication.autocreate.mode=disabled forbids to make it: ` +
            `CREATE PUBLICATION ${quoteIdentifier(settings.name)} FOR TABLE ${captured.map(quoteTable).join(', ')}`,
        },
      ])
    default:
      return settings.mode satisfies never
  }
}
