import type { Action, AddFile, RemoveFile } from './actions.ts'
import { readVector, writeVectors } from './deletion-vectors.ts'
import { quoteText } from './delta-types.ts'
import type { Engine } from './engine.ts'
import type { TableState } from './log.ts'
import { parsedStats } from './lookup.ts'
import { fileName } from './parquet.ts'
import type { RoaringSet } from './roaring.ts'
import { looseStats } from './statistics.ts'
import type { Storage } from './storage.ts'
import type { Staged } from './window.ts'

/** Rewrites a file without the masked rows; undefined: none are left. For tables without deletion vectors. */
export type Rewrite = (file: AddFile, masked: RoaringSet) => Promise<readonly AddFile[]>

/** Reads the deletion vectors of alive files, keeping those in use. */
export class VectorCache {
  readonly #storage: Storage
  readonly #table: string
  readonly #sets = new Map<string, { readonly file: AddFile; readonly set: RoaringSet }>()
  #rows = 0

  constructor(storage: Storage, table: string) {
    this.#storage = storage
    this.#table = table
  }

  /** The rows of an alive file that are masked; not to be changed by the caller. Undefined: none. */
  async masked(file: AddFile): Promise<RoaringSet | undefined> {
    if (!file.deletionVector) return undefined
    const known = this.#sets.get(file.path)
    if (known?.file === file) return known.set
    const set = await readVector(this.#storage, this.#table, file.deletionVector)
    this.keep(file, set)
    return set
  }

  keep(file: AddFile, set: RoaringSet): void {
    if (this.#rows > cachedRowsMax) {
      this.#sets.clear()
      this.#rows = 0
    }
    this.#sets.set(file.path, { file, set })
    this.#rows += set.size
  }
}

/** Masked rows that the cache holds at most, per table; about 2 bytes each while few, a bit each in large files. */
const cachedRowsMax = 4_000_000

/**
 * The remove and add actions of a window against the state they would follow. Masks become deletion vectors (merged with those that files
 * have), or rewritten files where `rewrite` is given; files without a row left are removed.
 */
export async function fileActions(
  storage: Storage,
  engine: Engine,
  table: string,
  state: TableState,
  staged: Staged,
  vectors: VectorCache,
  rewrite: Rewrite | undefined,
): Promise<readonly Action[]> {
  const actions: Action[] = []
  const masked: { readonly file: AddFile; readonly set: RoaringSet; readonly isNew: boolean }[] = []
  if (staged.replaces) for (const file of state.files.values()) actions.push({ remove: removal(file) })
  for (const [path, mask] of staged.replaces ? [] : staged.masks) {
    const file = state.files.get(path)
    if (!file) continue
    const before = await vectors.masked(file)
    const set = before ? before.clone() : mask.clone()
    if (before) for (const row of mask) set.add(row)
    actions.push({ remove: removal(file) })
    if (set.size < (await rowCount(storage, engine, table, file))) masked.push({ file, set, isNew: false })
  }
  for (const add of staged.adds.values()) {
    const mask = staged.masks.get(add.path)
    if (!mask) actions.push({ add })
    else if (mask.size < (await rowCount(storage, engine, table, add))) masked.push({ file: add, set: mask, isNew: true })
  }
  if (rewrite) {
    for (const { file, set } of masked) for (const add of await rewrite(file, set)) actions.push({ add })
    return actions
  }
  const descriptors = await writeVectors(
    storage,
    table,
    masked.map((one) => one.set),
  )
  masked.forEach(({ file, set }, index) => {
    const stats = file.stats ? looseStats(file.stats) : file.stats
    const add: AddFile = { ...file, dataChange: true, stats, deletionVector: descriptors[index]! }
    vectors.keep(add, set)
    actions.push({ add })
  })
  return actions
}

/** Rows of a file, the masked ones included; from its footer where another writer left no statistics. */
async function rowCount(storage: Storage, engine: Engine, table: string, file: AddFile): Promise<number> {
  const count = parsedStats(file)?.numRecords
  if (count !== undefined) return Number(count)
  await storage.fetch([fileName(table, file.path)])
  const path = quoteText(storage.readable(fileName(table, file.path)))
  const [row] = await engine.rows(`SELECT num_rows FROM parquet_file_metadata(${path})`)
  return Number(row!['num_rows'])
}

/** The remove action of an alive file, with the deletion vector that it has. */
export function removal(file: AddFile): RemoveFile {
  return {
    path: file.path,
    deletionTimestamp: Date.now(),
    dataChange: true,
    extendedFileMetadata: true,
    partitionValues: file.partitionValues,
    size: file.size,
    ...(file.deletionVector ? { deletionVector: file.deletionVector } : {}),
  }
}
