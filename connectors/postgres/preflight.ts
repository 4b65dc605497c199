import { ConfigError, type ConfigIssue, type Logger } from '../../core/index.ts'
import type { Captured } from './captured.ts'
import type { Catalog, CatalogTable, Query } from './catalog.ts'
import type { PostgresConfig } from './config.ts'
import { ensurePublication, publicationState, type PublicationState } from './publication.ts'
import { publicationSettings } from './source-settings.ts'

/** What is known of the server once it is fit for capturing. */
export interface Prepared {
  /** `server_version_num`: 150020 is 15.20. */
  readonly serverVersion: number
  readonly systemId: string
  readonly publication: PublicationState
  /** The tables under whose names changes arrive: partitioned tables or their leaves, as the publication has it. */
  readonly tables: readonly CatalogTable[]
  /** All tables that exist now, captured or not. */
  readonly oids: ReadonlySet<number>
  /** Stored generated columns come by the stream. */
  readonly publishesStored: boolean
}

/** Checks the server, then prepares the publication. Throws a ConfigError with all faults that were found before it changed anything. */
export async function preflight(
  config: PostgresConfig,
  query: Query,
  catalog: Catalog,
  captured: Captured,
  log: Logger,
): Promise<Prepared> {
  const { rows } = await query(
    `SELECT pg_catalog.current_setting('server_version_num')::int AS version, pg_catalog.current_setting('wal_level') AS wal_level,
            (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_id`,
  )
  const serverVersion = Number(rows[0]!.version)
  const systemId = String(rows[0]!.system_id)
  const all = await catalog.tables()
  const named = all.filter((table) => captured.table(table.schema, table.name))
  const issues: ConfigIssue[] = []
  if (rows[0]!.wal_level !== 'logical') {
    issues.push({
      key: 'database.hostname',
      message: `The server's wal_level is ${String(rows[0]!.wal_level)}; it must be logical: ALTER SYSTEM SET wal_level = logical, and restart the server`,
    })
  }
  if (issues.length > 0) throw new ConfigError(issues)
  const wish = publicationSettings(
    config,
    named.some((table) => table.kind === 'partitioned'),
  )
  const present = await publicationState(query, wish.name)
  const tables = streamedTables(named, present?.viaRoot ?? wish.viaRoot)
  const publication = await ensurePublication(query, wish, tables, log)
  return { serverVersion, systemId, publication, tables, oids: new Set(all.map(({ oid }) => oid)), publishesStored: false }
}

/** With publish_via_partition_root changes come under the root's name, without it under the leaf's. */
function streamedTables(named: readonly CatalogTable[], viaRoot: boolean): readonly CatalogTable[] {
  return viaRoot ? named.filter((table) => table.partitionRoot === 0) : named.filter((table) => table.kind === 'table')
}
