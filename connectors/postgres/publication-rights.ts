import type { ConfigIssue } from '../../core/index.ts'
import type { CatalogTable, Query } from './catalog.ts'
import { quoteIdentifier, quoteTable } from './connection.ts'
import { isPublished, type PublicationSettings, type PublicationState } from './publication.ts'

/**
 * Whether the user may create or extend the publication as the config asks for: CREATE on the database and ownership of the tables, or for all
 * tables to be a superuser ("CREATE PUBLICATION", Notes). Every issue has the statement that somebody else can run instead.
 */
export async function publicationIssues(
  query: Query,
  wish: PublicationSettings,
  state: PublicationState | undefined,
  captured: readonly CatalogTable[],
): Promise<readonly ConfigIssue[]> {
  if (wish.mode === 'disabled' || (state !== undefined && (state.allTables || wish.mode !== 'filtered'))) return []
  const tables = state === undefined ? captured : captured.filter((table) => !isPublished(state, table))
  if (state !== undefined && tables.length === 0) return []
  const { rows } = await query(rightsQuery, [tables.map(({ oid }) => oid), wish.name])
  const rights = rows[0]!
  const user = String(rights.user)
  const others = new Set((rights.others as readonly unknown[]).map(Number))
  const foreign = tables.filter(({ oid }) => others.has(oid)).map(({ schema, name }) => `${schema}.${name}`)
  const issue = (message: string): readonly ConfigIssue[] => [{ key: 'publication.autocreate.mode', value: wish.mode, message }]
  const quoted = quoteIdentifier(wish.name)
  const listed = tables.map(quoteTable).join(', ONLY ')
  if (state !== undefined) {
    if (foreign.length === 0 && rights.owns_publication === true) return []
    const lacking = rights.owns_publication === true ? `the tables ${foreign.join(', ')}` : `the publication "${wish.name}"`
    return issue(
      `The user "${user}" cannot add tables to the publication "${wish.name}", as it does not own ${lacking}. ` +
        `Only the owner of the tables may publish them: let the owner (of both), or a superuser, run ALTER PUBLICATION ${quoted} ADD TABLE ONLY ${listed}`,
    )
  }
  const root = wish.viaRoot ? ' WITH (publish_via_partition_root = true)' : ''
  const create = `CREATE PUBLICATION ${quoted} FOR TABLE ONLY ${listed}${root}`
  const everything = wish.mode === 'all_tables'
  if (everything && rights.publishes_all !== true) {
    const filtered = foreign.length === 0 && rights.creates === true ? 'set publication.autocreate.mode=filtered; or ' : ''
    const byOwner = tables.length === 0 ? '' : `, or the owner of the captured tables ${create}`
    return issue(
      `Only a superuser may publish all tables, and the user "${user}" is none: ${filtered}let a superuser run CREATE PUBLICATION ${quoted} FOR ALL TABLES${root}${byOwner}`,
    )
  }
  if (!everything && wish.mode === 'filtered' && foreign.length > 0) {
    return issue(
      `The user "${user}" does not own the tables ${foreign.join(', ')}. Only the owner of the tables may publish them: ` +
        `let the owner, or a superuser, run ${create}`,
    )
  }
  if (rights.creates === true) return []
  const database = String(rights.database)
  const self =
    wish.mode === 'no_tables'
      ? `CREATE PUBLICATION ${quoted}${root}`
      : everything
        ? `CREATE PUBLICATION ${quoted} FOR ALL TABLES${root}`
        : create
  return issue(
    `The user "${user}" may not create the publication "${wish.name}": GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(user)}; ` +
      `or let somebody else run ${self}`,
  )
}

// pg_has_role is true for a superuser. Hosts that keep superusers to themselves let their own role publish all tables: the server decides there.
const rightsQuery = `
SELECT current_user::text AS user, pg_catalog.current_database()::text AS database,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS creates,
       EXISTS (SELECT 1 FROM pg_catalog.pg_roles r WHERE (r.rolname = current_user AND r.rolsuper)
          OR (r.rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin') AND pg_catalog.pg_has_role(r.oid, 'USAGE'))) AS publishes_all,
       (SELECT pg_catalog.pg_has_role(p.pubowner, 'USAGE') FROM pg_catalog.pg_publication p WHERE p.pubname = $2) AS owns_publication,
       ARRAY(SELECT c.oid::int8 FROM pg_catalog.pg_class c
              WHERE c.oid = ANY($1::pg_catalog.oid[]) AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')) AS others`
