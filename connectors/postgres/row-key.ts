import { DataError } from '../../core/index.ts'
import type { TableShape } from './shape.ts'
import { unchangedColumn, type TupleView } from './tuple.ts'

/** What a change says that does not tell the key, which can only be one chosen by `message.key.columns`. */
export function keyUnknown(shape: TableShape, statement: string): DataError {
  const names = shape.keyColumns.filter((column) => !column.identity).map(({ column }) => `"${column}"`)
  const { schema, name } = shape.relation
  return new DataError(
    `${statement} does not tell the key column ${names.join(', ')}, which is not part of the replica identity; ` +
      `run ALTER TABLE "${schema}"."${name}" REPLICA IDENTITY FULL, or take the column out of message.key.columns`,
  )
}

/** True where both tuples spell the same key; a value that was not sent again did not change. */
export function sameKey(shape: TableShape, old: TupleView, now: TupleView): boolean {
  for (const { index } of shape.keyColumns) {
    const start = now.starts[index]!
    if (start === unchangedColumn) continue
    const oldStart = old.starts[index]!
    if (start < 0 || oldStart < 0) {
      if (start !== oldStart) return false
      continue
    }
    if (now.buffer.compare(old.buffer, oldStart, old.ends[index], start, now.ends[index]) !== 0) return false
  }
  return true
}
