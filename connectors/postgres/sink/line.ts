import { DataError } from '../../../core/index.ts'
import type { Change, Row } from './change.ts'
import type { PlannedColumn } from './row-plan.ts'
import type { TargetColumn } from './target-table.ts'
import { looseText, valueText } from './value-text.ts'

/** Writes a row as a line of COPY's text format, with its line end; and its key as text, equal for equal keys. Throws a DataError that names the column. */
export interface LineWriter {
  line(change: Change): string
  key(change: Change): string
}

type Cell = (value: unknown) => string

/** COPY's text format: a backslash starts `\N` and the escapes. */
const special = /[\\\t\n\r\0]/
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** A text of COPY's text format. Throws a DataError for a zero byte, which no text of Postgres can hold. */
export function copyText(text: string): string {
  if (!special.test(text)) return text
  return text.replace(/[\\\t\n\r\0]/g, (char) => escapes[char] ?? zeroByte())
}

function zeroByte(): never {
  throw new DataError('the text has a zero byte, which Postgres cannot hold; take it out by a transform')
}

/**
 * Compiled once per form: one expression per column, so that rows are read by literal names. `targets`: the columns of the table, in the
 * planned ones' order. Throws a DataError for a column whose type cannot hold its field.
 */
export function lineWriter(planned: readonly PlannedColumn[], targets: readonly TargetColumn[], table: string, zone: string): LineWriter {
  const cells = planned.map((column, index) => cellOf(column, targets[index]!, table, zone))
  const line = compile(planned, cells, "'\\n'")
  const keys = planned.flatMap((column, index) => (column.isKey ? [index] : []))
  const key = compile(
    keys.map((index) => planned[index]!),
    keys.map((index) => cells[index]!),
    "''",
  )
  const explained = (write: (change: Change) => string) => (change: Change) => {
    try {
      return write(change)
    } catch (error) {
      throw explain(error, change, planned, cells, table)
    }
  }
  return { line: explained(line), key: explained(key) }
}

function cellOf(column: PlannedColumn, target: TargetColumn, table: string, zone: string): Cell {
  if (column.schema === null) return (value) => copyText(looseText(value, target))
  try {
    const { text, plain } = valueText(column.schema, target, zone)
    return plain ? text : (value) => copyText(text(value))
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    throw new DataError(`Table ${table}, column "${column.column}": ${error.message}`, { cause: error })
  }
}

function compile(planned: readonly PlannedColumn[], cells: readonly Cell[], end: string): (change: Change) => string {
  const parts = planned.map((column, index) => `((v = ${access(column)}) === null || v === undefined ? '\\\\N' : c${index}(v))`)
  const names = cells.map((_cell, index) => `c${index}`)
  const build = new Function(
    'valueAt',
    ...names,
    `return function write(change) {
      const row = change.row, key = change.record.key, record = change.record
      let v
      return ${[parts.join(" + '\\t' + ") || "''", end].join(' + ')}
    }`,
  ) as (...given: unknown[]) => (change: Change) => string
  return build(originOf, ...cells)
}

/** Names go in as JSON strings only. */
function access({ place, field }: PlannedColumn): string {
  switch (place) {
    case 'key':
      return `key[${JSON.stringify(field)}]`
    case 'value':
      return `row[${JSON.stringify(field)}]`
    case 'whole-key':
      return 'key'
    case 'topic':
    case 'partition':
    case 'offset':
      return `valueAt(record, ${JSON.stringify(place)})`
    default:
      return place satisfies never
  }
}

/** The record's coordinates in Kafka, or at another source what comes closest. */
function originOf(record: Change['record'], place: 'topic' | 'partition' | 'offset'): unknown {
  if (place === 'topic') return record.topic
  if (place === 'partition') return record.partition ?? 0
  if (record.origin === null) throw new DataError(`Topic ${record.topic}: the record has no offset for pk.mode=kafka`)
  return record.origin.position
}

/** Finds the column at fault by writing one by one. */
function explain(error: unknown, change: Change, planned: readonly PlannedColumn[], cells: readonly Cell[], table: string): unknown {
  if (error instanceof DataError && change.record.origin === null && planned.some(({ place }) => place === 'offset')) return error
  for (const [index, column] of planned.entries()) {
    const { place, field } = column
    const from = place === 'key' ? change.record.key : place === 'whole-key' ? { '': change.record.key } : change.row
    if (place !== 'key' && place !== 'value' && place !== 'whole-key') continue
    const value = (from as Row | null)?.[field]
    try {
      if (value !== null && value !== undefined) cells[index]!(value)
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      return new DataError(`Table ${table}, column "${column.column}": ${message}`, { cause })
    }
  }
  return error
}
