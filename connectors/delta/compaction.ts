import { primitive } from '../../core/index.ts'
import type { Action, AddFile } from './actions.ts'
import { commit } from './commit.ts'
import { quoteName } from './delta-types.ts'
import { type VectorCache, removal } from './file-actions.ts'
import type { Lake } from './lake.ts'
import type { TableState } from './log.ts'
import { type FileSet, fileColumn, parsedStats, scans } from './lookup.ts'
import { type RowWriter, fileName, rowBytesTag } from './parquet.ts'
import { writeRows } from './partitions.ts'
import { newField } from './schema.ts'
import { Stage, chunkRowsMax } from './stage.ts'

/** A table whose small files may be merged. */
export interface CompactableTable {
  readonly name: string
  readonly state: TableState
  readonly write: RowWriter
  readonly vectors: VectorCache
}

/** A file below this part of the target counts as small. */
const smallPart = 4

/**
 * Merges the small files of a partition into one, in a commit of its own that changes no row (`dataChange` false), once there are
 * `delta.compact.files` of them: a flush adds at least one file, and a look-up by key opens all that may hold it. Files of which most rows are masked go with
 * them. Gives way where another writer touches the files meanwhile. Resolves to the number of files merged.
 */
export async function compact(lake: Lake, table: CompactableTable, kill: AbortSignal): Promise<number> {
  const filesMin = lake.config['delta.compact.files']
  if (filesMin === 0 || table.state.files.size < filesMin) return 0
  let merged = 0
  for (const files of smallFiles(lake, table)) {
    if (files.length < filesMin) continue
    kill.throwIfAborted()
    if (await mergeFiles(lake, table, files, kill)) merged += files.length
    lake.alive()
  }
  return merged
}

/** Small files by partition. */
function smallFiles(lake: Lake, { state }: CompactableTable): readonly (readonly AddFile[])[] {
  const small = lake.config['file.target.bytes'] / smallPart
  const groups = new Map<string, AddFile[]>()
  for (const file of state.files.values()) {
    const rows = Number(parsedStats(file)?.numRecords ?? Number.POSITIVE_INFINITY)
    const masked = file.deletionVector?.cardinality ?? 0
    const bytes = Number(file.tags?.[rowBytesTag] ?? file.size * expansion)
    if (bytes >= small && masked * 2 < rows) continue
    const key = JSON.stringify(Object.entries(file.partitionValues).sort())
    const group = groups.get(key)
    if (group) group.push(file)
    else groups.set(key, [file])
  }
  return [...groups.values()]
}

async function mergeFiles(lake: Lake, table: CompactableTable, files: readonly AddFile[], kill: AbortSignal): Promise<boolean> {
  const { storage } = lake
  const { name, state } = table
  const { metaData } = state
  const adds = (await rewrite(lake, table, files)).map((add) => ({ ...add, dataChange: false }))
  const isTouched = (): boolean => files.some((file) => state.files.get(file.path) !== file) || state.metaData !== metaData
  try {
    await commit(
      storage,
      name,
      state,
      {
        moved: () => undefined,
        build: () => {
          const removes: Action[] = files.map((file) => ({ remove: { ...removal(file), dataChange: false } }))
          const info = { operation: 'OPTIMIZE', operationParameters: {}, isBlindAppend: false, engineInfo: 'millrace/0.1.0' }
          return Promise.resolve({ actions: [...removes, ...adds.map((add) => ({ add }))], info })
        },
        conflict() {
          if (isTouched()) throw new TouchedError()
          return Promise.resolve()
        },
      },
      kill,
    )
    return true
  } catch (error) {
    for (const add of adds) await storage.delete(fileName(name, add.path))
    if (error instanceof TouchedError) return false
    throw error
  }
}

/** The rows of the files that are not masked, in new files. */
async function rewrite(
  lake: Lake,
  { name, state, write, vectors }: CompactableTable,
  files: readonly AddFile[],
): Promise<readonly AddFile[]> {
  const { engine, storage } = lake
  const { schema } = state
  const masks: MaskedRow[] = []
  for (const file of files) {
    const path = storage.readable(fileName(name, file.path))
    for (const row of (await vectors.masked(file)) ?? []) masks.push({ path, row })
  }
  await using stage = await Stage.create<MaskedRow>(engine, maskColumns)
  for (let at = 0; at < masks.length; at += chunkRowsMax) stage.add(masks, at, Math.min(masks.length, at + chunkRowsMax))
  stage.seal()
  const { partitionColumns } = state.metaData!
  const set: FileSet = { storage, table: name, schema, partitionColumns, files }
  const names = schema.fields.map((field) => field.name)
  const parts = (await scans(engine, set, names)).map((scan) => scan.sql)
  const columns = names.map((column, index) => `f.${quoteName(column)} AS c${index}`).join(', ')
  const query = `SELECT ${columns} FROM (${parts.join(' UNION ALL ')}) f
    ANTI JOIN ${stage.table} m ON f.${fileColumn} = m.c0 AND f.file_row_number = m.c1`
  const rows = files.reduce((sum, file) => sum + Number(parsedStats(file)?.numRecords ?? 0), 0)
  const bytes = files.reduce((sum, file) => sum + file.size, 0)
  return await writeRows(engine, write, query, {
    fields: schema.fields,
    partitionColumns,
    rowBytes: rows > 0 ? (bytes / rows) * expansion : 0,
    schema,
  })
}

/** Bytes of rows before compression, for one of a file: a guess, for files of other writers and of merges. */
const expansion = 4

interface MaskedRow {
  readonly path: string
  readonly row: number
}

const maskColumns = [
  {
    field: newField('path', 'string'),
    source: primitive('string'),
    read(rows: readonly MaskedRow[], start: number, count: number, out: unknown[]): void {
      for (let index = 0; index < count; index++) out[index] = rows[start + index]!.path
    },
  },
  {
    field: newField('row', 'long'),
    source: primitive('int64'),
    read(rows: readonly MaskedRow[], start: number, count: number, out: unknown[]): void {
      for (let index = 0; index < count; index++) out[index] = BigInt(rows[start + index]!.row)
    },
  },
]

/** Another writer changed a file that is being merged. */
class TouchedError extends Error {
  override readonly name = 'TouchedError'
}
