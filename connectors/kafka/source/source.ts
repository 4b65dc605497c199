import { setImmediate as yieldToEvents } from 'node:timers/promises'
import { ConfigError, idle, type Json, type Offsets, type RecordBatch, type SourceTask, type TaskContext } from '../../../core/index.ts'
import type { KafkaClient, TopicPartition } from '../client/port.ts'
import { Assembler, type Assembled } from './assembly.ts'
import { cursorOf, isDone, type Cursor } from './cursor.ts'
import { LostRecords } from './lost-records.ts'
import { DealtShare } from './dealt-share.ts'
import { Fetcher } from './fetcher.ts'
import { lagOf } from './lag.ts'
import { Membership } from './membership.ts'
import { commitMetadata, keyOf, positionJson, positionOf, positionsOf, type Position } from './position.ts'
import { RecordReader } from './record-reader.ts'
import type { KafkaSourceSettings } from './settings.ts'
import type { PartitionShare } from './share.ts'
import { resolveStarts, type Start } from './starts.ts'

/** Longest time that polls may follow each other without the event loop having its turn: heartbeats and sockets need it. Milliseconds. */
const turnMaxMs = 10

/** Time between two reports of the lag. Milliseconds. */
const reportMs = 1_000

/** Reads topics as a member of a consumer group, or the partitions that are dealt to this task. */
export class KafkaSourceTask implements SourceTask {
  readonly #settings: KafkaSourceSettings
  readonly #context: TaskContext
  readonly #client: KafkaClient
  readonly #share: PartitionShare
  readonly #fetcher: Fetcher
  readonly #assembler: Assembler
  readonly #reader: RecordReader
  readonly #loss: LostRecords
  readonly #topicIds = new Map<string, string>()
  #saved: ReadonlyMap<string, Position> = new Map()
  #seen: Set<string> | undefined
  /** The join under way: it goes on when the poll that began it must return. */
  #settling: Promise<RecordBatch> | undefined
  /** Taken, but not yet resolved to positions. */
  #taken: readonly TopicPartition[] | undefined
  /** True: the batch that asks for a checkpoint is out, so with the next poll nothing is in flight. */
  #handedOver = true
  #wake: (() => void) | undefined
  #polling = false
  /** True once somebody looked at records that were offered undecoded: then they are not offered again. */
  #looked = false
  #lastTurnMs = performance.now()
  #lastReportMs = 0

  constructor(settings: KafkaSourceSettings, context: TaskContext, client: KafkaClient) {
    this.#settings = settings
    this.#context = context
    this.#client = client
    const { subscription, membership, dealing } = settings
    const changed = () => this.#changed()
    this.#share = dealing
      ? new DealtShare(client, subscription, { ...dealing, task: context.task }, context.log, changed)
      : new Membership(client, subscription, membership, context.log, changed)
    this.#loss = new LostRecords(client, settings.lossGoesOn, context.log)
    this.#fetcher = new Fetcher(client, settings.fetch, this.#loss, context.log, () => this.#wake?.())
    this.#assembler = new Assembler(this.#fetcher, settings.batch)
    this.#reader = new RecordReader(context.converters)
  }

  /** Nothing is asked of Kafka yet: `poll` does, and is tried again where it fails. */
  async open(offsets: Offsets | undefined): Promise<void> {
    this.#saved = positionsOf(offsets)
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    this.#polling = true
    try {
      if (this.#share.failure) throw this.#share.failure
      if (this.#share.due || this.#settling || this.#taken) return await this.#changeShare(signal)
      return await this.#next(signal)
    } finally {
      this.#polling = false
    }
  }

  async commit(offsets: Offsets): Promise<void> {
    const moved = Object.entries(offsets).flatMap(([key, saved]) => {
      const cursor = this.#fetcher.cursors.get(key)
      return cursor === undefined ? [] : [{ cursor, offset: positionOf(key, saved).offset }]
    })
    if (moved.length === 0) return
    await this.#share.commit(
      moved.map(({ cursor: { topic, partition, topicId }, offset }) => ({ topic, partition, offset, metadata: commitMetadata(topicId) })),
    )
    for (const { cursor, offset } of moved) cursor.committed = offset
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fetcher[Symbol.dispose]()
    await this.#share[Symbol.asyncDispose]()
    await this.#client[Symbol.asyncDispose]()
  }

  /** First a checkpoint, so that nothing is in flight; then the new share, and what went with the old one. */
  async #changeShare(signal: AbortSignal): Promise<RecordBatch> {
    if (!this.#handedOver) {
      this.#handedOver = true
      return { records: [], offsets: {}, checkpoint: true }
    }
    this.#settling ??= this.#settle()
    const settling = this.#settling
    using told = abortOf(signal)
    const batch = await Promise.race([settling, told.promise])
    if (batch === undefined) return idle // Told to return; the next poll waits on.
    this.#settling = undefined
    return batch
  }

  async #settle(): Promise<RecordBatch> {
    try {
      this.#fetcher.pause()
      this.#assembler.done()
      this.#taken ??= await this.#share.take()
      const starts = await this.#starts(this.#taken)
      const before = [...this.#fetcher.cursors.keys()]
      const now = new Set(starts.map(({ key }) => key))
      this.#fetcher.assign(starts.map(cursorOf))
      this.#taken = undefined
      const noted = starts.filter((start) => start.noted)
      const batch = {
        records: [],
        offsets: Object.fromEntries(noted.map(({ key, position }) => [key, positionJson(position)])),
        released: before.filter((key) => !now.has(key)),
        rewound: before.filter((key) => now.has(key)),
        checkpoint: noted.length > 0,
      }
      return this.#isComplete() ? { ...batch, end: true } : batch
    } catch (error) {
      this.#settling = undefined
      throw error
    }
  }

  async #starts(partitions: readonly TopicPartition[]): Promise<readonly Start[]> {
    const { log } = this.#context
    const past = {
      saved: this.#saved,
      seen: this.#seen,
      ids: this.#topicIds,
      madeAnew: (place: TopicPartition, offset: number) =>
        this.#loss.madeAnew(place, this.#fetcher.cursors.get(keyOf(place))?.position ?? offset),
    }
    const starts = await resolveStarts(this.#client, partitions, this.#settings.starts, past, log)
    for (const { key, position } of starts) if (position.topicId !== undefined) this.#topicIds.set(key, position.topicId)
    if (this.#seen === undefined) {
      const topics = await this.#settings.subscription.topics(this.#client, 60_000)
      this.#seen = new Set(
        [...topics.values()].flatMap(({ name, partitions: all }) => all.map(({ partition }) => keyOf({ topic: name, partition }))),
      )
      const missing = this.#settings.subscription.names.filter((name) => !topics.has(name))
      if (missing.length > 0 && this.#settings.bounded) throw noSuchTopics(missing)
      if (missing.length > 0) log.warn({ topics: missing }, `These topics do not exist yet and are waited for: ${missing.join(', ')}`)
    }
    return starts
  }

  async #next(signal: AbortSignal): Promise<RecordBatch> {
    await this.#giveTurn()
    while (this.#fetcher.first === undefined && !signal.aborted) {
      this.#fetcher.check()
      this.#report()
      if (this.#share.failure) throw this.#share.failure
      if (this.#share.due) return this.#changeShare(signal)
      if (this.#isComplete()) return { records: [], offsets: {}, end: true }
      await this.#arrival(signal)
    }
    const assembled = this.#assembler.take(this.#reader.untouched && !this.#looked)
    const batch = assembled.chunks.length > 0 ? this.#wholeBatch(assembled) : await this.#recordBatch(assembled)
    this.#assembler.done()
    if (assembled.moved.size > 0) this.#handedOver = false
    this.#report()
    return this.#isComplete() ? Object.assign(batch, { end: true }) : batch
  }

  async #recordBatch(assembled: Assembled): Promise<RecordBatch> {
    const { slices, moved, bytes } = assembled
    await this.#reader.prepare(slices)
    const { records, refused } = this.#reader.read(slices)
    for (const { record, error, stage } of refused) await this.#context.reject(record, error, stage)
    return { records, offsets: offsetsOf(moved), bytes }
  }

  #wholeBatch({ chunks, chunkSlices, moved, count, bytes }: Assembled): RecordBatch {
    const looked = () => {
      this.#looked = true
      return this.#reader.read(chunkSlices()).records
    }
    let records: RecordBatch['records'] | undefined
    return {
      get records() {
        return (records ??= looked())
      },
      offsets: offsetsOf(moved),
      bytes,
      whole: { format: 'kafka-v2', count, chunks },
    }
  }

  /** Polls that find something waiting resolve without the event loop: a busy pipeline would starve its heartbeats. */
  async #giveTurn(): Promise<void> {
    if (performance.now() - this.#lastTurnMs < turnMaxMs) return
    await yieldToEvents()
    this.#lastTurnMs = performance.now()
  }

  /** Waits until something came, the share changed, or the signal aborts. */
  async #arrival(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    const timer = setTimeout(wake, reportMs)
    await promise
    signal.removeEventListener('abort', wake)
    clearTimeout(timer)
    this.#wake = undefined
    this.#lastTurnMs = performance.now()
  }

  #isComplete(): boolean {
    return this.#settings.bounded && [...this.#fetcher.cursors.values()].every(isDone)
  }

  /** While the connector is paused nobody polls, and nothing is in flight: then the group need not wait for the next poll. */
  #changed(): void {
    this.#wake?.()
    const cursors = [...this.#fetcher.cursors.values()]
    const settled = cursors.every(({ position, committed }) => position === committed)
    if (this.#polling || !settled || this.#settling || !this.#share.due || this.#share.failure) return
    this.#handedOver = true
    this.#settling = this.#settle()
    this.#settling.catch(() => {}) // The poll that comes finds the same, and tells.
  }

  #report(): void {
    const now = performance.now()
    if (now - this.#lastReportMs < reportMs) return
    this.#lastReportMs = now
    this.#context.report(lagOf([...this.#fetcher.cursors.values()]))
  }
}

function offsetsOf(moved: ReadonlySet<Cursor>): Offsets {
  const offsets: Record<string, Json> = {}
  for (const { key, position, end, endSetting, topicId } of moved) {
    offsets[key] = positionJson({ offset: position, topicId, ...(end === undefined ? {} : { end: { offset: end, setting: endSetting! } }) })
  }
  return offsets
}

/** A bounded run would take nothing for all there is. */
function noSuchTopics(topics: readonly string[]): ConfigError {
  const message = `These topics do not exist, so a run with an end cannot read them: ${topics.join(', ')}`
  return new ConfigError([{ key: 'topics', value: topics.join(','), message }])
}

/** Resolves when the signal aborts; disposed, it leaves no listener behind. */
function abortOf(signal: AbortSignal): Disposable & { readonly promise: Promise<undefined> } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const told = () => resolve(undefined)
  if (signal.aborted) told()
  else signal.addEventListener('abort', told, { once: true })
  return { promise, [Symbol.dispose]: () => signal.removeEventListener('abort', told) }
}
