import { type ConnectRecord, DataError, type Offsets, type SinkTask, type TaskContext } from '../../core/index.ts'
import type { Change } from './changes.ts'
import { type DeltaConfig, normalized } from './config.ts'
import { Engine } from './engine.ts'
import { type FlushNote, Ledger, type Standing } from './ledger.ts'
import { openStorage } from './open-storage.ts'
import { RecordReader } from './reader.ts'
import { withRetry } from './io-errors.ts'
import type { Lake } from './lake.ts'
import { LakeTable, type PreparedBatch } from './table.ts'
import type { Storage } from './storage.ts'
import { tablePath } from './table-path.ts'

interface TableBatch {
  readonly table: LakeTable
  readonly changes: Change[]
}

interface RejectedRecord {
  readonly record: ConnectRecord
  readonly error: DataError
}

/**
 * Writes records to Delta tables. `put` stages rows and writes ahead what exceeds the budget; `flush` makes everything visible, one commit
 * per table, each with the source's positions and the connector's offsets in it.
 */
export class DeltaSinkTask implements SinkTask {
  readonly #config: DeltaConfig
  readonly #context: TaskContext
  #storage: Storage | undefined
  #lake: Lake | undefined
  #ledger: Ledger | undefined
  #standing: Standing = { flush: 0, offsets: undefined }
  /** A flush that was begun and not finished: tried again under the same number. */
  #flushing: FlushNote | undefined
  readonly #tables = new Map<string, LakeTable>()
  readonly #byTopic = new Map<string, LakeTable>()
  readonly #reader: RecordReader
  #replayed = 0
  /** Set when records were taken in part: nothing may be committed any more. */
  #broken: unknown

  constructor(config: DeltaConfig, context: TaskContext) {
    this.#config = normalized(config)
    this.#context = context
    this.#reader = new RecordReader(config['unavailable.value.placeholder'], context.log)
  }

  async open(): Promise<void> {
    const { connector, task, generation } = this.#context
    const storage = await openStorage(this.#config, () => this.#context.report({}))
    this.#storage = storage
    this.#ledger = new Ledger(storage, connector, task, generation)
    this.#standing = await this.#ledger.standing()
  }

  /** DuckDB comes with the first record: a task that has nothing to write does without its 45 MB. */
  async #openLake(): Promise<Lake> {
    const { connector, generation, log } = this.#context
    const engine = await Engine.open({ memoryLimit: this.#config['duckdb.memory.limit'] })
    const alive = (): void => this.#context.report({})
    return { storage: this.#storage!, engine, config: this.#config, connector, generation, log, alive }
  }

  committed(): Promise<Offsets | undefined> {
    return Promise.resolve(this.#standing.offsets)
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    this.#check()
    const rejected: RejectedRecord[] = []
    const prepared = await this.#passing(() => this.#prepare(records, rejected, kill))
    // From here on the records are taken: whatever fails now has taken some, so the task cannot go on.
    try {
      for (const [{ table, changes }, batch] of prepared) {
        for (const { change, error } of table.apply(batch)) rejected.push({ record: change.record, error })
        for (const change of changes) table.take(change)
      }
      for (const { record, error } of rejected) await this.#context.reject(record, error)
    } catch (error) {
      this.#broken = error
      throw error
    }
  }

  async flush(offsets: Offsets, kill: AbortSignal): Promise<void> {
    this.#check()
    const all: Offsets = { ...this.#standing.offsets, ...offsets }
    const pending = [...this.#tables.values()].filter((table) => table.pending)
    const note = this.#note(all, pending)
    await this.#passing(() => this.#commit(note, pending, kill))
    this.#standing = { flush: note.flush, offsets: all }
    this.#flushing = undefined
    await this.#storage!.tidy()
    if (this.#replayed > 0) {
      this.#context.log.debug({ records: this.#replayed }, 'Records that the tables had already were left out')
      this.#replayed = 0
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const table of this.#tables.values()) await table.dispose()
    await this.#lake?.engine[Symbol.asyncDispose]()
    await this.#storage?.[Symbol.asyncDispose]()
  }

  /** Everything that may fail for reasons outside of the records; nothing is taken yet. */
  async #prepare(
    records: readonly ConnectRecord[],
    rejected: RejectedRecord[],
    kill: AbortSignal,
  ): Promise<readonly (readonly [TableBatch, PreparedBatch])[]> {
    for (const record of records) if (!this.#byTopic.has(record.topic)) await this.#openTable(record.topic)
    for (const table of this.#tables.values()) await table.relieve()
    kill.throwIfAborted()
    const prepared: [TableBatch, PreparedBatch][] = []
    for (const batch of this.#read(records, rejected)) prepared.push([batch, await batch.table.prepare(batch.changes)])
    return prepared
  }

  async #commit(note: FlushNote, pending: readonly LakeTable[], kill: AbortSignal): Promise<void> {
    const ledger = this.#ledger!
    if (note.tables.length === 0) {
      await ledger.keep(note.flush, note.offsets)
      return
    }
    await eachOf(pending, (table) => table.drain(kill))
    await ledger.register(note.tables)
    await eachOf(pending, async (table) => {
      await table.commit(note, kill)
      this.#context.report({ tables: this.#versions() })
    })
  }

  async #passing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw withRetry(error, this.#config.path)
    }
  }

  #check(): void {
    if (this.#broken !== undefined) throw new Error('The sink took a batch in part and must start again', { cause: this.#broken })
  }

  #note(offsets: Offsets, pending: readonly LakeTable[]): FlushNote {
    const begun = this.#flushing
    if (begun && JSON.stringify(begun.offsets) === JSON.stringify(offsets)) return begun
    return (this.#flushing = {
      connector: this.#context.connector,
      task: this.#context.task,
      generation: this.#context.generation,
      flush: Math.max(this.#standing.flush, begun?.flush ?? 0) + 1,
      offsets,
      previous: this.#standing.offsets ?? null,
      tables: pending.map((table) => table.name),
    })
  }

  #versions(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#tables.values()].filter((table) => table.version >= 0).map((table) => [table.name, table.version]))
  }

  async #openTable(topic: string): Promise<void> {
    const name = tablePath(this.#config['table.name.format'], topic)
    let table = this.#tables.get(name)
    if (!table) {
      await this.#checkNesting(name)
      this.#lake ??= await this.#openLake()
      table = await LakeTable.open(this.#lake, name)
      this.#tables.set(name, table)
    } else if (this.#config['table.name.format'] === '') {
      throw new Error(
        `Topics ${this.#topicOf(table)} and ${topic} both belong to table ${name}; set table.name.format, for example to \${topic}`,
      )
    }
    this.#byTopic.set(topic, table)
  }

  /** A table inside of another one's folder would be taken for that table's stray files, and be deleted by its next vacuum. */
  async #checkNesting(name: string): Promise<void> {
    const storage = this.#storage!
    const parts = name.split('/')
    const outer = parts.slice(0, -1).map((_part, index) => parts.slice(0, index + 1).join('/'))
    const inner = [...this.#ledger!.tables, ...this.#tables.keys()].find((other) => other.startsWith(`${name}/`))
    for (const folder of outer) {
      if (this.#tables.has(folder) || (await storage.list(folder)).includes('_delta_log')) throw nested(name, folder)
    }
    if (inner !== undefined) throw nested(inner, name)
  }

  #topicOf(table: LakeTable): string {
    return [...this.#byTopic].find(([, one]) => one === table)?.[0] ?? table.name
  }

  /** The changes of the records by table, without those that a table has already. Records that are no rows are rejected or skipped. */
  #read(records: readonly ConnectRecord[], rejected: RejectedRecord[]): readonly TableBatch[] {
    const batches = new Map<LakeTable, TableBatch>()
    for (const record of records) {
      const table = this.#byTopic.get(record.topic)!
      let change: Change | undefined
      try {
        change = this.#reader.read(record, table.holdsEnvelopes)
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        rejected.push({ record, error })
        continue
      }
      if (!change) continue
      table.saw(change)
      if (table.has(change)) {
        this.#replayed++
        continue
      }
      let batch = batches.get(table)
      if (!batch) batches.set(table, (batch = { table, changes: [] }))
      batch.changes.push(change)
    }
    return [...batches.values()]
  }
}

function nested(inner: string, outer: string): Error {
  return new Error(`Table ${inner} would lie inside the folder of table ${outer}; set table.name.format, for example to \${topic}`)
}

/** Tables that are written at the same time; DuckDB has as many connections. */
const tablesAtOnce = 3

/** Does the work for every table, some at a time. After a failure no other begins, and all that began are waited for before it is thrown. */
async function eachOf(tables: readonly LakeTable[], work: (table: LakeTable) => Promise<void>): Promise<void> {
  const left = [...tables]
  const lane = async (): Promise<void> => {
    for (let table = left.shift(); table; table = left.shift()) {
      try {
        await work(table)
      } catch (error) {
        left.length = 0
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: tablesAtOnce }, lane))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}
