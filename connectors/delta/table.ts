import { DataError } from '../../core/index.ts'
import { addedColumns, untoldColumns } from './added.ts'
import type { Change, SourceBlock } from './changes.ts'
import { Checkpoints } from './checkpoint.ts'
import { compact } from './compaction.ts'
import type { DeltaField, DeltaSchema } from './delta-types.ts'
import { VectorCache } from './file-actions.ts'
import { prepareFill } from './fill.ts'
import type { Lake } from './lake.ts'
import type { Layout } from './layout.ts'
import type { FlushNote } from './ledger.ts'
import { type TableState, readTable } from './log.ts'
import { changeTable, checkSupported, formProperty, modeProperty, sourcesProperty } from './metadata.ts'
import { MissingColumns } from './missing.ts'
import { checkLiteColumns, writeParquetLite } from './parquet-lite.ts'
import { type RowWriter, writeParquet } from './parquet.ts'
import { type Cursor, type PlannedBatch, Planner, type Rejected } from './plan.ts'
import { Positions, otherWriters } from './positions.ts'
import { evolve } from './schema.ts'
import { StageError, chunkRowsMax } from './stage.ts'
import { commitWindow } from './window-commit.ts'
import { type Segment, Window, type WindowTable } from './window.ts'

/** A batch that only waits to be staged: everything that can fail for reasons outside of the records is done. */
export interface PreparedBatch {
  readonly planned: PlannedBatch
  /** One per `stage` step; undefined: the open segment goes on. */
  readonly segments: readonly (Segment | undefined)[]
  readonly refused: ReadonlyMap<Layout, DataError>
}

const noCursor: Cursor = { layout: undefined, kind: undefined, loading: -1 }

/** One Delta table that the task writes: its log's state, how far each source partition got in it, and the window of changes not committed yet. */
export class LakeTable {
  readonly name: string
  readonly #lake: Lake
  readonly #state: TableState
  readonly #positions: Positions
  readonly #planner: Planner
  readonly #vectors: VectorCache
  readonly #missing: MissingColumns
  readonly #checkpoints = new Checkpoints()
  readonly #write: RowWriter
  #cursor = noCursor
  #envelopes = false
  /** Names of the source tables that feed this table; with more than one, a snapshot of one of them replaces nothing. */
  readonly #sources: Set<string>
  #lastSource: SourceBlock = {}
  /** True once a batch went into the window: there is something to commit, if only how far the source got. */
  #touched = false
  #window: Window | undefined

  private constructor(lake: Lake, name: string, state: TableState) {
    this.#lake = lake
    this.name = name
    this.#state = state
    this.#positions = new Positions(lake.connector, lake.generation, state.transactions)
    const { partitions } = this.#positions
    const older = partitions.length > 0 ? [] : state.schema.fields.map((field) => field.name)
    this.#missing = new MissingColumns(name, lake, older, partitions)
    this.#planner = new Planner(name, lake.config)
    this.#sources = new Set(JSON.parse(state.metaData?.configuration[sourcesProperty] ?? '[]') as string[])
    this.#vectors = new VectorCache(lake.storage, name)
    const compression = lake.config['parquet.compression']
    const write = lake.config['parquet.writer'] === 'parquetjs-lite' ? writeParquetLite : writeParquet
    this.#write = (content) => write(lake.engine, lake.storage, name, content, compression)
  }

  /** Reads the table's log, if there is one. Throws where the table cannot be written by this sink in its mode. */
  static async open(lake: Lake, name: string): Promise<LakeTable> {
    const state = await readTable(lake.storage, lake.engine, name)
    checkSupported(name, state)
    const { mode } = lake.config
    const made = state.metaData?.configuration[modeProperty]
    if (made !== undefined && made !== mode) {
      throw new Error(
        `Table ${name} was made in ${made} mode and cannot be written in ${mode} mode; set sink.mode=${made} or another sink.path`,
      )
    }
    if (mode === 'upsert' && state.metaData?.configuration['delta.appendOnly'] === 'true') {
      throw new Error(`Table ${name} is append-only (delta.appendOnly=true) and cannot be written in upsert mode`)
    }
    const others = otherWriters(lake.connector, state.transactions.keys())
    if (others.length > 0) {
      const harm = mode === 'upsert' ? "overwrite each other's rows" : 'both add their rows to it'
      lake.log.warn(
        { table: name, connectors: others },
        `Table ${name} was written by connector ${others.join(', ')} before. Two running connectors with one table ${harm}; if the other one still runs, give one of them a different path or table.name.format`,
      )
    }
    return new LakeTable(lake, name, state)
  }

  /** The newest version; -1: the table does not exist yet. */
  get version(): number {
    return this.#state.version
  }

  /** True where changes wait for a commit. */
  get pending(): boolean {
    return this.#touched && (this.version >= 0 || this.#window?.change.metaData !== undefined)
  }

  /** True where the table's records are Debezium envelopes, as far as the table remembers. */
  get holdsEnvelopes(): boolean {
    return this.#envelopes || this.#state.metaData?.configuration[formProperty] === 'envelope'
  }

  /** Learns from a change, also from one that it has already: whether the table's records are envelopes, and which source tables feed it. */
  saw(change: Change): void {
    if (!change.envelope) return
    this.#envelopes = true
    this.#missing.saw(change)
    const { source } = change
    if (source === null || (source.table === this.#lastSource.table && source.schema === this.#lastSource.schema)) return
    this.#lastSource = source
    this.#sources.add([source.db, source.schema, source.table].filter((part) => typeof part === 'string').join('.'))
  }

  /** True: the record is part of the table already. */
  has(change: Change): boolean {
    return change.record.origin !== null && this.#positions.has(change.record.origin)
  }

  /** Writes ahead what is over the memory budget. May reject with nothing lost. */
  async relieve(): Promise<void> {
    const window = this.#window
    if (!window || (window.open?.bytes ?? 0) < this.#lake.config['file.target.bytes']) return
    await window.drain()
    window.seal()
    window.drainBehind()
  }

  /** Does all of a batch's work that may fail for outside reasons: columns, segments. The batch is taken by `apply`, or left without a trace. */
  async prepare(changes: readonly Change[]): Promise<PreparedBatch> {
    const window = (this.#window ??= this.#newWindow())
    const planned = this.#planner.plan(changes, this.#cursor, this.#sources.size > 1)
    const refused = new Map<Layout, DataError>()
    const segments: (Segment | undefined)[] = []
    let open = window.open
    let empty = window.empty
    for (const step of planned.steps) {
      if (step.do === 'reset') {
        open = undefined
        empty = true
        continue
      }
      const former = window.change
      try {
        if (this.#sources.size <= 1) this.#missing.check(former.schema, step.layout, step.changes)
        const added = this.#follow(window, step.layout)
        if (!empty) await this.#fill(window, step.layout, added)
        empty = false
      } catch (error) {
        window.change = former
        if (!(error instanceof DataError)) throw error
        refused.set(step.layout, error)
        segments.push(undefined)
        continue
      }
      if (open && !step.fresh && open.kind === step.kind && open.layout === step.layout) segments.push(undefined)
      else segments.push((open = await window.prepare(step.kind, step.layout)))
    }
    return { planned, segments, refused }
  }

  /** Takes the batch; resolves nothing, waits for nothing. Returns the changes that cannot be written. */
  apply({ planned, segments, refused }: PreparedBatch): readonly Rejected[] {
    const window = this.#window!
    const rejected: Rejected[] = [...planned.rejected]
    let stage = 0
    this.#touched = true
    for (const step of planned.steps) {
      if (step.do === 'reset') {
        window.reset()
        continue
      }
      const error = refused.get(step.layout)
      const segment = segments[stage++]
      if (error) {
        for (const change of step.changes) rejected.push({ change, error })
        continue
      }
      if (segment) window.begin(segment)
      for (let at = 0; at < step.changes.length; at += chunkRowsMax) {
        this.#stage(window, step.changes, at, Math.min(step.changes.length, at + chunkRowsMax), rejected)
      }
    }
    this.#cursor = planned.cursor
    return rejected
  }

  /** Notes that a change is dealt with: the next commit carries its place. */
  take(change: Change): void {
    if (change.record.origin) this.#positions.take(change.record.origin, change.load && change.record.origin.seq >= 1)
  }

  /** The columns before and after the changes taken so far, and how a new table would be laid out. */
  get outlook(): {
    readonly before: DeltaSchema
    readonly after: DeltaSchema
    readonly partitionBy: readonly string[]
    readonly keys: readonly string[]
  } {
    const change = this.#window?.change
    const before = this.#state.schema
    return {
      before,
      after: change?.schema ?? before,
      partitionBy: change?.metaData?.partitionColumns ?? [],
      keys: this.#cursor.layout?.keys ?? [],
    }
  }

  /** Writes what is staged to files. */
  async drain(kill: AbortSignal): Promise<void> {
    kill.throwIfAborted()
    this.#window?.close()
    await this.#window?.drain()
  }

  /** Makes the window visible in one commit; `drain` came before it. After a rejection it may be called again. */
  async commit(note: FlushNote, kill: AbortSignal): Promise<void> {
    const window = this.#window
    if (!window) return
    const version = await commitWindow(this.#lake, {
      name: this.name,
      state: this.#state,
      window,
      positions: this.#positions,
      vectors: this.#vectors,
      write: this.#write,
      note,
      kill,
    })
    this.#positions.committed()
    this.#window = undefined
    this.#touched = false
    this.#cursor = { ...noCursor, loading: this.#cursor.loading }
    await window.dispose(false)
    await this.#tidy(version, kill)
  }

  /** Drops what is not committed. */
  async dispose(): Promise<void> {
    await this.#window?.dispose(true)
    this.#window = undefined
  }

  /** Work after a commit that readers profit from. The rows are safe already, so a failure is told and the task goes on. */
  async #tidy(version: number, kill: AbortSignal): Promise<void> {
    const { storage, engine, config, log } = this.#lake
    try {
      await compact(this.#lake, { name: this.name, state: this.#state, write: this.#write, vectors: this.#vectors }, kill)
    } catch (error) {
      if (kill.aborted) return
      log.warn({ table: this.name, version, error }, 'The small files were not merged; it is tried again after the next flush')
    }
    if (kill.aborted) return
    const interval = Number(this.#state.metaData!.configuration['delta.checkpointInterval'] ?? config['checkpoint.interval'])
    try {
      await this.#checkpoints.keep(storage, engine, this.name, this.#state, interval)
    } catch (error) {
      log.warn({ table: this.name, version, error }, 'The checkpoint was not written; readers go through the commits instead')
    }
  }

  #newWindow(): Window {
    const table: WindowTable = {
      name: this.name,
      files: () => this.#state.files.values(),
      partitionColumns: () => this.#window!.change.metaData?.partitionColumns ?? this.#state.metaData?.partitionColumns ?? [],
      masked: (file) => this.#vectors.masked(file),
    }
    return new Window(this.#lake, table, this.#write, { schema: this.#state.schema })
  }

  /** Sees to it that rows from before have the value in new columns that the source's rows have in them. Append mode is a log: what came before stays. */
  async #fill(window: Window, layout: Layout, names: readonly string[]): Promise<void> {
    if (names.length === 0 || this.#lake.config.mode === 'append') return
    const added = addedColumns(this.name, layout, names, this.#sources.size > 1)
    const untold = untoldColumns(layout, names)
    if (untold.length > 0) {
      this.#lake.log.warn(
        { table: this.name, columns: untold },
        'New columns that have a default or are never null at the source are null in the rows from before, as their values were not told; unless updates of these rows follow, take a new snapshot',
      )
    }
    if (added.length > 0) window.expect(await prepareFill(this.#lake.engine, this.name, window.change.schema, added))
  }

  /** Adds the layout's new columns to what the window will commit; returns their names, but none for a table that is new itself. Throws a DataError where they do not fit the table. */
  #follow(window: Window, layout: Layout): readonly string[] {
    if (this.#lake.config['parquet.writer'] === 'parquetjs-lite') checkLiteColumns(this.name, layout.fields)
    const { added } = evolve(this.name, window.change.schema, layout.fields)
    const exists = this.#state.version >= 0
    if (exists && added.length > 0 && this.#lake.config['schema.evolution'] === 'none') {
      throw new DataError(
        `Table ${this.name}: records have new columns (${names(added)}) and schema.evolution=none; set it to "add" or exclude them`,
      )
    }
    const properties = { ...(exists ? {} : this.#marks()), ...(this.#sources.size > 0 ? { [sourcesProperty]: this.#sourcesText() } : {}) }
    const { config } = this.#lake
    const state = { ...this.#state, schema: window.change.schema, metaData: window.change.metaData ?? this.#state.metaData }
    const change = changeTable(state, added, properties, {
      deletionVectors: config.mode === 'upsert' && config['delta.deletion.vectors'],
      partitionBy: config['partition.by'],
    })
    const isNew = state.metaData === undefined
    window.change = { ...window.change, ...change }
    return isNew ? [] : added.map((field) => field.name)
  }

  #marks(): Readonly<Record<string, string>> {
    return { [modeProperty]: this.#lake.config.mode, [formProperty]: this.#envelopes ? 'envelope' : 'flat' }
  }

  #sourcesText(): string {
    return JSON.stringify([...this.#sources].sort())
  }

  #stage(window: Window, changes: readonly Change[], start: number, end: number, rejected: Rejected[]): void {
    let chunk: readonly Change[] = start === 0 && end === changes.length ? changes : changes.slice(start, end)
    for (;;) {
      try {
        window.add(chunk, 0, chunk.length)
        return
      } catch (error) {
        if (!(error instanceof StageError)) throw error
        const change = chunk[error.index]!
        rejected.push({ change, error: this.#cellError(change, error) })
        chunk = chunk.filter((one) => one !== change)
        if (chunk.length === 0) return
      }
    }
  }

  #cellError(change: Change, error: StageError): DataError {
    const key = change.key === null ? 'a row without a key' : `key ${keyText(change.key)}`
    return new DataError(`Table ${this.name}, column "${error.column}", ${key}: ${error.message}`, { cause: error.cause })
  }
}

function names(fields: readonly DeltaField[]): string {
  return fields.map((field) => `"${field.name}"`).join(', ')
}

function keyText(key: unknown): string {
  return JSON.stringify(key, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)) ?? String(key)
}
