/** The error as it is, or for a right that the role lacks one that says which rights are needed, and for what. */
export function inNeedOfRights(error: unknown, what: 'tables' | 'positions', role: string): unknown {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  if (code !== '42501' || /row-level security policy/.test(message ?? '')) return error
  const needs =
    what === 'positions'
      ? 'the positions of exactly-once delivery are kept there. GRANT it SELECT, INSERT, UPDATE and DELETE on the tables, or CREATE on their schema to make them; ' +
        'or name others by offsets.table; or set delivery=at-least-once'
      : 'GRANT it SELECT, INSERT, UPDATE and DELETE on the tables that it writes, TRUNCATE where the source sends it, TEMPORARY on the database, and to make and change tables ' +
        '(auto.create, auto.evolve) CREATE on their schema and their ownership'
  return new Error(`The role "${role}" lacks a right: ${message}; ${needs}`, { cause: error })
}
