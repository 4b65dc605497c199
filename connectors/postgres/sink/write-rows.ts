import { quoteIdentifier } from '../connection.ts'
import type { Form, Pending } from './chunk.ts'
import { RowFault, isForeignKeyFault, isRowFault, isUniqueFault, faultyLine, rowError } from './row-faults.ts'
import type { Session } from './session.ts'
import type { InsertMode } from './settings.ts'

/** What becomes of a row that cannot be written: resolves where work goes on without it. */
export type Refuse = (row: Pending, error: Error) => Promise<void>

const savepoint = 'millrace_rows'

/**
 * Writes rows of one table in the session's open transaction, as sets. A row that the server refuses is found (by COPY's line, else by halves) and
 * refused; the others land. `patient`: rows that miss the other end of a foreign key are given back instead, to be tried after other tables.
 */
export async function writeRows(
  session: Session,
  mode: InsertMode,
  rows: readonly Pending[],
  refuse: Refuse,
  patient: boolean,
): Promise<readonly Pending[]> {
  if (rows.length === 0) return []
  await prepareStages(session, rows)
  let sent: readonly Pending[] = rows
  try {
    await session.query(`SAVEPOINT ${savepoint}`)
    const alone = rows[0]!.form.op === 'move'
    const statements = alone
      ? await move(session, rows)
      : mode === 'insert'
        ? await insert(session, rows)
        : await merge(session, mode, rows, (part) => (sent = part))
    await session.script([...statements, `RELEASE SAVEPOINT ${savepoint}`])
    return []
  } catch (error) {
    if (!isRowFault(error) || session.lost) throw error
    await session.query(`ROLLBACK TO SAVEPOINT ${savepoint}`)
    if (rows.length === 1) {
      if (patient && isForeignKeyFault(error)) return rows
      await refuse(rows[0]!, rowError(error, rows[0]!.form.destination.table.sql))
      return []
    }
    const line = faultyLine(error)
    const culprit = line === undefined ? undefined : sent[line - 1]
    const at = culprit === undefined ? -1 : rows.lastIndexOf(culprit)
    const parts = at < 0 ? halves(rows) : [rows.slice(0, at), [culprit!], rows.slice(at + 1)]
    const back: Pending[] = []
    for (const part of parts) {
      // What came back waits; later changes of the same rows wait with it.
      const waiting = new Set(back.map(({ key }) => key))
      const [later, now] = waiting.size === 0 ? [[], part] : split(part, ({ key }) => waiting.has(key))
      back.push(...(await writeRows(session, mode, now, refuse, patient)), ...later)
    }
    return back
  }
}

/** Temporary tables have to be there before the savepoint: they would vanish with it. */
async function prepareStages(session: Session, rows: readonly Pending[]): Promise<void> {
  for (const form of new Set(rows.map((row) => row.form))) {
    const name = stageOf(form)
    if (form.op === 'truncate' || session.stages.has(name)) continue
    const columns = form.planned.map(({ column }) => quoteIdentifier(column))
    // Without data: the types of the columns alone, so that COPY checks values as the table would.
    await session.query(`CREATE TEMP TABLE ${name} AS SELECT ${columns.join(', ')} FROM ${form.destination.table.sql} WITH NO DATA`)
    session.stages.add(name)
  }
}

async function insert(session: Session, rows: readonly Pending[]): Promise<readonly string[]> {
  const { form } = rows[0]!
  if (form.op === 'delete') return remove(session, form, rows)
  await session.copy(copySql(form.destination.table.sql, form), linesOf(rows))
  return []
}

/** The last change of each row counts. Deletes come first: their keys are others than those of the writes. */
async function merge(
  session: Session,
  mode: InsertMode,
  rows: readonly Pending[],
  sending: (rows: readonly Pending[]) => void,
): Promise<readonly string[]> {
  const last = lastByKey(rows)
  const [deletes, writes] = split(last, (row) => row.form.op === 'delete')
  const statements: string[] = []
  if (deletes.length > 0) {
    sending(deletes)
    statements.push(...(await remove(session, deletes[0]!.form, deletes)))
  }
  if (writes.length === 0) return statements
  const { form } = writes[0]!
  const { destination } = form
  sending(writes)
  if (statements.length === 0 && mode === 'upsert' && !form.partial && (await isFresh(session, form))) {
    try {
      await session.copy(copySql(destination.table.sql, form), linesOf(writes))
      return []
    } catch (error) {
      const { code } = error as { code?: string }
      // Rows that are there already, or a table that COPY does not write to (row-level security, a view).
      if (!isUniqueFault(error) && code !== '0A000' && code !== '42809') throw error
      destination.fresh = false
      await session.query(`ROLLBACK TO SAVEPOINT ${savepoint}`)
    }
  }
  const stage = stageOf(form)
  await session.copy(copySql(stage, form), linesOf(writes))
  if (!form.partial) return [...statements, mode === 'update' ? updateSql(form, stage) : upsertSql(form, stage), `TRUNCATE ${stage}`]
  const counts = await session.script([...statements, updateSql(form, stage), `TRUNCATE ${stage}`])
  if (counts[statements.length]! < writes.length) {
    throw new RowFault(
      'the change does not carry all columns (unchanged TOAST values are not sent), and the table has no row to keep them of; set REPLICA IDENTITY FULL on the source table, or take a new snapshot of it',
    )
  }
  return []
}

async function isFresh(session: Session, { destination }: Form): Promise<boolean> {
  if (destination.fresh === undefined) {
    const { rows } = await session.query(`SELECT NOT EXISTS (SELECT FROM ${destination.table.sql}) AS fresh`)
    destination.fresh = rows[0]!['fresh'] === true
  }
  return destination.fresh
}

async function remove(session: Session, form: Form, rows: readonly Pending[]): Promise<readonly string[]> {
  const stage = stageOf(form)
  await session.copy(copySql(stage, form), linesOf(rows))
  return [`DELETE FROM ${form.destination.table.sql} t USING ${stage} s WHERE ${matchSql(form)}`, `TRUNCATE ${stage}`]
}

/** Where the source sends a changed key as a delete and a create that lacks columns, the row has to be moved to keep them. */
async function move(session: Session, rows: readonly Pending[]): Promise<readonly string[]> {
  const { form } = rows[0]!
  const stage = stageOf(form)
  const table = form.destination.table.sql
  const keys = form.planned.map(({ column }) => quoteIdentifier(column))
  await session.copy(copySql(stage, form), linesOf(rows))
  const row = (offset: number) => `(SELECT * FROM ${stage} ORDER BY ctid LIMIT 1 OFFSET ${offset})`
  const same = (left: string, right: string) => keys.map((key) => `${left}.${key} = ${right}.${key}`).join(' AND ')
  return [
    // A replay finds the row moved already.
    `UPDATE ${table} t SET ${keys.map((key) => `${key} = n.${key}`).join(', ')} FROM ${row(0)} o, ${row(1)} n
     WHERE ${same('t', 'o')} AND NOT EXISTS (SELECT FROM ${table} x WHERE ${same('x', 'n')})`,
    `TRUNCATE ${stage}`,
  ]
}

/** The last row of each key, in the order of these last ones. */
function lastByKey(rows: readonly Pending[]): readonly Pending[] {
  const last = new Map<string, number>()
  for (let at = 0; at < rows.length; at++) last.set(rows[at]!.key, at)
  return last.size === rows.length ? rows : rows.filter(({ key }, at) => last.get(key) === at)
}

function linesOf(rows: readonly Pending[]): Buffer {
  let text = ''
  for (const { line } of rows) text += line
  return Buffer.from(text, 'utf8')
}

function stageOf(form: Form): string {
  return `pg_temp.millrace_stage_${form.id}`
}

function copySql(target: string, { planned }: Form): string {
  return `COPY ${target} (${planned.map(({ column }) => quoteIdentifier(column)).join(', ')}) FROM STDIN`
}

function matchSql({ planned }: Form): string {
  const keys = planned.filter(({ isKey }) => isKey).map(({ column }) => quoteIdentifier(column))
  return keys.map((column) => `t.${column} = s.${column}`).join(' AND ')
}

function upsertSql({ destination, planned }: Form, stage: string): string {
  const columns = planned.map(({ column }) => quoteIdentifier(column))
  const keys = planned.filter(({ isKey }) => isKey).map(({ column }) => quoteIdentifier(column))
  const set = planned.filter(({ isKey }) => !isKey).map(({ column }) => `${quoteIdentifier(column)} = EXCLUDED.${quoteIdentifier(column)}`)
  const action = set.length === 0 ? 'NOTHING' : `UPDATE SET ${set.join(', ')}`
  // A key that the server would number by itself (GENERATED ALWAYS AS IDENTITY) comes from the source.
  return `INSERT INTO ${destination.table.sql} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE SELECT ${columns.join(', ')} FROM ${stage}
    ON CONFLICT (${keys.join(', ')}) DO ${action}`
}

function updateSql(form: Form, stage: string): string {
  const set = form.planned.filter(({ isKey }) => !isKey).map(({ column }) => `${quoteIdentifier(column)} = s.${quoteIdentifier(column)}`)
  if (set.length === 0) return `SELECT FROM ${form.destination.table.sql} t JOIN ${stage} s ON ${matchSql(form)}`
  return `UPDATE ${form.destination.table.sql} t SET ${set.join(', ')} FROM ${stage} s WHERE ${matchSql(form)}`
}

function halves(rows: readonly Pending[]): readonly (readonly Pending[])[] {
  const middle = rows.length >> 1
  return [rows.slice(0, middle), rows.slice(middle)]
}

function split<T>(list: readonly T[], test: (one: T) => boolean): readonly [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const one of list) (test(one) ? yes : no).push(one)
  return [yes, no]
}
