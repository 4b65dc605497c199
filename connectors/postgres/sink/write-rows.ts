import { quoteIdentifier } from '../connection.ts'
import type { Chunk, Form } from './chunk.ts'
import { RowFault, isForeignKeyFault, isRowFault, isUniqueFault, faultyLine, rowError } from './row-faults.ts'
import type { ScriptFault, Step } from './script.ts'
import type { Session } from './session.ts'
import type { InsertMode } from './settings.ts'

/** What becomes of a row that cannot be written: resolves where work goes on without it. */
export type Refuse = (row: number, error: Error) => Promise<void>

/** The steps that write rows, and which rows each step's lines are of. */
interface Plan {
  readonly steps: readonly Step[]
  readonly sent: readonly (readonly number[] | undefined)[]
  /** The rows went straight into the table, on the understanding that none of them is there. */
  readonly direct: boolean
  /** The rows lack columns, so the last update has to find each of them. */
  readonly partial: boolean
}

const savepoint = 'millrace_rows'
const hold: Step = { sql: `SAVEPOINT ${savepoint}` }
const release: Step = { sql: `RELEASE SAVEPOINT ${savepoint}` }
const back: Step = { sql: `ROLLBACK TO SAVEPOINT ${savepoint}` }

/** True: the chunk can be sent behind others that are not done yet, as nothing has to be asked or made for it. */
export function isReady(session: Session, mode: InsertMode, chunk: Chunk): boolean {
  if (chunk.live.length === 0 || (mode === 'upsert' && chunk.destination.fresh === undefined)) return false
  return chunk.forms().every((form) => (form.op === 'write' || form.op === 'delete') && !form.partial && session.stages.has(stageOf(form)))
}

/**
 * Sends a chunk that is ready. Resolves to false where the server refused it, or something that was sent before it: then the transaction takes
 * nothing until `takeBack`, and the chunk is to be written by `writeRows`, after that. Rejects with what no row is to blame for.
 */
export async function sendRows(session: Session, mode: InsertMode, chunk: Chunk): Promise<boolean> {
  const plan = planOf(mode, chunk, chunk.live)
  try {
    await session.run([hold, ...plan.steps, release])
    return true
  } catch (error) {
    if (session.lost) throw error
    if (isBehindFault(error)) return false
    if (refusesDirect(plan, error)) chunk.destination.fresh = false
    else if (!isRowFault(error)) throw error
    return false
  }
}

/** After a chunk was refused, and all that was sent behind it was answered: the transaction goes on as it was before that chunk. */
export async function takeBack(session: Session): Promise<void> {
  await session.run([back])
}

/**
 * Writes rows of a chunk in the session's open transaction, as sets. A row that the server refuses is found (by COPY's line, else by halves) and
 * refused; the others land. `patient`: rows that miss the other end of a foreign key are given back instead, to be tried after other tables.
 */
export async function writeRows(
  session: Session,
  mode: InsertMode,
  chunk: Chunk,
  rows: readonly number[],
  refuse: Refuse,
  patient: boolean,
): Promise<readonly number[]> {
  if (rows.length === 0) return []
  await prepare(session, mode, chunk)
  const plan = planOf(mode, chunk, rows)
  try {
    await writeOnce(session, plan)
    return []
  } catch (error) {
    if (session.lost) throw error
    if (refusesDirect(plan, error)) {
      await session.run([back])
      chunk.destination.fresh = false
      return writeRows(session, mode, chunk, rows, refuse, patient)
    }
    if (!isRowFault(error)) throw error
    await session.run([back])
    if (rows.length === 1) {
      if (patient && isForeignKeyFault(error)) return rows
      await refuse(rows[0]!, rowError(error, chunk.destination.table.sql))
      return []
    }
    const culprit = culpritOf(plan, error as ScriptFault)
    const at = culprit === undefined ? -1 : rows.lastIndexOf(culprit)
    const parts = at < 0 ? halves(rows) : [rows.slice(0, at), [culprit!], rows.slice(at + 1)]
    const waits: number[] = []
    for (const part of parts) {
      // What came back waits; later changes of the same rows wait with it.
      const waiting = new Set(waits.map((row) => chunk.keyText(row)))
      const [later, now] = waiting.size === 0 ? [[], part] : split(part, (row) => waiting.has(chunk.keyText(row)))
      waits.push(...(await writeRows(session, mode, chunk, now, refuse, patient)), ...later)
    }
    return waits
  }
}

async function writeOnce(session: Session, plan: Plan): Promise<void> {
  if (!plan.partial) {
    await session.run([hold, ...plan.steps, release])
    return
  }
  const counts = await session.run([hold, ...plan.steps])
  // The update is the one before the stage is emptied.
  const wanted = plan.sent.findLast((sent) => sent !== undefined)!.length
  if (counts.at(-2)! < wanted) {
    throw new RowFault(
      'the change does not carry all columns (unchanged TOAST values are not sent), and the table has no row to keep them of; set REPLICA IDENTITY FULL on the source table, or take a new snapshot of it',
    )
  }
  await session.run([release])
}

/** The row that COPY could not read. */
function culpritOf(plan: Plan, error: ScriptFault): number | undefined {
  const line = faultyLine(error)
  // Before the steps comes the savepoint.
  return line === undefined ? undefined : plan.sent[(error.stepsDone ?? 0) - 1]?.[line - 1]
}

/** Temporary tables have to be there before the savepoint: they would vanish with it. */
async function prepare(session: Session, mode: InsertMode, chunk: Chunk): Promise<void> {
  for (const form of chunk.forms()) {
    const name = stageOf(form)
    if (form.op === 'truncate' || session.stages.has(name)) continue
    const columns = form.planned.map(({ column }) => quoteIdentifier(column))
    // Without data: the types of the columns alone, so that COPY checks values as the table would.
    await session.query(`CREATE TEMP TABLE ${name} AS SELECT ${columns.join(', ')} FROM ${form.destination.table.sql} WITH NO DATA`)
    session.stages.add(name)
  }
  const { destination } = chunk
  if (mode !== 'upsert' || destination.fresh !== undefined) return
  const { rows: found } = await session.query(`SELECT NOT EXISTS (SELECT FROM ${destination.table.sql}) AS fresh`)
  destination.fresh = found[0]!['fresh'] === true
}

function planOf(mode: InsertMode, chunk: Chunk, rows: readonly number[]): Plan {
  if (chunk.form(rows[0]!).op === 'move') return move(chunk, rows)
  return mode === 'insert' ? insert(chunk, rows) : merge(mode, chunk, rows)
}

function insert(chunk: Chunk, rows: readonly number[]): Plan {
  const form = chunk.form(rows[0]!)
  if (form.op === 'delete') return remove(chunk, rows)
  return { steps: [copyStep(form.destination.table.sql, form, chunk, rows)], sent: [rows], direct: false, partial: false }
}

/** The last change of each row counts. Deletes come first: their keys are others than those of the writes. */
function merge(mode: InsertMode, chunk: Chunk, rows: readonly number[]): Plan {
  const [deletes, writes] = split(chunk.lastByKey(rows), (row) => chunk.form(row).op === 'delete')
  const { steps, sent } = deletes.length > 0 ? remove(chunk, deletes) : { steps: [], sent: [] }
  if (writes.length === 0) return { steps, sent, direct: false, partial: false }
  const form = chunk.form(writes[0]!)
  const { table, fresh } = form.destination
  if (mode === 'upsert' && fresh === true && steps.length === 0 && !form.partial) {
    return { steps: [copyStep(table.sql, form, chunk, writes)], sent: [writes], direct: true, partial: false }
  }
  const stage = stageOf(form)
  const apply = mode === 'update' || form.partial ? updateSql(form, stage) : upsertSql(form, stage)
  return {
    steps: [...steps, copyStep(stage, form, chunk, writes), { sql: apply }, { sql: `TRUNCATE ${stage}` }],
    sent: [...sent, writes, undefined, undefined],
    direct: false,
    partial: form.partial,
  }
}

function remove(chunk: Chunk, rows: readonly number[]): Plan {
  const form = chunk.form(rows[0]!)
  const stage = stageOf(form)
  const apply = `DELETE FROM ${form.destination.table.sql} t USING ${stage} s WHERE ${matchSql(form)}`
  return {
    steps: [copyStep(stage, form, chunk, rows), { sql: apply }, { sql: `TRUNCATE ${stage}` }],
    sent: [rows, undefined, undefined],
    direct: false,
    partial: false,
  }
}

/** Where the source sends a changed key as a delete and a create that lacks columns, the row has to be moved to keep them. */
function move(chunk: Chunk, rows: readonly number[]): Plan {
  const form = chunk.form(rows[0]!)
  const stage = stageOf(form)
  const table = form.destination.table.sql
  const keys = form.planned.map(({ column }) => quoteIdentifier(column))
  const row = (offset: number) => `(SELECT * FROM ${stage} ORDER BY ctid LIMIT 1 OFFSET ${offset})`
  const same = (left: string, right: string) => keys.map((key) => `${left}.${key} = ${right}.${key}`).join(' AND ')
  // A replay finds the row moved already.
  const apply = `UPDATE ${table} t SET ${keys.map((key) => `${key} = n.${key}`).join(', ')} FROM ${row(0)} o, ${row(1)} n
     WHERE ${same('t', 'o')} AND NOT EXISTS (SELECT FROM ${table} x WHERE ${same('x', 'n')})`
  return {
    steps: [copyStep(stage, form, chunk, rows), { sql: apply }, { sql: `TRUNCATE ${stage}` }],
    sent: [rows, undefined, undefined],
    direct: false,
    partial: false,
  }
}

/** Rows that are there already, or a table that COPY does not write to (row-level security, a view). */
function refusesDirect({ direct }: Plan, error: unknown): boolean {
  const { code } = error as { code?: string }
  return direct && (isUniqueFault(error) || code === '0A000' || code === '42809')
}

/** The transaction had failed before this came to it. */
function isBehindFault(error: unknown): boolean {
  return (error as { code?: string }).code === '25P02'
}

function copyStep(target: string, form: Form, chunk: Chunk, rows: readonly number[]): Step {
  const columns = form.planned.map(({ column }) => quoteIdentifier(column)).join(', ')
  return { sql: `COPY ${target} (${columns}) FROM STDIN`, lines: chunk.lines(rows) }
}

function stageOf(form: Form): string {
  return `pg_temp.millrace_stage_${form.id}`
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

function halves(rows: readonly number[]): readonly (readonly number[])[] {
  const middle = rows.length >> 1
  return [rows.slice(0, middle), rows.slice(middle)]
}

function split<T>(list: readonly T[], test: (one: T) => boolean): readonly [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const one of list) (test(one) ? yes : no).push(one)
  return [yes, no]
}
