import { RE2JS } from 're2js'

/** For a table its key columns by `message.key.columns`; undefined: not named there. */
export type KeyColumns = (schema: string, table: string) => readonly string[] | undefined

/**
 * Reads `schema.table:column,column;schema.table:column`; the part before the last colon is a regular expression for the whole name.
 * The first entry that matches decides. Throws a RangeError that names the malformed entry.
 */
export function parseKeyColumns(text: string | undefined): KeyColumns {
  const entries = (text ?? '')
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseEntry)
  return (schema, table) => entries.find(({ pattern }) => pattern.matcher(`${schema}.${table}`).matches())?.columns
}

function parseEntry(entry: string): { readonly pattern: RE2JS; readonly columns: readonly string[] } {
  const colon = entry.lastIndexOf(':')
  const columns = entry
    .slice(colon + 1)
    .split(',')
    .map((column) => column.trim())
    .filter((column) => column !== '')
  if (colon < 1 || columns.length === 0) throw new RangeError(`"${entry}" should read schema.table:column,column`)
  try {
    return { pattern: RE2JS.compile(entry.slice(0, colon).trim(), RE2JS.CASE_INSENSITIVE), columns }
  } catch (error) {
    throw new RangeError(
      `"${entry}" starts with something that is not a regular expression: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    )
  }
}
