import { RE2JS } from 're2js'

/** The include and exclude lists of a config. Both of a pair given: the config refuses it. */
export interface CaptureLists {
  readonly schemaInclude: readonly string[]
  readonly schemaExclude: readonly string[]
  readonly tableInclude: readonly string[]
  readonly tableExclude: readonly string[]
  readonly columnInclude: readonly string[]
  readonly columnExclude: readonly string[]
}

/** Decides what is captured. */
export interface Captured {
  table(schema: string, table: string): boolean
  column(schema: string, table: string, column: string): boolean
}

/**
 * Debezium's rules: each entry is a regular expression that must match the whole name (`schema`, `schema.table`, `schema.table.column`),
 * whatever the case; an include list takes only what matches, an exclude list all but that. RE2, so no pattern can block the process.
 * Throws a RangeError that names a malformed pattern.
 */
export function captured(lists: CaptureLists): Captured {
  const schema = matcher(lists.schemaInclude, lists.schemaExclude)
  const table = matcher(lists.tableInclude, lists.tableExclude)
  const column = matcher(lists.columnInclude, lists.columnExclude)
  return {
    table: (schemaName, tableName) => schema(schemaName) && table(`${schemaName}.${tableName}`),
    column: (schemaName, tableName, columnName) => column(`${schemaName}.${tableName}.${columnName}`),
  }
}

/** True for a name that one of the patterns matches in whole. */
export function anyMatches(patterns: readonly string[]): (name: string) => boolean {
  const compiled = patterns.map(compile)
  return (name) => compiled.some((pattern) => pattern.matcher(name).matches())
}

function matcher(include: readonly string[], exclude: readonly string[]): (name: string) => boolean {
  if (include.length > 0) return anyMatches(include)
  if (exclude.length === 0) return () => true
  const excluded = anyMatches(exclude)
  return (name) => !excluded(name)
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE)
  } catch (error) {
    throw new RangeError(`"${pattern}" is not a regular expression: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
