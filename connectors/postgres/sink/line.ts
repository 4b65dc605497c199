import { DataError } from '../../../core/index.ts'
import type { Cell } from './cells.ts'
import type { Change, Row } from './change.ts'
import { CopyBuffer } from './copy-buffer.ts'
import { lastHeader, type PlannedColumn } from './row-plan.ts'
import type { TargetColumn } from './target-table.ts'
import { looseCell, valueCell } from './value-text.ts'

/**
 * Writes a row as a line of COPY's text format, with its line end. Gives the place in the buffer at which the key's columns end, which come
 * first: `keyed`, and none of them is null then. Throws a DataError that names the column; the buffer is to be truncated then.
 */
export interface LineWriter {
  write(out: CopyBuffer, change: Change, keyed: boolean): number
}

type Write = (out: CopyBuffer, change: Change, keyed: boolean) => number

/**
 * Compiled once per form: one expression per column, so that rows are read by literal names. `targets`: the columns of the table, in the
 * planned ones' order, those of the key first. Throws a DataError for a column whose type cannot hold its field.
 */
export function lineWriter(planned: readonly PlannedColumn[], targets: readonly TargetColumn[], table: string, zone: string): LineWriter {
  const cells = planned.map((column, index) => cellOf(column, targets[index]!, table, zone))
  const write = compile(planned, cells, table)
  return {
    write(out, change, keyed) {
      try {
        return write(out, change, keyed)
      } catch (error) {
        throw explain(error, change, planned, cells, table)
      }
    },
  }
}

function cellOf(column: PlannedColumn, target: TargetColumn, table: string, zone: string): Cell {
  if (column.schema === null) return looseCell(target)
  try {
    return valueCell(column.schema, target, zone)
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    throw new DataError(`Table ${table}, column "${column.column}": ${error.message}`, { cause: error })
  }
}

function compile(planned: readonly PlannedColumn[], cells: readonly Cell[], table: string): Write {
  const keys = planned.filter(({ isKey }) => isKey)
  const parts = planned.map((column, index) => {
    const nothing = column.isKey ? 'if (keyed) keyIsNull(); out.nothing()' : 'out.nothing()'
    const write = `if ((v = ${access(column)}) === null || v === undefined) { ${nothing} } else c${index}(out, v)`
    return [...(index === 0 ? [] : ['out.tab()']), write, ...(index === keys.length - 1 ? ['keyEnd = out.length'] : [])].join('\n')
  })
  const build = new Function(
    'valueAt',
    'headerOf',
    'keyIsNull',
    ...cells.map((_cell, index) => `c${index}`),
    `return function write(out, change, keyed) {
      const row = change.row, key = change.record.key, record = change.record
      let v, keyEnd = 0
      ${parts.join('\n')}
      out.endLine()
      return keyEnd
    }`,
  ) as (...given: unknown[]) => Write
  const names = keys.map(({ column }) => column).join(', ')
  const keyIsNull = (): never => {
    throw new DataError(`Table ${table}: a column of the key (${names}) is null`)
  }
  return build(originOf, (record: Change['record'], name: string) => lastHeader(record, name)?.value, keyIsNull, ...cells)
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
    case 'header':
      return `headerOf(record, ${JSON.stringify(field)})`
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
  const out = new CopyBuffer(1024)
  for (const [index, column] of planned.entries()) {
    const { place, field } = column
    if (place === 'topic' || place === 'partition' || place === 'offset') continue
    const { key } = change.record
    const from = place === 'key' ? (key as Row | null)?.[field] : (change.row as Row | null)?.[field]
    const value = place === 'whole-key' ? key : place === 'header' ? lastHeader(change.record, field)?.value : from
    try {
      if (value !== null && value !== undefined) cells[index]!(out, value)
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      return new DataError(`Table ${table}, column "${column.column}": ${message}`, { cause })
    }
  }
  return error
}
