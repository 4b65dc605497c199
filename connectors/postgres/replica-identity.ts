import { RE2JS } from 're2js'
import type { CatalogTable } from './catalog.ts'
import { quoteIdentifier, quoteTable } from './connection.ts'

/** What `replica.identity.autoset.values` asks for; undefined: the table is not named there. */
export type IdentityWish = (table: CatalogTable) => string | undefined

/**
 * Reads `schema.table:FULL,schema.table:INDEX name`: the clause for ALTER TABLE ... REPLICA IDENTITY by table. The part before the last colon
 * is a regular expression for the whole name. Throws a RangeError that names the malformed entry.
 */
export function parseIdentities(text: string | undefined): IdentityWish {
  const entries = (text ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseEntry)
  return (table) => entries.find(({ pattern }) => pattern.matcher(`${table.schema}.${table.name}`).matches())?.clause
}

/** True where the server can tell which row an UPDATE or a DELETE hit. Without it, both fail on a table whose publication publishes them. */
export function hasIdentity(table: CatalogTable, wish?: string): boolean {
  if (wish !== undefined) return wish !== 'NOTHING' && (wish !== 'DEFAULT' || table.primaryKey.length > 0)
  switch (table.replicaIdentity) {
    case 'full':
      return true
    case 'default':
      return table.primaryKey.length > 0
    case 'index':
      return table.replicaIndex.length > 0
    case 'nothing':
      return false
    default:
      return table.replicaIdentity satisfies never
  }
}

/** The statement that gives the table an identity. */
export function identityFix(table: CatalogTable): string {
  if (table.replicaIdentity === 'nothing' && table.primaryKey.length > 0) return `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY DEFAULT`
  return `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY FULL`
}

/** The statement for a wish that the table does not fulfil yet; undefined: it does. */
export function identityChange(table: CatalogTable, wish: string): string | undefined {
  if (wish.toLowerCase() === table.replicaIdentity) return undefined
  return `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY ${wish}`
}

function parseEntry(entry: string): { readonly pattern: RE2JS; readonly clause: string } {
  const colon = entry.lastIndexOf(':')
  const match = /^(DEFAULT|FULL|NOTHING|INDEX\s+(\S+))$/i.exec(entry.slice(colon + 1).trim())
  if (colon < 1 || !match) throw new RangeError(`"${entry}" should read schema.table:FULL (or DEFAULT, NOTHING, INDEX name)`)
  const clause = match[2] === undefined ? match[1]!.toUpperCase() : `USING INDEX ${quoteIdentifier(match[2])}`
  try {
    return { pattern: RE2JS.compile(entry.slice(0, colon).trim(), RE2JS.CASE_INSENSITIVE), clause }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RangeError(`"${entry}" starts with something that is not a regular expression: ${reason}`, { cause: error })
  }
}
