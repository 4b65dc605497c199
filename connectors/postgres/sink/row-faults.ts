import { DataError } from '../../../core/index.ts'

/** One row of several cannot be written; which one is not known. */
export class RowFault extends Error {
  override readonly name = 'RowFault'
}

interface ServerFault {
  readonly code?: string
  readonly constraint?: string
  readonly column?: string
  readonly detail?: string
  readonly where?: string
  readonly message: string
}

/**
 * True: a row is to blame, so the others may land without it. Classes 22 (data exception) and 23 (integrity constraint), a batch that
 * changes a row twice (21000: keys that Postgres holds for equal and we do not), rows too large, triggers that raise, views and policies that refuse.
 */
export function isRowFault(error: unknown): boolean {
  if (error instanceof RowFault) return true
  const { code, message } = error as ServerFault
  if (typeof code !== 'string') return false
  return /^(22...|23...|21000|54000|54001|54011|P0001|44000)$/.test(code) || (code === '42501' && /row-level security policy/.test(message))
}

export function isForeignKeyFault(error: unknown): boolean {
  return (error as ServerFault).code === '23503'
}

export function isUniqueFault(error: unknown): boolean {
  return (error as ServerFault).code === '23505'
}

/** The line of a COPY that the server could not read, from 1; undefined: it does not say, or it is none of ours. */
export function faultyLine(error: unknown): number | undefined {
  const match = /^COPY [^\n]*?, line (\d+)/.exec((error as ServerFault).where ?? '')
  return match ? Number(match[1]) : undefined
}

/** What is said of the row: the constraint, the column, the server's own words. */
export function rowError(error: unknown, table: string): DataError {
  const { code, constraint, column, detail, where, message } = error as ServerFault
  const culprit =
    constraint !== undefined
      ? `, constraint "${constraint}"`
      : column !== undefined
        ? `, column "${column}"`
        : (/^COPY [^\n]*?, line \d+, column ([^:\n]+)/
            .exec(where ?? '')
            ?.slice(1)
            .map((name) => `, column "${name}"`)[0] ?? '')
  const more = detail === undefined ? '' : ` (${detail})`
  return new DataError(`Table ${table}${culprit}: ${message}${more}${code === undefined ? '' : `, SQLSTATE ${code}`}`, { cause: error })
}

/** What is said where COMMIT fails: for a deferred constraint, what to do about it, as no row can be told from the others any more; else the error as it is. */
export function commitError(error: unknown): unknown {
  const { code, constraint, detail, message } = error as ServerFault
  if (!/^23...$/.test(code ?? '')) return error
  const more = detail === undefined ? '' : ` (${detail})`
  return new Error(
    `A deferred constraint fails at COMMIT, so none of the rows since the last one can land: ${message}${more}. Correct the rows, or let it be checked at once ` +
      `(ALTER TABLE ... ALTER CONSTRAINT "${constraint ?? ''}" NOT DEFERRABLE, or DEFERRABLE INITIALLY IMMEDIATE): then the row at fault is found, and the others land`,
    { cause: error },
  )
}
