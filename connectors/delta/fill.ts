import { DataError } from '../../core/index.ts'
import type { AddFile } from './actions.ts'
import type { AddedColumn } from './added.ts'
import type { DeltaSchema } from './delta-types.ts'
import type { Engine } from './engine.ts'
import { aliveFiles, type MergeTarget } from './merge.ts'
import { fileName } from './parquet.ts'
import { rewriteFile } from './rewrite.ts'
import { RoaringSet } from './roaring.ts'
import { Stage, StageError } from './stage.ts'

/** Columns that get a value in every row that the table has before the segment that follows. */
export interface Fill {
  readonly kind: 'fill'
  readonly names: readonly string[]
  /** One row: the columns' values. */
  readonly stage: Stage<null>
}

/** Holds the values of new columns, in the types that the table's schema gives them. Throws a DataError for a value that its column cannot hold. */
export async function prepareFill(engine: Engine, table: string, schema: DeltaSchema, added: readonly AddedColumn[]): Promise<Fill> {
  const columns = added.map(({ name, source, value }) => ({
    field: schema.fields.find((field) => field.name === name)!,
    source,
    read: (_entries: readonly null[], _start: number, _count: number, out: unknown[]) => void (out[0] = value),
  }))
  const stage = await Stage.create<null>(engine, columns)
  try {
    stage.add([null], 0, 1)
    stage.seal()
  } catch (error) {
    await stage[Symbol.asyncDispose]()
    if (!(error instanceof StageError)) throw error
    throw new DataError(
      `Table ${table}: column "${error.column}" was added at the source with a value for the rows that were there: ${error.message}`,
      { cause: error },
    )
  }
  return { kind: 'fill', names: added.map(({ name }) => name), stage }
}

/**
 * Writes the table's alive rows, those of the window among them, anew with the columns' values: from here on the window takes the place of
 * all that the table held, as Postgres' own rows changed without a word. After a rejection the window is as it was.
 */
export async function fillColumns(target: MergeTarget, { names, stage }: Fill, alive: () => void): Promise<void> {
  const { engine, storage, write, table, staged, output } = target
  const files = aliveFiles(target)
  if (files.length === 0) return
  const values = { table: stage.table, names }
  const written: AddFile[] = []
  try {
    for (const file of files) {
      const masked = new RoaringSet()
      for (const row of (staged.adds.has(file.path) ? undefined : await table.masked(file)) ?? []) masked.add(row)
      for (const row of staged.masks.get(file.path) ?? []) masked.add(row)
      written.push(...(await rewriteFile(engine, storage, write, table.name, output.schema, file, masked, values)))
      alive()
    }
  } catch (error) {
    for (const file of written) await storage.delete(fileName(table.name, file.path))
    throw error
  }
  const former = [...staged.adds.keys()]
  staged.adds.clear()
  staged.masks.clear()
  for (const file of written) staged.adds.set(file.path, file)
  if (!staged.replaces) staged.filled = true
  staged.replaces = true
  for (const path of former) await storage.delete(fileName(table.name, path))
}
