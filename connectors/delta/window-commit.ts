import { FencedError } from '../../core/index.ts'
import type { Action } from './actions.ts'
import { commit } from './commit.ts'
import { type Rewrite, type VectorCache, fileActions } from './file-actions.ts'
import type { Lake } from './lake.ts'
import type { FlushNote } from './ledger.ts'
import type { TableState } from './log.ts'
import { addMask, findKeys } from './merge.ts'
import { checkSupported, hasFeature } from './metadata.ts'
import type { RowWriter } from './parquet.ts'
import type { Positions } from './positions.ts'
import { rewriteFile } from './rewrite.ts'
import type { Window, WindowTable } from './window.ts'

/** One table's window, written to files, and what goes into the log beside it. */
export interface WindowCommit {
  readonly name: string
  readonly state: TableState
  readonly window: Window
  readonly positions: Positions
  readonly vectors: VectorCache
  readonly write: RowWriter
  readonly note: FlushNote
  readonly kill: AbortSignal
}

/** Makes a window visible by one commit that carries the rows, the columns they need, how far each source partition got, and the flush's note. */
export async function commitWindow(lake: Lake, parts: WindowCommit): Promise<number> {
  const { storage, engine } = lake
  const { name, state, window, positions, vectors } = parts
  return await commit(
    storage,
    name,
    state,
    {
      moved: (current) => positions.moved(current.transactions),
      async build(current) {
        const { protocol, metaData } = window.change
        const files = await fileActions(storage, engine, name, current, window.staged, vectors, rewriteOf(lake, parts))
        const actions: Action[] = [
          ...(protocol ? [{ protocol }] : []),
          ...(metaData ? [{ metaData }] : []),
          ...positions.transactions(current.transactions).map((txn) => ({ txn })),
          ...files,
        ]
        return { actions, info: infoOf(lake, parts) }
      },
      conflict: (current, news) => afterConflict(lake, parts, current, news),
    },
    parts.kill,
  )
}

function infoOf(lake: Lake, { window, note }: WindowCommit): Readonly<Record<string, unknown>> {
  const adds = !window.staged.replaces && window.staged.masks.size === 0
  return {
    operation: adds ? 'WRITE' : 'MERGE',
    operationParameters: adds ? { mode: 'Append' } : {},
    isBlindAppend: adds && lake.config.mode === 'append',
    engineInfo: 'millrace/0.1.0',
    millrace: note,
  }
}

/** Copy-on-write where the config asks for it, or the table was made without deletion vectors; undefined: deletion vectors. */
function rewriteOf(lake: Lake, { name, state, window, write }: WindowCommit): Rewrite | undefined {
  const metaData = window.change.metaData ?? state.metaData
  const protocol = window.change.protocol ?? state.protocol
  const allowed = hasFeature(protocol, 'deletionVectors') && metaData?.configuration['delta.enableDeletionVectors'] === 'true'
  if (allowed && lake.config['delta.deletion.vectors']) return undefined
  return (file, masked) => rewriteFile(lake.engine, lake.storage, write, name, window.change.schema, file, masked)
}

/** Other writers committed in between: checks that the columns still fit, and looks the window's keys up in their files. */
async function afterConflict(lake: Lake, parts: WindowCommit, state: TableState, news: readonly Action[]): Promise<void> {
  const { name, window, vectors } = parts
  checkSupported(name, state)
  if (news.some((action) => action.metaData || action.protocol)) columnsAfter(parts, state)
  if (window.staged.filled) {
    // Its rows were read for the new column before: the task starts again from what is committed, and reads them all.
    throw new FencedError(
      `Table ${name}: another writer committed while the rows were written anew for an added column; the task must start again`,
    )
  }
  if (window.staged.replaces) return
  const files = news.flatMap(({ add }) => (add && state.files.get(add.path) === add ? [add] : []))
  const partitionColumns = state.metaData!.partitionColumns
  const output = { fields: [], partitionColumns, rowBytes: 0, schema: window.change.schema }
  const table: WindowTable = { name, files: () => files, partitionColumns: () => partitionColumns, masked: (file) => vectors.masked(file) }
  const target = { engine: lake.engine, storage: lake.storage, table, staged: window.staged, output }
  for (const keys of window.staged.keys) {
    for (const [path, rows] of await findKeys(target, keys, files)) addMask(window.staged, path, rows)
  }
}

/** The window's columns must stand in the table as they did, and nothing that it adds may have come from elsewhere. */
function columnsAfter({ name, window }: WindowCommit, state: TableState): void {
  const lost = window.change.schema.fields.filter((field) => {
    const now = state.schema.fields.find((one) => one.name === field.name)
    return !now || JSON.stringify(now) !== JSON.stringify(field)
  })
  if (lost.length > 0 || window.change.metaData) {
    const columns = lost.map((field) => `"${field.name}"`).join(', ')
    // Not a fault: the task starts again from what is committed, and meets the table as it is then.
    throw new FencedError(
      `Table ${name}: another writer changed its columns while this flush was written (${columns}); the task must start again`,
    )
  }
  window.change = { schema: state.schema }
}
