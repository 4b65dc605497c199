import { setTimeout as sleep } from 'node:timers/promises'
import { DataError, RetriableError, type Logger } from '../../../core/index.ts'
import type { FetchedPartition, FetchLimits, KafkaClient } from '../client/port.ts'
import { filterAborted } from '../records/aborted.ts'
import { decodeBatches, type DecodeOptions } from '../records/decode.ts'
import { keyOf } from './position.ts'
import type { Cursor, Fetched } from './cursor.ts'
import type { LostRecords } from './lost-records.ts'
import { fetchErrors, passingFetchErrors } from './error-codes.ts'

export interface FetchSettings extends FetchLimits {
  readonly decode: DecodeOptions
  /** Nothing more is fetched while this much waits to be handed out. Bytes. */
  readonly queueMaxBytes: number
}

/** How long a partition is left alone whose broker says "not now". Milliseconds. */
const partitionPauseMs = 500
/** A broker is asked by a topic's name, so records may come from another topic of that name: at most this long without a look. Milliseconds. */
const topicAgeMs = 5_000

/**
 * Keeps fetching while what was fetched is worked on, up to a bound in bytes. An error waits for the next `take`, which throws it; the take
 * after that starts fetching again, so whoever takes decides when.
 */
export class Fetcher implements Disposable {
  readonly #client: KafkaClient
  readonly #settings: FetchSettings
  readonly #loss: LostRecords
  readonly #log: Logger
  readonly #arrived: () => void
  #cursors = new Map<string, Cursor>()
  #queue: Fetched[] = []
  #queuedBytes = 0
  #failure: unknown
  #round: AbortController | undefined
  #paused = false
  #disposed = false
  /** When the topics were last seen to be the ones that the cursors began in. */
  #sameMs = 0

  /** `arrived` is called when something came: records, a moved position or an error. */
  constructor(client: KafkaClient, settings: FetchSettings, loss: LostRecords, log: Logger, arrived: () => void) {
    this.#client = client
    this.#settings = settings
    this.#loss = loss
    this.#log = log
    this.#arrived = arrived
  }

  get cursors(): ReadonlyMap<string, Cursor> {
    return this.#cursors
  }

  /** Fetches no more, and forgets what was fetched and not handed out; until the next `assign`. */
  pause(): void {
    this.#paused = true
    this.#queue = []
    this.#queuedBytes = 0
    this.#failure = undefined
    this.#round?.abort()
  }

  /** From now on these partitions are fetched. */
  assign(cursors: readonly Cursor[]): void {
    this.pause()
    this.#cursors = new Map(cursors.map((cursor) => [cursor.key, cursor]))
    this.#paused = false
    this.#sameMs = performance.now()
    this.#pump()
  }

  /** The oldest fetched batches; undefined: nothing waits. They stay first until `release`. */
  get first(): Fetched | undefined {
    return this.#queue[0]
  }

  /** Throws what fetching ran into, once all that came before is handed out; fetching goes on after it. */
  check(): void {
    const failure = this.#failure
    if (failure === undefined || this.#queue.length > 0) return this.#pump()
    this.#failure = undefined
    throw failure
  }

  /** The first is handed out. */
  release(): void {
    const first = this.#queue.shift()
    if (first === undefined) return
    this.#queuedBytes -= first.bytes
    first.cursor.queuedBytes -= first.bytes
    this.#pump()
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#round?.abort()
  }

  #pump(): void {
    if (this.#round || this.#paused || this.#disposed || this.#failure !== undefined || this.#queuedBytes >= this.#settings.queueMaxBytes)
      return
    const now = performance.now()
    const open = [...this.#cursors.values()].filter(({ fetchFrom, end }) => end === undefined || fetchFrom < end)
    const ready = open.filter(({ notBeforeMs }) => notBeforeMs <= now)
    if (open.length === 0) return
    const round = (this.#round = new AbortController())
    void this.#run(ready, round).then(
      () => {
        this.#round = undefined
        this.#pump()
      },
      (error: unknown) => {
        this.#round = undefined
        // Aborted rounds fail for that reason alone: the partitions changed, or the task ends.
        if (round.signal.aborted) return this.#pump()
        this.#failure = error
        this.#arrived()
      },
    )
  }

  async #run(ready: readonly Cursor[], { signal }: AbortController): Promise<void> {
    // All of them rest for a moment.
    if (ready.length === 0) return void (await sleep(partitionPauseMs / 4, undefined, { signal }))
    // The ones with the least in store come first: a broker fills its answer in the order of the request.
    const positions = ready
      .toSorted((a, b) => a.queuedBytes - b.queuedBytes)
      .map(({ topic, partition, fetchFrom }) => ({ topic, partition, offset: fetchFrom }))
    const answers = await this.#client.fetch(positions, this.#settings, signal)
    if (answers.some(({ records }) => records.length > 0) && performance.now() - this.#sameMs > topicAgeMs) await this.#compareTopics()
    if (signal.aborted) return
    for (const answer of answers) {
      const cursor = this.#cursors.get(keyOf(answer))
      // An answer to a question of before: the partition was taken away, or has been fetched from elsewhere since.
      if (cursor === undefined || cursor.fetchFrom !== answer.offset) continue
      if (answer.errorCode === 0) this.#accept(cursor, answer)
      else await this.#refuse(cursor, answer)
      if (signal.aborted) return
    }
  }

  /** Throws where a topic was deleted and made anew under a cursor: its offset means nothing there. */
  async #compareTopics(): Promise<void> {
    const known = [...this.#cursors.values()].filter(({ topicId }) => topicId !== undefined)
    const ids = known.length === 0 ? new Map() : await this.#client.topicIds([...new Set(known.map(({ topic }) => topic))])
    for (const cursor of known) {
      const id = ids.get(cursor.topic)
      if (id !== undefined && id !== cursor.topicId) this.#loss.replaced(cursor)
    }
    this.#sameMs = performance.now()
  }

  #accept(cursor: Cursor, answer: FetchedPartition): void {
    const { readCommitted } = this.#settings
    const grown = cursor.logEnd
    cursor.logEnd = readCommitted ? answer.lastStableOffset : answer.highWatermark
    if (answer.records.length === 0) {
      if (grown !== cursor.logEnd) this.#arrived()
      return
    }
    const all = this.#decode(cursor, answer)
    const last = all?.at(-1)
    if (all === undefined || last === undefined) return
    const batches = readCommitted ? filterAborted(all, answer.aborted) : all.filter(({ control }) => !control)
    const next = last.lastOffset + 1
    if (next <= cursor.fetchFrom) return
    cursor.corrupt = 0
    cursor.fetchFrom = next
    cursor.queuedBytes += answer.records.length
    this.#queuedBytes += answer.records.length
    const end = cursor.end ?? Infinity
    const wanted = batches.filter(({ baseOffset, lastOffset }) => lastOffset >= answer.offset && baseOffset < end)
    this.#queue.push({ cursor, batches: wanted, next, jump: false, bytes: answer.records.length, at: 0, columns: undefined, index: 0 })
    this.#arrived()
  }

  /** undefined: it could not be read, and is fetched once more in case the network did it. */
  #decode(cursor: Cursor, { records }: FetchedPartition) {
    try {
      return decodeBatches(records, this.#settings.decode)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      const { topic, partition } = cursor
      if (cursor.corrupt++ > 0) throw new DataError(`${topic}-${partition}: ${error.message}`, { cause: error })
      this.#log.warn({ err: error, topic, partition }, `${topic}-${partition} is fetched again: ${error.message}`)
      return undefined
    }
  }

  async #refuse(cursor: Cursor, { errorCode }: FetchedPartition): Promise<void> {
    const { topic, partition } = cursor
    if (errorCode === fetchErrors.offsetOutOfRange) {
      const moved = await this.#loss.settle(cursor)
      if (moved === undefined) cursor.notBeforeMs = performance.now() + partitionPauseMs
      else if (this.#cursors.get(cursor.key) === cursor) {
        cursor.fetchFrom = moved
        // Nothing of it waits: the queue's batches come before the gap. The position moves with the next hand-out.
        this.#queue.push({ cursor, batches: [], next: moved, jump: true, bytes: 0, at: 0, columns: undefined, index: 0 })
        this.#arrived()
      }
    } else if (errorCode === fetchErrors.topicAuthorization) {
      throw new Error(
        `Not authorised to read topic ${topic}: grant the connector's principal READ on it (kafka-acls --add --operation Read)`,
      )
    } else if (passingFetchErrors.has(errorCode)) {
      this.#log.debug({ topic, partition, errorCode }, 'A partition cannot be read now and is asked for again')
      cursor.notBeforeMs = performance.now() + partitionPauseMs
      this.#sameMs = -Infinity
    } else
      throw new RetriableError(`Reading ${topic}-${partition} at offset ${cursor.fetchFrom} failed with Kafka's error code ${errorCode}`)
  }
}
