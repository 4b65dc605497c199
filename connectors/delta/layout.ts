import { type Schema, arrayOf, primitive } from '../../core/index.ts'
import type { Change } from './changes.ts'
import type { DeltaField } from './delta-types.ts'
import { deltaType, newField } from './schema.ts'
import type { StageColumn } from './stage.ts'

/** How the changes of one row schema and key schema lie in a stage: the table's columns they bring, then what the sink itself needs. */
export interface Layout {
  /** Columns of the table, in the row's order. */
  readonly fields: readonly DeltaField[]
  /** `fields` first, then the control columns. */
  readonly columns: readonly StageColumn<Change>[]
  /** Names of the columns that identify a row; empty: none do. */
  readonly keys: readonly string[]
  /** Position of the column that is true for a deletion; -1 in append mode. */
  readonly deletedColumn: number
  /** Position of the column that lists the columns without a value; -1 where no change lacks one. The key's former values follow it. */
  readonly unavailableColumn: number
}

/** A column that holds the record's key where that is not a struct. */
export const keyColumn = '__key'
/** Append mode: names of the columns whose value the source did not send. */
export const unavailableColumn = '__unavailable'

/** Append mode: the columns of the change log itself. */
export const controlColumns: readonly string[] = ['__op', '__lsn', '__seq', '__source_ts_ms']

const text = primitive('string', { optional: true })
const long = primitive('int64', { optional: true })
const texts = arrayOf(primitive('string'), { optional: true })

/** The change log's layout: the row, the key's columns that the row lacks, and `__op`, `__lsn`, `__seq`, `__source_ts_ms`. */
export function appendLayout(rowSchema: Schema | null, keySchema: Schema | null, withUnavailable: boolean): Layout {
  const rows = rowColumns(rowSchema, keySchema, [], withUnavailable)
  const columns = [
    ...rows.columns,
    control('__op', text, (change) => change.op),
    control('__lsn', long, (change) => (change.record.origin ? BigInt(change.record.origin.position) : null)),
    control('__seq', long, (change) => (change.record.origin ? BigInt(change.record.origin.seq) : null)),
    control('__source_ts_ms', long, (change) => change.sourceMs),
  ]
  if (withUnavailable) columns.push(control(unavailableColumn, texts, (change) => change.unavailable))
  return { fields: columns.map((column) => column.field), columns, keys: [], deletedColumn: -1, unavailableColumn: -1 }
}

/** The mirror's layout: the row, with the key's columns read from the key, and whether the change deletes. */
export function upsertLayout(
  rowSchema: Schema | null,
  keySchema: Schema | null,
  keyColumns: readonly string[],
  withUnavailable: boolean,
): Layout {
  const rows = rowColumns(rowSchema, keySchema, keyColumns, withUnavailable)
  const fields = rows.columns.map((column) => column.field)
  const columns = [...rows.columns, control('__deleted', primitive('boolean'), (change) => change.op === 'd')]
  const deletedColumn = columns.length - 1
  if (!withUnavailable) return { fields, columns, keys: rows.keys, deletedColumn, unavailableColumn: -1 }
  columns.push(control(unavailableColumn, texts, (change) => change.unavailable))
  const listed = columns.length - 1
  for (const name of rows.keys) columns.push(formerKey(rows.columns.find((column) => column.field.name === name)!))
  return { fields, columns, keys: rows.keys, deletedColumn, unavailableColumn: listed }
}

function rowColumns(
  rowSchema: Schema | null,
  keySchema: Schema | null,
  keyColumns: readonly string[],
  withUnavailable: boolean,
): { readonly columns: StageColumn<Change>[]; readonly keys: readonly string[] } {
  const columns = new Map<string, StageColumn<Change>>()
  const column = (name: string, schema: Schema, from: 'row' | 'key'): void => {
    const property = JSON.stringify(name)
    // A placeholder must not be taken for a value.
    const lacks = withUnavailable && from === 'row' ? `change.unavailable!==null&&change.unavailable.includes(${property})||` : ''
    const value = `${lacks}change.${from}===null?null:change.${from}[${property}]`
    columns.set(name, { field: newField(name, deltaType(schema)), source: schema, read: compile(value) })
  }
  for (const field of rowSchema?.fields ?? []) column(field.name, field.schema, 'row')
  const keyFields = keySchema?.type === 'struct' ? keySchema.fields : []
  for (const field of keyFields) {
    if (keyColumns.length === 0 || keyColumns.includes(field.name) || !columns.has(field.name)) column(field.name, field.schema, 'key')
  }
  if (keyColumns.length > 0) return { columns: [...columns.values()], keys: keyColumns }
  if (keySchema === null) return { columns: [...columns.values()], keys: [] }
  if (keySchema.type === 'struct') return { columns: [...columns.values()], keys: keyFields.map((field) => field.name) }
  columns.set(keyColumn, { field: newField(keyColumn, deltaType(keySchema)), source: keySchema, read: compile('change.key') })
  return { columns: [...columns.values()], keys: [keyColumn] }
}

function control(name: string, schema: Schema, value: (change: Change) => unknown): StageColumn<Change> {
  return {
    field: newField(name, deltaType(schema)),
    source: schema,
    read(changes, start, count, out) {
      for (let index = 0; index < count; index++) out[index] = value(changes[start + index]!)
    },
  }
}

/** The key column's value before the change: the same, unless the change moved the row to another key. */
function formerKey(column: StageColumn<Change>): StageColumn<Change> {
  const { name } = column.field
  return {
    ...column,
    read(changes, start, count, out) {
      column.read(changes, start, count, out)
      for (let index = 0; index < count; index++) {
        const former = changes[start + index]!.formerKey
        if (former !== null && Object.hasOwn(former, name)) out[index] = former[name]
      }
    },
  }
}

/** One loop per column with the property's name in its text: the engine then reads it in a nanosecond or two instead of by a hash look-up. */
function compile(expression: string): StageColumn<Change>['read'] {
  const body = `for(let i=0;i<count;i++){const change=changes[start+i];out[i]=${expression}}`
  return new Function('changes', 'start', 'count', 'out', body) as StageColumn<Change>['read']
}
