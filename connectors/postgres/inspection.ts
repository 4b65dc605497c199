import type { ConfigIssue } from '../../core/index.ts'
import type { Captured } from './captured.ts'
import type { Catalog, CatalogTable, Query } from './catalog.ts'
import type { PostgresConfig } from './config.ts'
import { quoteIdentifier, quoteTable } from './connection.ts'
import { parseLsn, type Lsn } from './lsn.ts'
import { publicationState, isPublished, type PublicationSettings, type PublicationState } from './publication.ts'
import { publicationIssues } from './publication-rights.ts'
import { hasIdentity, identityFix, parseIdentities } from './replica-identity.ts'
import { errorCode } from './server-error.ts'
import { slotState, type SlotState } from './slot.ts'
import { publicationSettings } from './source-settings.ts'
import { TopicOwners } from './topic-clash.ts'

/** What was found on the server, and what is wrong with it. Nothing was changed. */
export interface Inspection {
  /** `server_version_num`: 150020 is 15.20. */
  readonly serverVersion: number
  /** Identifies the cluster; '': the role may not ask. */
  readonly systemId: string
  /** Of the database's texts. */
  readonly encoding: string
  /** Where the server's log ends now. */
  readonly logEnd: Lsn
  readonly slot: SlotState | undefined
  readonly publication: PublicationState | undefined
  /** The publication that the config asks for, if there is none yet. */
  readonly wish: PublicationSettings
  /** All tables that exist. */
  readonly all: readonly CatalogTable[]
  /** Tables under whose names changes arrive: partitioned tables or their leaves, as the publication has it. */
  readonly tables: readonly CatalogTable[]
  /** With the way out in every sentence. */
  readonly issues: readonly ConfigIssue[]
}

/** Names shown where a list could be long. */
const namesMax = 20

/** Reads all that capturing depends on: versions, settings, privileges, slots, tables, replica identities, publication. */
export async function inspect(config: PostgresConfig, query: Query, catalog: Catalog, captured: Captured): Promise<Inspection> {
  const { rows } = await query(serverQuery)
  const server = rows[0]!
  const serverVersion = Number(server.version)
  const all = serverVersion >= 130000 ? await catalog.tables() : []
  const named = all.filter((table) => captured.table(table.schema, table.name))
  const wish = publicationSettings(
    config,
    named.some((table) => table.kind === 'partitioned'),
  )
  const publication = await publicationState(query, wish.name)
  const slot = await slotState(query, config['slot.name'], serverVersion)
  const viaRoot = publication?.viaRoot ?? wish.viaRoot
  const tables = viaRoot ? named.filter((table) => table.partitionRoot === 0) : named.filter((table) => table.kind === 'table')
  const issues = [
    ...serverIssues(server, serverVersion),
    ...slotIssues(config, slot, server),
    ...tableIssues(config, named, all),
    ...topicIssues(config, tables),
    ...partitionIssues(named, viaRoot, wish.name, publication),
    ...identityIssues(config, wish, publication, tables, all),
    ...(await privilegeIssues(config, query, tables)),
    ...(named.length > 0 ? await publicationIssues(query, wish, publication, tables) : []),
  ]
  return {
    serverVersion,
    systemId: await systemIdentifier(query),
    encoding: String(server.encoding),
    logEnd: parseLsn(String(server.log_end)),
    slot,
    publication,
    wish,
    all,
    tables,
    issues,
  }
}

const serverQuery = `
SELECT pg_catalog.current_setting('server_version_num')::int AS version, pg_catalog.current_setting('wal_level') AS wal_level,
       pg_catalog.current_setting('server_encoding') AS encoding,
       (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_flush_lsn() END)::text AS log_end,
       current_user::text AS user, pg_catalog.current_database()::text AS database,
       pg_catalog.current_setting('max_replication_slots')::int AS slots_max, (SELECT count(*)::int FROM pg_catalog.pg_replication_slots) AS slots,
       pg_catalog.current_setting('max_wal_senders')::int AS senders_max,
       (SELECT r.rolsuper OR r.rolreplication FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
         OR COALESCE((SELECT pg_catalog.pg_has_role(r.oid, 'USAGE') FROM pg_catalog.pg_roles r WHERE r.rolname = 'rds_replication'), false) AS replicates`

async function systemIdentifier(query: Query): Promise<string> {
  try {
    const { rows } = await query('SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()')
    return String(rows[0]!.id)
  } catch (error) {
    // Some hosts take the right to ask away; the replication connection compares it then.
    if (errorCode(error) === '42501') return ''
    throw error
  }
}

function serverIssues(server: Readonly<Record<string, unknown>>, version: number): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = []
  if (version < 130000)
    issues.push({ key: 'database.hostname', message: `The server is PostgreSQL ${version / 10000}; 13 or later is needed` })
  if (server.wal_level !== 'logical') {
    const level = String(server.wal_level)
    issues.push({
      key: 'database.hostname',
      message: `The server's wal_level is ${level}; it must be logical: ALTER SYSTEM SET wal_level = logical, and restart the server (in the cloud: rds.logical_replication=1, cloudsql.logical_decoding=on)`,
    })
  }
  if (server.replicates !== true) {
    const user = String(server.user)
    issues.push({
      key: 'database.user',
      value: user,
      message: `The user "${user}" may not replicate: ALTER ROLE ${quoteIdentifier(user)} REPLICATION (on RDS: GRANT rds_replication TO ${quoteIdentifier(user)})`,
    })
  }
  return issues
}

function slotIssues(
  config: PostgresConfig,
  slot: SlotState | undefined,
  server: Readonly<Record<string, unknown>>,
): readonly ConfigIssue[] {
  const name = config['slot.name']
  if (slot === undefined) {
    if (Number(server.slots) < Number(server.slots_max) && Number(server.senders_max) > 0) return []
    const message =
      `All ${String(server.slots_max)} replication slots of the server are taken: drop one that nobody needs (SELECT slot_name, active FROM pg_replication_slots; ` +
      'SELECT pg_drop_replication_slot(name)), or raise max_replication_slots and max_wal_senders and restart it'
    return [{ key: 'slot.name', value: name, message }]
  }
  if (slot.plugin !== 'pgoutput') {
    const kind = slot.plugin === null ? 'a physical slot' : `a slot of the plug-in ${slot.plugin}`
    return [{ key: 'slot.name', value: name, message: `"${name}" is ${kind}, not of pgoutput: choose another slot.name` }]
  }
  if (slot.database !== server.database) {
    return [
      {
        key: 'slot.name',
        value: name,
        message: `The slot "${name}" belongs to the database "${slot.database ?? ''}": choose another slot.name`,
      },
    ]
  }
  return []
}

function tableIssues(config: PostgresConfig, named: readonly CatalogTable[], all: readonly CatalogTable[]): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = []
  for (const what of ['schema', 'table', 'column', 'message.prefix'] as const) {
    if (config[`${what}.include.list`].length > 0 && config[`${what}.exclude.list`].length > 0) {
      issues.push({
        key: `${what}.exclude.list`,
        message: `${what}.include.list and ${what}.exclude.list are both given; only one of them may be`,
      })
    }
  }
  if (named.length > 0) return issues
  const filters = (['table.include.list', 'schema.include.list', 'table.exclude.list', 'schema.exclude.list'] as const).filter(
    (key) => config[key].length > 0,
  )
  const key = filters[0]
  if (key !== undefined) {
    const existing =
      all.length === 0 ? 'the database has no tables' : `the database has ${list(all.map(({ schema, name }) => `${schema}.${name}`))}`
    issues.push({ key, value: config[key].join(','), message: `No table matches ${filters.join(' and ')}: ${existing}` })
  } else if (config['publication.autocreate.mode'].toLowerCase() === 'filtered') {
    const message =
      'The database has no tables that the user can see, so a filtered publication would be empty: create the tables first, or use publication.autocreate.mode=all_tables'
    issues.push({ key: 'publication.autocreate.mode', value: 'filtered', message })
  }
  return issues
}

function topicIssues(config: PostgresConfig, tables: readonly CatalogTable[]): readonly ConfigIssue[] {
  const owners = new TopicOwners({ prefix: config['topic.prefix'], delimiter: config['topic.delimiter'] })
  return tables.map((table) => owners.take(table)).filter((issue) => issue !== undefined)
}

function partitionIssues(
  named: readonly CatalogTable[],
  viaRoot: boolean,
  publication: string,
  state: PublicationState | undefined,
): readonly ConfigIssue[] {
  const oids = new Set(named.map(({ oid }) => oid))
  const quoted = quoteIdentifier(publication)
  if (viaRoot) {
    const orphans = named.filter((table) => table.partitionRoot !== 0 && !oids.has(table.partitionRoot))
    if (orphans.length === 0) return []
    const message =
      `The changes of the partitions ${list(orphans.map(nameOf))} come under the name of their partitioned table, which is not captured: ` +
      `capture that one, or ${state === undefined ? 'set publish.via.partition.root=false' : `ALTER PUBLICATION ${quoted} SET (publish_via_partition_root = false)`}`
    return [{ key: 'table.include.list', message }]
  }
  const hidden = named.filter((table) => table.kind === 'partitioned' && !table.leaves.every((leaf) => oids.has(leaf.oid)))
  if (hidden.length === 0) return []
  const message =
    `The changes of the partitioned tables ${list(hidden.map(nameOf))} come under the names of their partitions, which are not captured: ` +
    `${state === undefined ? 'set publish.via.partition.root=true' : `ALTER PUBLICATION ${quoted} SET (publish_via_partition_root = true)`}, or capture the partitions`
  return [{ key: 'table.include.list', message }]
}

/** Publishing a table without replica identity makes the application's own UPDATE and DELETE fail, so we do not start to. */
function identityIssues(
  config: PostgresConfig,
  wish: PublicationSettings,
  state: PublicationState | undefined,
  tables: readonly CatalogTable[],
  all: readonly CatalogTable[],
): readonly ConfigIssue[] {
  if (wish.mode === 'disabled' || wish.mode === 'no_tables' || state?.allTables) return []
  if (state !== undefined && !state.operations.update && !state.operations.delete) return []
  const identity = parseIdentities(config['replica.identity.autoset.values'])
  const everything = state === undefined && wish.mode === 'all_tables'
  const published = everything
    ? all.filter((table) => table.kind === 'table')
    : tables.filter((table) => state === undefined || !isPublished(state, table))
  const without = published.filter((table) => !hasIdentity(table, identity(table)))
  if (without.length === 0) return []
  const oids = new Set(tables.flatMap((table) => [table.oid, ...table.leaves.map((leaf) => leaf.oid)]))
  const ours = without.filter(({ oid }) => oids.has(oid))
  const others = without.filter(({ oid }) => !oids.has(oid))
  const issues: ConfigIssue[] = []
  if (ours.length > 0) {
    const message =
      `UPDATE and DELETE would start to fail on ${list(ours.map(nameOf))}: published tables need a primary key or a replica identity. ` +
      `Run ${ours.slice(0, namesMax).map(identityFix).join('; ')}; or set replica.identity.autoset.values=${ours
        .slice(0, namesMax)
        .map((table) => `${nameOf(table)}:FULL`)
        .join(',')}; or leave them out of table.include.list`
    issues.push({ key: everything ? 'publication.autocreate.mode' : 'table.include.list', message })
  }
  if (others.length > 0) {
    const message =
      `A publication of all tables would make UPDATE and DELETE fail on tables that are not even captured: ${list(others.map(nameOf))} have no replica identity. ` +
      'Set publication.autocreate.mode=filtered'
    issues.push({ key: 'publication.autocreate.mode', value: wish.mode, message })
  }
  return issues
}

async function privilegeIssues(config: PostgresConfig, query: Query, tables: readonly CatalogTable[]): Promise<readonly ConfigIssue[]> {
  const leaves = tables.flatMap((table) => table.leaves)
  if (leaves.length === 0) return []
  const { rows } = await query(
    `SELECT c.oid::int8 AS oid, n.nspname AS schema, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usage,
            pg_catalog.has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')) AS readable,
            current_user::text AS user
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY($1::pg_catalog.oid[])`,
    [leaves.map(({ oid }) => oid)],
  )
  const mode = config['snapshot.mode'].toLowerCase()
  if (mode === 'no_data' || mode === 'never') return []
  const closed = new Set(rows.filter((row) => row.usage !== true || row.readable !== true).map((row) => Number(row.oid)))
  const unreadable = leaves.filter(({ oid }) => closed.has(oid))
  if (unreadable.length === 0) return []
  const user = String(rows[0]!.user)
  const schemas = [...new Set(rows.filter((row) => row.usage !== true).map((row) => String(row.schema)))]
  const fixes = [
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(user)}`),
    ...unreadable.slice(0, namesMax).map((table) => `GRANT SELECT ON ${quoteTable(table)} TO ${quoteIdentifier(user)}`),
  ]
  return [
    { key: 'database.user', value: user, message: `The user "${user}" may not read ${list(unreadable.map(nameOf))}: ${fixes.join('; ')}` },
  ]
}

function nameOf(table: { readonly schema: string; readonly name: string }): string {
  return `${table.schema}.${table.name}`
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, namesMax).join(', ')
  return names.length > namesMax ? `${shown} and ${names.length - namesMax} more` : shown
}
