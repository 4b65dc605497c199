import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ConnectRecord,
  DataError,
  type Offsets,
  type Schema,
  type SinkTask,
  type TaskContext,
  sameSchema,
} from '../../../core/index.ts'
import { Engine } from '../engine.ts'
import { InferredRow } from '../infer.ts'
import { withRetry } from '../io-errors.ts'
import { openPlace } from '../open-storage.ts'
import type { Storage } from '../storage.ts'
import { type FilesConfig, formatOf, placeOf, withAliases } from './config.ts'
import { Journal } from './journal.ts'
import { Streams, fileName } from './naming.ts'
import { JsonFile, type OpenFile, ParquetFile, type Row, RowError, checkNames, rowsMax } from './open-file.ts'
import { type Partitioning, partitioning } from './partitioning.ts'
import { localTime } from './time-pattern.ts'

/** One file to be: its rows wait in `rows` only within a `put`. */
interface Slot {
  readonly key: string
  readonly name: string
  /** Parquet: of all its rows; null: JSON takes any. */
  readonly schema: Schema | null
  readonly firstTime: number
  /** Moment of this machine's clock at which it ends. */
  readonly endsAt: number
  rows: Row[]
  count: number
  file: OpenFile | undefined
}

/** Files written at the same time, and files open where the config says -1. */
const writesMax = 4
const openFilesMax = 100

/**
 * Writes records to files without a log. Rows wait in the temporary folder until `flush` ends all files; a flush is whole or undone at the next
 * start, by a journal beside the files, so that with its offsets every record is in one file once.
 */
export class FilesSinkTask implements SinkTask {
  readonly #config: FilesConfig
  readonly #context: TaskContext
  readonly #partitioning: Partitioning
  readonly #isParquet: boolean
  readonly #local: (epochMs: number) => number
  readonly #streams = new Streams()
  readonly #inferred = new Map<string, InferredRow>()
  readonly #open = new Map<string, Slot>()
  readonly #ended: Slot[] = []
  #storage: Storage | undefined
  #journal: Journal | undefined
  #engine: Engine | undefined
  #temporary: string | undefined
  #broken: unknown

  constructor(config: FilesConfig, context: TaskContext) {
    this.#config = withAliases(config)
    this.#context = context
    this.#partitioning = partitioning(this.#config)
    this.#isParquet = formatOf(config['format.class']) === 'parquet'
    this.#local = localTime(config.timezone)
  }

  async open(): Promise<void> {
    const { connector, task, generation } = this.#context
    this.#storage = await openPlace(placeOf(this.#config)!, this.#config, () => this.#context.report({}))
    this.#journal = new Journal(this.#storage, connector, task, generation)
    await this.#journal.open()
    this.#temporary = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  }

  committed(): Promise<Offsets | undefined> {
    return Promise.resolve(this.#journal!.offsets)
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    kill.throwIfAborted()
    if (this.#broken !== undefined) throw new Error('The sink took a batch in part and must start again', { cause: this.#broken })
    const rejected: [ConnectRecord, DataError][] = []
    // From here on records are taken: whatever fails now has taken some, so the task cannot go on.
    try {
      const touched = new Set<Slot>()
      for (const record of records) this.#place(record, touched, rejected)
      for (const slot of touched) await this.#keep(slot, rejected)
      for (const [record, error] of rejected) await this.#context.reject(record, error)
    } catch (error) {
      this.#broken = error
      throw error
    }
  }

  async flush(offsets: Offsets, kill: AbortSignal): Promise<void> {
    kill.throwIfAborted()
    if (this.#broken !== undefined) throw new Error('The sink took a batch in part and must start again', { cause: this.#broken })
    for (const slot of this.#open.values()) this.#end(slot)
    const slots = this.#ended.filter(({ count }) => count > 0)
    try {
      if (slots.length > 0) await this.#journal!.begin(slots.map(nameOf))
      await this.#write(slots)
      await this.#journal!.end({ ...this.#journal!.offsets, ...offsets })
    } catch (error) {
      throw withRetry(error, placeOf(this.#config)!)
    }
    for (const slot of this.#ended.splice(0)) await slot.file?.[Symbol.asyncDispose]()
    await this.#storage!.tidy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const slot of [...this.#ended, ...this.#open.values()]) await slot.file?.[Symbol.asyncDispose]()
    await this.#engine?.[Symbol.asyncDispose]()
    await this.#storage?.[Symbol.asyncDispose]()
    if (this.#temporary !== undefined) await rm(this.#temporary, { recursive: true, force: true })
  }

  /** Finds the file for a record; it may be a new one. */
  #place(record: ConnectRecord, touched: Set<Slot>, rejected: [ConnectRecord, DataError][]): void {
    try {
      if (record.value === null) {
        if (this.#config['behavior.on.null.values'].toLowerCase() === 'ignore') return
        throw new DataError('The record has no value; set behavior.on.null.values=ignore to leave such records out')
      }
      const { value, schema } = this.#isParquet ? this.#columns(record) : { value: record.value, schema: null }
      const slot = this.#slot(record, schema)
      slot.rows.push({ record, value })
      touched.add(slot)
      if (++slot.count >= this.#config['flush.size']) this.#end(slot)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      rejected.push([record, error])
    }
  }

  #slot(record: ConnectRecord, schema: Schema | null): Slot {
    const stream = this.#streams.of(record)
    const folder = this.#partitioning.folder(record, stream.number)
    const time = this.#config['rotate.interval.ms'] < 0 ? 0 : this.#partitioning.time(record)
    const key = JSON.stringify([record.topic, record.origin?.partition ?? stream.number, folder])
    const found = this.#open.get(key)
    if (found && !this.#isOver(found, time, schema)) return found
    if (found) this.#end(found)
    const max = this.#config['partitioner.max.open.files']
    if (this.#open.size >= (max > 0 ? max : openFilesMax)) this.#end(this.#open.values().next().value!)
    const name = fileName(this.#config, record, stream, folder, this.#journal!.next)
    const slot: Slot = { key, name, schema, firstTime: time, endsAt: this.#nextRotation(), rows: [], count: 0, file: undefined }
    this.#open.set(key, slot)
    return slot
  }

  #isOver(slot: Slot, time: number, schema: Schema | null): boolean {
    const interval = this.#config['rotate.interval.ms']
    if (interval >= 0 && time - slot.firstTime >= interval) return true
    if (Date.now() >= slot.endsAt) return true
    return slot.schema !== schema && !sameSchema(slot.schema, schema)
  }

  #nextRotation(): number {
    const interval = this.#config['rotate.schedule.interval.ms']
    if (interval <= 0) return Number.POSITIVE_INFINITY
    const now = Date.now()
    const local = this.#local(now)
    return now + (Math.floor(local / interval) + 1) * interval - local
  }

  #end(slot: Slot): void {
    this.#open.delete(slot.key)
    this.#ended.push(slot)
  }

  /** The value as columns. Throws a DataError where it is none. */
  #columns({ topic, value, valueSchema }: ConnectRecord): { readonly value: unknown; readonly schema: Schema } {
    if (typeof value !== 'object' || value instanceof Map || value instanceof Uint8Array || Array.isArray(value)) {
      throw new DataError('The value is no struct, and a Parquet file needs columns; use format.class=json, or a transform (HoistField)')
    }
    if (valueSchema !== null) {
      checkNames(valueSchema)
      return { value, schema: valueSchema }
    }
    let inferred = this.#inferred.get(topic)
    if (!inferred) this.#inferred.set(topic, (inferred = new InferredRow(topic)))
    const read = inferred.read(value!)
    checkNames(inferred.schema)
    return { value: read, schema: inferred.schema }
  }

  /** Hands a slot's waiting rows to its file; those that it cannot keep are left out. */
  async #keep(slot: Slot, rejected: [ConnectRecord, DataError][]): Promise<void> {
    const file = (slot.file ??= await this.#openFile(slot))
    let left = slot.rows
    slot.rows = []
    while (left.length > 0) {
      const chunk = left.slice(0, rowsMax)
      try {
        await file.add(chunk)
        left = left.slice(chunk.length)
      } catch (error) {
        if (!(error instanceof RowError)) throw error
        rejected.push([chunk[error.index]!.record, error])
        slot.count--
        left = left.toSpliced(error.index, 1)
      }
    }
  }

  async #openFile(slot: Slot): Promise<OpenFile> {
    if (slot.schema === null) return await JsonFile.open(this.#temporary!, this.#config['s3.compression.type'].toLowerCase() === 'gzip')
    this.#engine ??= await Engine.open({ memoryLimit: this.#config['duckdb.memory.limit'] })
    return await ParquetFile.open(this.#engine, slot.schema, this.#config['parquet.codec'].toLowerCase())
  }

  async #write(slots: readonly Slot[]): Promise<void> {
    const left = [...slots]
    const lane = async (): Promise<void> => {
      for (let slot = left.shift(); slot; slot = left.shift()) {
        const { file } = slot
        await this.#storage!.create(nameOf(slot), (path) => file!.write(path))
        this.#context.report({})
      }
    }
    const outcomes = await Promise.allSettled(Array.from({ length: writesMax }, lane))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  }
}

function nameOf(slot: Slot): string {
  return slot.name + slot.file!.extension
}
