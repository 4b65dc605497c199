import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ConfigError,
  type ConnectRecord,
  DataError,
  type Json,
  type Offsets,
  type SinkTask,
  type TaskContext,
  sameSchema,
} from '../../../core/index.ts'
import { Engine } from '../engine.ts'
import { withRetry } from '../io-errors.ts'
import { openPlace } from '../open-storage.ts'
import type { Storage } from '../storage.ts'
import { Columns } from './columns.ts'
import { type FilesConfig, formatOf, placeOf, withAliases } from './config.ts'
import { Journal } from './journal.ts'
import { Streams, fileName } from './naming.ts'
import { type OpenFile, ParquetFile, RowError, RowFile, type RowFormat, byteRows, jsonRows, rowsMax } from './open-file.ts'
import { type Partitioning, partitioning } from './partitioning.ts'
import { Rotation, type Round, type Slot } from './rotation.ts'

/** Files that are uploaded at the same time, and files that a task keeps open. */
const writesMax = 4
const openFilesMax = 1000

type Rejected = [ConnectRecord, DataError][]

/**
 * Writes records to files without a log. Rows wait in the temporary folder until their files end; then the next flush writes them. A flush is
 * whole or undone at the next start, by a journal beside the files, so that with its offsets every record is in one file once. Files of Kafka's
 * records may outlive flushes, where the config says when they end: the offsets that a flush answers are those before the files that it left open.
 */
export class FilesSinkTask implements SinkTask {
  readonly #config: FilesConfig
  readonly #context: TaskContext
  readonly #partitioning: Partitioning
  readonly #rotation: Rotation
  readonly #isParquet: boolean
  readonly #rows: RowFormat
  /** Level; undefined: not compressed. */
  readonly #gzip: number | undefined
  readonly #tags: Readonly<Record<string, string>>
  readonly #streams = new Streams()
  readonly #columns = new Columns()
  /** By source partition, or by partition and topic where files do not outlive flushes. */
  readonly #rounds = new Map<string, Round>()
  #openFiles = 0
  #ended: Slot[] = []
  /** The files of a flush that failed, which must be the same when it is tried again. */
  #writing: readonly Slot[] | undefined
  #storage: Storage | undefined
  #journal: Journal | undefined
  #engine: Engine | undefined
  #temporary: string | undefined
  #broken: unknown
  #isTold = false

  constructor(config: FilesConfig, context: TaskContext) {
    this.#config = withAliases(config)
    this.#context = context
    this.#partitioning = partitioning(this.#config)
    this.#rotation = new Rotation(config)
    const pairs = config['s3.object.tagging.key.value.pairs']
    this.#tags = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1)]))
    const format = formatOf(config['format.class'])
    this.#isParquet = format === 'parquet'
    this.#rows = format === 'json' ? jsonRows : byteRows(config['format.bytearray.extension'], config['format.bytearray.separator'])
    this.#gzip = config['s3.compression.type'] === 'gzip' ? config['s3.compression.level'] : undefined
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
    this.#check(kill)
    const rejected: Rejected = []
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

  async flush(offsets: Offsets, kill: AbortSignal, all = false): Promise<Offsets> {
    this.#check(kill)
    if (this.#writing === undefined) {
      for (const [key, round] of this.#rounds) {
        if (all || this.#rotation.isTimeOver(round) || !this.#stays(round, offsets)) this.#end(key, round)
      }
      this.#writing = this.#ended.splice(0)
    }
    const durable = this.#durable(offsets)
    const slots = this.#writing.filter(({ count }) => count > 0)
    try {
      if (slots.length > 0) {
        await this.#journal!.begin(slots.map(nameOf))
        await this.#write(slots)
        await this.#journal!.end(durable)
      }
    } catch (error) {
      throw withRetry(error, placeOf(this.#config)!)
    }
    for (const slot of this.#writing) await slot.file?.[Symbol.asyncDispose]()
    this.#writing = undefined
    await this.#storage!.tidy()
    return durable
  }

  async forget(partitions: readonly string[]): Promise<void> {
    for (const [key, round] of this.#rounds) {
      if (round.partition === undefined || !partitions.includes(round.partition)) continue
      this.#rounds.delete(key)
      this.#openFiles -= round.slots.size
      for (const slot of round.slots.values()) await slot.file?.[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#rounds.values()].flatMap(({ slots }) => [...slots.values()])
    for (const slot of [...(this.#writing ?? []), ...this.#ended, ...open]) await slot.file?.[Symbol.asyncDispose]()
    await this.#engine?.[Symbol.asyncDispose]()
    await this.#storage?.[Symbol.asyncDispose]()
    if (this.#temporary !== undefined) await rm(this.#temporary, { recursive: true, force: true })
  }

  #check(kill: AbortSignal): void {
    kill.throwIfAborted()
    if (this.#broken !== undefined) throw new Error('The sink took a batch in part and must start again', { cause: this.#broken })
  }

  /** Finds the file for a record; it may be a new one. */
  #place(record: ConnectRecord, touched: Set<Slot>, rejected: Rejected): void {
    try {
      if (record.value === null) {
        if (this.#config['behavior.on.null.values'].toLowerCase() === 'ignore') return
        throw new DataError('The record has no value; set behavior.on.null.values=ignore to leave such records out')
      }
      const { value, schema } = this.#isParquet ? this.#columns.of(record) : { value: record.value, schema: null }
      const stream = this.#streams.of(record)
      const folder = this.#partitioning.folder(record, stream.number)
      const time = this.#rotation.needsTime ? this.#partitioning.time(record) : 0
      const partition = record.origin?.partition ?? stream.number
      const key = this.#outlives(stream.kafkaTopic) ? partition : JSON.stringify([partition, record.topic])
      const { round, slot } = this.#slot(key, record, { stream, folder, time, schema })
      round.folder = folder
      slot.rows.push({ record, value })
      slot.count++
      slot.to = record.origin?.position
      round.count++
      touched.add(slot)
      if (this.#rotation.isFull(round)) this.#end(key, round)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      rejected.push([record, error])
    }
  }

  #slot(
    key: string,
    record: ConnectRecord,
    { stream, folder, time, schema }: Pick<Round, 'stream' | 'folder'> & Pick<Slot, 'schema'> & { readonly time: number },
  ): { readonly round: Round; readonly slot: Slot } {
    const slotKey = JSON.stringify([record.topic, folder])
    const present = this.#rounds.get(key)
    if (present) {
      const max = this.#config['partitioner.max.open.files']
      const found = present.slots.get(slotKey)
      const fits = found ? found.schema === schema || sameSchema(found.schema, schema) : max <= 0 || present.slots.size < max
      if (!fits || this.#rotation.endsBefore(present, time, folder)) this.#end(key, present)
      else if (found) return { round: present, slot: found }
    }
    if (this.#openFiles >= openFilesMax) this.#endLargest()
    // Before the round: it throws where the record can have no file.
    const name = fileName(this.#config, record, stream, folder, this.#journal!.next)
    let round = this.#rounds.get(key)
    if (!round) this.#rounds.set(key, (round = this.#rotation.begin(record, stream, time, folder)))
    const slot: Slot = { name, schema, from: record.origin?.position, to: undefined, rows: [], count: 0, file: undefined }
    round.slots.set(slotKey, slot)
    this.#openFiles++
    return { round, slot }
  }

  #end(key: string, { slots }: Round): void {
    this.#rounds.delete(key)
    this.#openFiles -= slots.size
    this.#ended.push(...slots.values())
  }

  #endLargest(): void {
    const [key, round] = [...this.#rounds].reduce((most, one) => (one[1].slots.size > most[1].slots.size ? one : most))
    this.#context.log.warn(
      { files: this.#openFiles },
      `${openFilesMax} files are open, so those of ${round.partition ?? key} end before their time; choose a partitioner with fewer folders, or more tasks`,
    )
    this.#end(key, round)
  }

  /** Whether files of such records may stay open over a flush. Other sources than Kafka keep their log, or a snapshot, for what is not committed. */
  #outlives(kafkaTopic: string | undefined): boolean {
    if (!this.#rotation.isGiven || kafkaTopic !== undefined) return this.#rotation.isGiven
    if (!this.#isTold) {
      this.#isTold = true
      this.#context.log.warn(
        {},
        'Files of records that do not come from Kafka also end with every flush of the runtime: let flush.interval.ms, flush.rows and flush.bytes be as large as files are to be',
      )
    }
    return false
  }

  #stays({ partition, stream }: Round, offsets: Offsets): boolean {
    return partition !== undefined && this.#outlives(stream.kafkaTopic) && isKafkaOffset(offsets[partition])
  }

  /** The offsets before what stays open. */
  #durable(offsets: Offsets): Offsets {
    const durable: Record<string, Json> = { ...offsets }
    for (const { partition, position } of this.#rounds.values()) {
      durable[partition!] = { ...(offsets[partition!] as Record<string, Json>), kafka_offset: position }
    }
    return durable
  }

  /** Hands a slot's waiting rows to its file; those that it cannot keep are left out. */
  async #keep(slot: Slot, rejected: Rejected): Promise<void> {
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
    if (slot.schema === null) return new RowFile(this.#temporary!, this.#rows, this.#gzip)
    this.#engine ??= await Engine.open({ memoryLimit: this.#config['duckdb.memory.limit'] })
    return await ParquetFile.open(this.#engine, slot.schema, this.#config['parquet.codec'].toLowerCase())
  }

  async #write(slots: readonly Slot[]): Promise<void> {
    const left = [...slots]
    const lane = async (): Promise<void> => {
      for (let slot = left.shift(); slot; slot = left.shift()) {
        await this.#writeOne(slot)
        this.#context.report({})
      }
    }
    const outcomes = await Promise.allSettled(Array.from({ length: writesMax }, lane))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** Never replaces a file: a task that was thought dead would undo what its successor wrote. */
  async #writeOne(slot: Slot): Promise<void> {
    const name = nameOf(slot)
    const write = (path: string) => slot.file!.write(path)
    const tags = this.#config['s3.object.tagging'] ? { ...tagsOf(slot), ...this.#tags } : {}
    const marks = { claim: this.#journal!.claimOf(name), tags }
    if (await this.#storage!.createOnce(name, write, marks)) return
    // It may be a write of a flush that was given up, which came late.
    await this.#journal!.clear(name)
    if (await this.#storage!.createOnce(name, write, marks)) return
    const message = `File ${name} is there already, with other content: another connector writes to this place, or this one was reset and now cuts its files elsewhere. Move the old files away, or choose another topics.dir`
    throw new ConfigError([{ key: 'topics.dir', value: this.#config['topics.dir'], message }])
  }
}

/** Where the records lie that the file has, in the names of Confluent's S3 sink. */
function tagsOf({ from, to, count }: Slot): Readonly<Record<string, string>> {
  const recordCount = String(count)
  return from === undefined || to === undefined ? { recordCount } : { startOffset: String(from), endOffset: String(to), recordCount }
}

function isKafkaOffset(position: Json | undefined): boolean {
  return typeof position === 'object' && position !== null && Number.isSafeInteger((position as { kafka_offset?: unknown }).kafka_offset)
}

function nameOf(slot: Slot): string {
  return slot.name + slot.file!.extension
}
