import type { AddFile } from './actions.ts'
import type { Change } from './changes.ts'
import type { DeltaField } from './delta-types.ts'
import type { Engine } from './engine.ts'
import { type Fill, fillColumns } from './fill.ts'
import type { Lake } from './lake.ts'
import type { Layout } from './layout.ts'
import { type MergeTarget, mergeSegment } from './merge.ts'
import type { TableChange } from './metadata.ts'
import { type RowWriter, fileName } from './parquet.ts'
import { writeRows } from './partitions.ts'
import type { RoaringSet } from './roaring.ts'
import { Stage, chunkRowsMax } from './stage.ts'
import type { Storage } from './storage.ts'

/** `load`: rows that are added and nothing else. `merge`: changes that replace or delete rows by their keys, or by the row before. */
export type SegmentKind = 'load' | 'merge'

/** Changes that lie in one stage because they have one layout and kind; the parts of a window, in order. */
export interface Segment {
  readonly kind: SegmentKind
  readonly layout: Layout
  readonly stage: Stage<Change>
  /** Estimated bytes of the rows in it. */
  bytes: number
}

/** What a window needs to know of its table. */
export interface WindowTable {
  readonly name: string
  /** Files alive in the table as it is committed. */
  files(): Iterable<AddFile>
  partitionColumns(): readonly string[]
  /** The rows of an alive file that are masked already; undefined: none. */
  masked(file: AddFile): Promise<RoaringSet | undefined>
}

/** Everything that a window wrote and decided, for the commit. */
export interface Staged {
  /** Files written by the window, by path. */
  readonly adds: Map<string, AddFile>
  /** Rows that the window masks, by path: of the table's files and of its own. */
  readonly masks: Map<string, RoaringSet>
  /** DuckDB tables of the keys it changed, for a second look-up when other writers commit in between. */
  readonly keys: KeyTable[]
  /** True: everything that the table held before goes (a truncate, a snapshot that takes its place, or rows written anew with a column's value). */
  replaces: boolean
  /** True: what takes the table's place was made of its own files, so no other writer may have changed them. */
  filled: boolean
}

export interface KeyTable {
  readonly table: string
  /** Matches a row of a file (alias f) with one of the table (alias k), and the file's columns that it reads. */
  readonly condition: string
  readonly columns: readonly string[]
}

/**
 * One table's share of a flush window: changes are staged in order, written to files as they grow beyond the budget, and everything becomes
 * visible by one commit. Files that exist are never touched; which of their rows the window masks is kept beside.
 */
export class Window {
  readonly #lake: Pick<Lake, 'alive'>
  readonly #engine: Engine
  readonly #storage: Storage
  readonly #table: WindowTable
  readonly #write: RowWriter
  /** What is staged and not written to files yet, oldest first; `reset`: everything before it is forgotten. */
  readonly #queue: (Segment | Fill | 'reset')[] = []
  /** Wait for the first segment that has their columns. */
  #fills: Fill[] = []
  #draining: Promise<void> | undefined
  readonly staged: Staged = { adds: new Map(), masks: new Map(), keys: [], replaces: false, filled: false }
  /** The table's columns and properties when this window is committed. */
  change: TableChange

  constructor(lake: Pick<Lake, 'engine' | 'storage' | 'alive'>, table: WindowTable, write: RowWriter, change: TableChange) {
    this.#lake = lake
    this.#engine = lake.engine
    this.#storage = lake.storage
    this.#table = table
    this.#write = write
    this.change = change
  }

  /** The segment that takes changes now; undefined: the next change needs a new one. */
  get open(): Segment | undefined {
    const last = this.#queue.at(-1)
    return last !== undefined && last !== 'reset' && last.kind !== 'fill' && last.stage.open ? last : undefined
  }

  /** Makes a segment for later use; `begin` puts it in its place. Its columns take their types and physical names from the table. */
  async prepare(kind: SegmentKind, layout: Layout): Promise<Segment> {
    const fields = this.change.schema.fields
    const columns = layout.columns.map((column, index) =>
      index < layout.fields.length ? { ...column, field: fields.find((field) => field.name === column.field.name)! } : column,
    )
    return { kind, layout, stage: await Stage.create(this.#engine, columns), bytes: 0 }
  }

  /** True: the table is known to have no row from before what comes next. */
  get empty(): boolean {
    const last = this.#queue.at(-1)
    if (last !== undefined) return last === 'reset'
    const { adds, replaces } = this.staged
    return adds.size === 0 && (replaces || this.#table.files()[Symbol.iterator]().next().done === true)
  }

  /** Ends the open segment; the changes that follow go into this one. Rows from before get the values of the columns that it brings. */
  begin(segment: Segment): void {
    this.seal()
    const brings = (fill: Fill): boolean => fill.names.some((name) => segment.layout.fields.some((field) => field.name === name))
    this.#queue.push(...this.#fills.filter(brings), segment)
    this.#fills = this.#fills.filter((fill) => !brings(fill))
  }

  /** Takes a fill that is due before the first segment with its columns. */
  expect(fill: Fill): void {
    this.#fills.push(fill)
  }

  /** Stages changes[start .. end) in the open segment. Throws a StageError for a value that its column cannot hold; its chunk is not staged then. */
  add(changes: readonly Change[], start: number, end: number): void {
    const segment = this.open!
    for (let at = start; at < end; at += chunkRowsMax) {
      const stop = Math.min(end, at + chunkRowsMax)
      segment.stage.add(changes, at, stop)
      segment.bytes += estimateBytes(changes, at, stop)
    }
  }

  /** Forgets all changes so far and everything that the table holds: what follows is the table's whole content. */
  reset(): void {
    this.seal()
    this.#queue.push('reset')
  }

  /** Ends the open segment, so that `drain` writes its rows. */
  seal(): void {
    this.open?.stage.seal()
  }

  /** Seals the window for its commit: columns whose first segment did not come are filled too, as the commit adds them. */
  close(): void {
    this.seal()
    this.#queue.push(...this.#fills.splice(0))
  }

  /** Writes all sealed segments to files, in order. After a rejection it may be called again: what was not written is still staged. */
  async drain(): Promise<void> {
    this.#draining ??= this.#drain().finally(() => (this.#draining = undefined))
    await this.#draining
  }

  /** Starts `drain` and lets it run beside the next changes, which are staged meanwhile. */
  drainBehind(): void {
    // What fails here is still staged: the next `drain` tries it again and reports.
    this.drain().catch(() => undefined)
  }

  /** Drops what is staged in memory; with `files`, also the files that no commit names. */
  async dispose(files: boolean): Promise<void> {
    // A failure of the work in flight was reported to whoever waited for it; here it only must be over.
    await this.#draining?.catch(() => undefined)
    for (const item of [...this.#queue.splice(0), ...this.#fills.splice(0)]) if (item !== 'reset') await item.stage[Symbol.asyncDispose]()
    await this.#forget(files)
  }

  async #drain(): Promise<void> {
    for (;;) {
      const reset = this.#queue.lastIndexOf('reset')
      const item = this.#queue[0]
      if (item === undefined || (item !== 'reset' && item.stage.open)) return
      if (item === 'reset') {
        await this.#forget(true)
        this.staged.replaces = true
        this.staged.filled = false
      } else {
        if (reset < 0) await (item.kind === 'fill' ? fillColumns(this.#target([], 0), item, () => this.#lake.alive()) : this.#resolve(item))
        await item.stage[Symbol.asyncDispose]()
      }
      this.#queue.shift()
      this.#lake.alive()
    }
  }

  async #resolve(segment: Segment): Promise<void> {
    const { stage, layout } = segment
    if (stage.rows === 0) return
    const fields = stage.columns.slice(0, layout.fields.length).map((column) => column.field)
    const target = this.#target(fields, segment.bytes / stage.rows)
    if (segment.kind === 'load') {
      const adds = await writeRows(this.#engine, this.#write, `SELECT * FROM ${stage.table}`, target.output)
      for (const add of adds) this.staged.adds.set(add.path, add)
      return
    }
    await mergeSegment(target, segment)
  }

  #target(fields: readonly DeltaField[], rowBytes: number): MergeTarget {
    return {
      engine: this.#engine,
      storage: this.#storage,
      write: this.#write,
      table: this.#table,
      staged: this.staged,
      output: { fields, partitionColumns: this.#table.partitionColumns(), rowBytes, schema: this.change.schema },
    }
  }

  async #forget(files: boolean): Promise<void> {
    for (const key of this.staged.keys.splice(0)) await this.#engine.run(`DROP TABLE IF EXISTS ${key.table}`)
    if (files) for (const path of this.staged.adds.keys()) await this.#storage.delete(fileName(this.#table.name, path))
    this.staged.adds.clear()
    this.staged.masks.clear()
  }
}

/** Rows of a chunk that are measured. */
const samples = 4

/** Bytes of the rows, from a few of them: good enough for a budget. */
function estimateBytes(changes: readonly Change[], start: number, end: number): number {
  const count = Math.min(samples, end - start)
  let bytes = 0
  for (let index = 0; index < count; index++) bytes += sizeOf(changes[start + Math.floor((index * (end - start)) / count)]!.row) + 16
  return Math.ceil((bytes / count) * (end - start))
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 16
  if (typeof value !== 'object' || value === null) return 8
  if (value instanceof Uint8Array) return value.length + 16
  let bytes = 16
  for (const part of value instanceof Map ? value.values() : Object.values(value)) bytes += sizeOf(part)
  return bytes
}
