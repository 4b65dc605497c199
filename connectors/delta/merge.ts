import type { AddFile } from './actions.ts'
import { type DeltaField, quoteName } from './delta-types.ts'
import type { Engine } from './engine.ts'
import { type FileSet, type KeyRange, candidates, findRows, rangeKind } from './lookup.ts'
import { mergeWithoutKey } from './merge-keyless.ts'
import type { RowWriter } from './parquet.ts'
import { type RowOutput, writeRows } from './partitions.ts'
import { RoaringSet } from './roaring.ts'
import type { Storage } from './storage.ts'
import { carryValues, fillUnavailable } from './unavailable.ts'
import type { KeyTable, Segment, Staged, WindowTable } from './window.ts'

/** Where a segment of changes is merged into. */
export interface MergeTarget {
  readonly engine: Engine
  readonly storage: Storage
  readonly write: RowWriter
  readonly table: WindowTable
  readonly staged: Staged
  readonly output: RowOutput
}

/**
 * Brings a segment of changes by key into the window: the last change of each key counts; the rows that the table (or the window before) has
 * under these keys are masked, and the rows that are left are written to new files.
 */
export async function mergeSegment(target: MergeTarget, segment: Segment): Promise<void> {
  if (segment.layout.keys.length === 0) {
    await mergeWithoutKey(target, segment)
    return
  }
  const { engine, staged, output } = target
  const { layout } = segment
  const keyColumns = layout.keys.map((name) => output.fields.findIndex((field) => field.name === name))
  const final = await lastChanges(engine, segment, keyColumns)
  const keys: KeyTable = {
    table: final,
    columns: layout.keys,
    condition: layout.keys.map((name, index) => `f.${quoteName(name)} = k.c${keyColumns[index]}`).join(' AND '),
  }
  try {
    const range = await keyRange(engine, final, output.fields[keyColumns[0]!]!, keyColumns[0]!)
    const files = candidates(aliveFiles(target), range)
    const found = await findKeys(target, keys, files)
    if (layout.unavailableColumn >= 0) await fillUnavailable(target, segment, keys, files, found)
    const adds = await writeRows(engine, target.write, `SELECT * FROM ${final} WHERE NOT c${layout.deletedColumn}`, output)
    // From here on nothing fails, so that a segment that is tried again finds the window as it was.
    for (const [path, rows] of found) addMask(staged, path, rows)
    for (const add of adds) staged.adds.set(add.path, add)
    staged.keys.push(keys)
  } catch (error) {
    await engine.run(`DROP TABLE IF EXISTS ${final}`)
    throw error
  }
}

/** The last change of every key, as a table with the stage's columns. */
async function lastChanges(engine: Engine, { stage, layout }: Segment, keyColumns: readonly number[]): Promise<string> {
  const partition = keyColumns.map((index) => `c${index}`).join(', ')
  const source =
    layout.unavailableColumn >= 0 ? await carryValues(engine, stage, layout, partition) : `SELECT *, rowid AS place FROM ${stage.table}`
  const final = engine.name('final')
  await engine.run(
    `CREATE TABLE ${final} AS SELECT * EXCLUDE (place) FROM (${source}) QUALIFY row_number() OVER (PARTITION BY ${partition} ORDER BY place DESC) = 1`,
  )
  return final
}

/** The rows of these files that have one of the keys and are not masked yet, by path. */
export async function findKeys(
  target: Pick<MergeTarget, 'engine' | 'storage' | 'table' | 'staged' | 'output'>,
  keys: KeyTable,
  files: readonly AddFile[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const { table, staged, output } = target
  const set: FileSet = {
    storage: target.storage,
    table: table.name,
    schema: output.schema,
    partitionColumns: output.partitionColumns,
    files,
  }
  const found = new Map<string, number[]>()
  if (files.length === 0) return found
  await findRows(target.engine, set, keys.columns, keys.table, keys.condition, (file, row) => {
    const rows = found.get(file.path)
    if (rows) rows.push(row)
    else found.set(file.path, [row])
  })
  for (const [path, rows] of found) {
    const file = staged.adds.get(path) ?? files.find((one) => one.path === path)!
    const before = staged.adds.has(path) ? undefined : await table.masked(file)
    const mask = staged.masks.get(path)
    const alive = rows.filter((row) => !before?.has(row) && !mask?.has(row))
    if (alive.length > 0) found.set(path, alive)
    else found.delete(path)
  }
  return found
}

/** Masks more rows of a file. */
export function addMask(staged: Staged, path: string, rows: readonly number[]): void {
  let mask = staged.masks.get(path)
  if (!mask) staged.masks.set(path, (mask = new RoaringSet()))
  // Ascending, as a set takes them quickest.
  for (const row of rows.toSorted((a, b) => a - b)) mask.add(row)
}

/** The table's files, unless this window drops them all, and those that it wrote itself. */
export function aliveFiles({ table, staged }: MergeTarget): AddFile[] {
  return [...(staged.replaces ? [] : table.files()), ...staged.adds.values()]
}

async function keyRange(engine: Engine, keys: string, field: DeltaField, column: number): Promise<KeyRange | undefined> {
  const kind = rangeKind(field)
  if (!kind) return undefined
  const [row] = await engine.rows(`SELECT CAST(min(c${column}) AS VARCHAR) AS least, CAST(max(c${column}) AS VARCHAR) AS most FROM ${keys}`)
  const least = row?.['least'] as string | null | undefined
  const most = row?.['most'] as string | null | undefined
  if (least === null || least === undefined || most === null || most === undefined) return undefined
  if (kind === 'integer') return { field, min: BigInt(least), max: BigInt(most) }
  return { field, min: Buffer.from(least), max: Buffer.from(most) }
}
