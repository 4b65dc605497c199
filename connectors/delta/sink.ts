import { type ConnectRecord, DataError, type Offsets, type Schema, type SinkTask, type TaskContext } from '../../core/index.ts'
import { type Change, type Form, envelopeChange, flatChange, formOf, placeholderSearch } from './changes.ts'
import type { DeltaConfig } from './config.ts'
import { Engine } from './engine.ts'
import { type FlushNote, Ledger, type Standing } from './ledger.ts'
import { LocalStorage } from './storage.ts'
import type { Rejected } from './plan.ts'
import { type Lake, LakeTable, type PreparedBatch } from './table.ts'
import { tablePath } from './table-path.ts'

/** How the records of a topic with one value schema become changes. */
interface Reader {
  readonly schema: Schema | null
  readonly form: Form | undefined
  readonly unavailable: (row: object) => readonly string[] | null
}

interface TableBatch {
  readonly table: LakeTable
  readonly changes: Change[]
}

/**
 * Writes records to Delta tables. `put` stages rows and writes ahead what exceeds the budget; `flush` makes everything visible, one commit
 * per table, each with the source's positions and the connector's offsets in it.
 */
export class DeltaSinkTask implements SinkTask {
  readonly #config: DeltaConfig
  readonly #context: TaskContext
  #lake: Lake | undefined
  #ledger: Ledger | undefined
  #standing: Standing = { flush: 0, offsets: undefined }
  /** A flush that was begun and not finished: tried again under the same number. */
  #flushing: FlushNote | undefined
  readonly #tables = new Map<string, LakeTable>()
  readonly #byTopic = new Map<string, LakeTable>()
  readonly #readers = new WeakMap<Schema, Reader>()
  readonly #skipped = new Set<string>()
  #replayed = 0
  /** Set when records were taken in part: nothing may be committed any more. */
  #broken: unknown

  constructor(config: DeltaConfig, context: TaskContext) {
    this.#config = config
    this.#context = context
  }

  async open(): Promise<void> {
    const { connector, generation, log } = this.#context
    const storage = await LocalStorage.open(this.#config.path)
    const engine = await Engine.open({ memoryLimit: this.#config['duckdb.memory.limit'] })
    this.#lake = { storage, engine, config: this.#config, connector, generation, log }
    this.#ledger = new Ledger(storage, connector, generation)
    this.#standing = await this.#ledger.standing()
  }

  committed(): Promise<Offsets | undefined> {
    return Promise.resolve(this.#standing.offsets)
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    this.#check()
    for (const record of records) if (!this.#byTopic.has(record.topic)) await this.#openTable(record.topic)
    for (const table of this.#tables.values()) await table.relieve()
    kill.throwIfAborted()
    const rejected: Rejected[] = []
    const batches = this.#read(records, rejected)
    const prepared: [TableBatch, PreparedBatch][] = []
    for (const batch of batches) prepared.push([batch, await batch.table.prepare(batch.changes)])
    // From here on the records are taken: whatever fails now has taken some, so the task cannot go on.
    try {
      for (const [{ table, changes }, batch] of prepared) {
        rejected.push(...table.apply(batch))
        for (const change of changes) table.take(change)
      }
      for (const { change, error } of rejected) await this.#context.reject(change.record, error)
    } catch (error) {
      this.#broken = error
      throw error
    }
  }

  async flush(offsets: Offsets, kill: AbortSignal): Promise<void> {
    this.#check()
    const ledger = this.#ledger!
    const all: Offsets = { ...this.#standing.offsets, ...offsets }
    const pending = [...this.#tables.values()].filter((table) => table.pending)
    const note = this.#note(all, pending)
    if (note.tables.length === 0) {
      await ledger.keep(note.flush, all)
    } else {
      for (const table of pending) await table.drain()
      await ledger.register(note.tables)
      for (const table of pending) {
        await table.commit(note, kill)
        this.#context.report({ tables: this.#versions() })
      }
    }
    this.#standing = { flush: note.flush, offsets: all }
    this.#flushing = undefined
    if (this.#replayed > 0) {
      this.#context.log.debug({ records: this.#replayed }, 'Records that the tables had already were left out')
      this.#replayed = 0
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const table of this.#tables.values()) await table.dispose()
    await this.#lake?.engine[Symbol.asyncDispose]()
  }

  #check(): void {
    if (this.#broken !== undefined) throw new Error('The sink took a batch in part and must start again', { cause: this.#broken })
  }

  #note(offsets: Offsets, pending: readonly LakeTable[]): FlushNote {
    const begun = this.#flushing
    if (begun && JSON.stringify(begun.offsets) === JSON.stringify(offsets)) return begun
    return (this.#flushing = {
      connector: this.#context.connector,
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
      table = await LakeTable.open(this.#lake!, name)
      this.#tables.set(name, table)
    } else if (this.#config['table.name.format'] === '') {
      throw new Error(
        `Topics ${this.#topicOf(table)} and ${topic} both belong to table ${name}; set table.name.format, for example to \${topic}`,
      )
    }
    this.#byTopic.set(topic, table)
  }

  #topicOf(table: LakeTable): string {
    return [...this.#byTopic].find(([, one]) => one === table)?.[0] ?? table.name
  }

  /** The changes of the records by table, without those that a table has already. Records that are no rows are rejected or skipped. */
  #read(records: readonly ConnectRecord[], rejected: Rejected[]): readonly TableBatch[] {
    const batches = new Map<LakeTable, TableBatch>()
    for (const record of records) {
      const table = this.#byTopic.get(record.topic)!
      let change: Change | undefined
      try {
        change = this.#change(record, table)
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        rejected.push({ change: flatChange(record, null, noneUnavailable), error })
        continue
      }
      if (!change) continue
      if (change.envelope) table.sawEnvelope()
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

  #change(record: ConnectRecord, table: LakeTable): Change | undefined {
    if (record.valueSchema === null) {
      if (record.value !== null) throw new DataError(`Topic ${record.topic}: the value has no schema; use a converter with schemas`)
      // After a Debezium delete comes a tombstone for Kafka's compaction; the delete itself said it all.
      if (table.holdsEnvelopes) return undefined
      if (record.key === null) throw new DataError(`Topic ${record.topic}: a record with neither key nor value deletes nothing`)
      return flatChange(record, null, noneUnavailable)
    }
    const reader = this.#reader(record.valueSchema)
    const { form } = reader
    if (form!.kind === 'skip') {
      const name = record.valueSchema.name!
      if (!this.#skipped.has(name))
        this.#context.log.info({ schema: name, topic: record.topic }, 'Records of this schema are no rows and are left out')
      this.#skipped.add(name)
      return undefined
    }
    if (form!.kind === 'flat') return flatChange(record, form!.rowSchema, reader.unavailable)
    return record.value === null ? undefined : envelopeChange(record, form!.rowSchema, reader.unavailable)
  }

  #reader(schema: Schema): Reader {
    const known = this.#readers.get(schema)
    if (known) return known
    const form = formOf(schema)
    const reader: Reader = {
      schema,
      form,
      unavailable:
        form.kind === 'skip' ? noneUnavailable : placeholderSearch(form.rowSchema, this.#config['unavailable.value.placeholder']),
    }
    this.#readers.set(schema, reader)
    return reader
  }
}

const noneUnavailable = (): null => null
