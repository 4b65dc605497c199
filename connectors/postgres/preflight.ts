import { ConfigError, type ConfigIssue, type Logger } from '../../core/index.ts'
import { capturedBy, connectionSettings } from './source-settings.ts'
import type { Captured } from './captured.ts'
import { Catalog, type CatalogTable, type Query } from './catalog.ts'
import type { PostgresConfig } from './config.ts'
import { familyIssues } from './config-unsupported.ts'
import { connectIssue } from './explain.ts'
import { inspect, type Inspection } from './inspection.ts'
import type { Lsn } from './lsn.ts'
import { ensurePublication, isPublished, type PublicationState } from './publication.ts'
import { QueryConnection } from './query-connection.ts'
import { hasIdentity, identityChange, identityFix, parseIdentities } from './replica-identity.ts'
import { errorCode } from './server-error.ts'
import type { SlotState } from './slot.ts'

/** What is known of the server once it is fit for capturing. */
export interface Prepared {
  /** `server_version_num`: 150020 is 15.20. */
  readonly serverVersion: number
  readonly systemId: string
  readonly logEnd: Lsn
  readonly publication: PublicationState
  readonly slot: SlotState | undefined
  /** The tables under whose names changes arrive: partitioned tables or their leaves, as the publication has it. */
  readonly tables: readonly CatalogTable[]
  /** All tables that exist now, captured or not. */
  readonly oids: ReadonlySet<number>
}

/**
 * Checks the server; then, if there was nothing to object to, sets replica identities that the config asks for and creates or extends the
 * publication. Throws a ConfigError with all faults, before anything was changed.
 */
export async function preflight(
  config: PostgresConfig,
  query: Query,
  catalog: Catalog,
  captured: Captured,
  log: Logger,
): Promise<Prepared> {
  const found = await inspect(config, query, catalog, captured)
  if (found.issues.length > 0) throw new ConfigError(found.issues)
  if (found.encoding === 'SQL_ASCII') {
    log.warn(
      { encoding: found.encoding },
      'The database does not know the encoding of its texts: bytes that are not UTF-8 come out as replacement characters',
    )
  }
  await setIdentities(config, query, found, log)
  const publication = await published(query, found, log)
  warnOfPublication(found, publication, log)
  warnOfIdentities(config, found, publication, log)
  const { serverVersion, systemId, logEnd, slot, all } = found
  const tables = found.wish.mode === 'no_tables' ? withoutUnpublished(found.tables, publication, log) : found.tables
  return { serverVersion, systemId, logEnd, publication, slot, tables, oids: new Set(all.map(({ oid }) => oid)) }
}

/** Connects and inspects, for the validation of a config: all faults, each at the key that is to blame. Changes nothing. */
export async function validate(config: PostgresConfig, given: Readonly<Record<string, string>> = {}): Promise<readonly ConfigIssue[]> {
  const families = familyIssues(given)
  if (families.length > 0) return families
  const settings = { ...connectionSettings(config, 'validation'), connectTimeoutMs: Math.min(config['connection.timeout.ms'], 5_000) }
  await using queries = new QueryConnection(settings)
  try {
    await queries.query('SET statement_timeout = 5000')
    return (await inspect(config, queries.query, new Catalog(queries.query), capturedBy(config))).issues
  } catch (error) {
    const issue = connectIssue(error, settings)
    return [
      issue ?? {
        key: 'database.hostname',
        value: settings.host,
        message: `The database could not be checked: ${error instanceof Error ? error.message : String(error)}`,
      },
    ]
  }
}

async function setIdentities(config: PostgresConfig, query: Query, found: Inspection, log: Logger): Promise<void> {
  const wish = parseIdentities(config['replica.identity.autoset.values'])
  for (const table of found.all) {
    const clause = found.tables.includes(table) ? wish(table) : undefined
    const statement = clause === undefined ? undefined : identityChange(table, clause)
    if (statement === undefined) continue
    await query(statement)
    log.info({ table: `${table.schema}.${table.name}`, identity: clause }, 'Replica identity set')
  }
}

async function published(query: Query, found: Inspection, log: Logger): Promise<PublicationState> {
  try {
    return await ensurePublication(query, found.wish, found.tables, log)
  } catch (error) {
    if (errorCode(error) !== '42501') throw error
    const text = error instanceof Error ? error.message : String(error)
    const way =
      found.wish.mode === 'all_tables'
        ? 'Only a superuser may publish all tables: set publication.autocreate.mode=filtered, or let one create it'
        : 'Only the owner of the tables may publish them: let the owner create the publication'
    throw new ConfigError(
      [
        {
          key: 'publication.autocreate.mode',
          value: found.wish.mode,
          message: `The publication "${found.wish.name}" cannot be made: ${text}. ${way}`,
        },
      ],
      {
        cause: error,
      },
    )
  }
}

/** A publication that a person fills later: its tables are read when their first change comes. */
function withoutUnpublished(tables: readonly CatalogTable[], publication: PublicationState, log: Logger): readonly CatalogTable[] {
  const missing = tables.filter((table) => !isPublished(publication, table)).map(({ schema, name }) => `${schema}.${name}`)
  if (missing.length > 0)
    log.warn({ tables: missing }, 'These tables are not in the publication; they are captured once they are added to it')
  return tables.filter((table) => isPublished(publication, table))
}

/** A publication that somebody else made may have tables on which the application's own UPDATE and DELETE fail: we only say so. */
function warnOfIdentities(config: PostgresConfig, found: Inspection, state: PublicationState, log: Logger): void {
  if (!state.operations.update && !state.operations.delete) return
  const wish = parseIdentities(config['replica.identity.autoset.values'])
  const leaves = new Set(found.tables.filter((table) => isPublished(state, table)).flatMap((table) => table.leaves.map(({ oid }) => oid)))
  const without = found.all.filter(
    (table) => leaves.has(table.oid) && !hasIdentity(table, found.tables.includes(table) ? wish(table) : undefined),
  )
  if (without.length === 0) return
  const tables = without.map(({ schema, name }) => `${schema}.${name}`)
  log.warn(
    { publication: found.wish.name, tables },
    `UPDATE and DELETE fail on ${tables.join(', ')}: the publication "${found.wish.name}" publishes them, and the tables have no primary key or replica identity. ` +
      `Run ${without.map(identityFix).join('; ')}`,
  )
}

function warnOfPublication({ wish }: Inspection, state: PublicationState, log: Logger): void {
  const missing = Object.entries(state.operations).flatMap(([operation, on]) => (on ? [] : [operation]))
  if (missing.length > 0)
    log.warn({ publication: wish.name, missing }, 'The publication leaves out operations: their changes are never seen')
  if (state.partial.length > 0) {
    log.warn(
      { publication: wish.name, tables: state.partial },
      'The publication has row filters or column lists: a snapshot reads these tables whole, the stream only what is published',
    )
  }
}
