import type { ConnectRecord, Schema } from '../../../core/index.ts'
import { type FilesConfig, extractorOf, partitionerOf } from './config.ts'
import type { Stream } from './naming.ts'
import type { OpenFile, Row } from './open-file.ts'
import { localTime } from './time-pattern.ts'

/** One file to be: its rows wait in `rows` only within a `put`. */
export interface Slot {
  readonly name: string
  /** Parquet: of all its rows; null: JSON takes any. */
  readonly schema: Schema | null
  /** Of its first and its newest record. */
  readonly from: number | undefined
  to: number | undefined
  rows: Row[]
  count: number
  file: OpenFile | undefined
}

/**
 * The files of one stretch of a source partition. They end together, so that what is durable of the partition is a position, and so that a stretch
 * that is read again makes the same files: Confluent's TopicPartitionWriter does so, and counts `flush.size` over all of them.
 */
export interface Round {
  readonly stream: Stream
  /** The source partition's key in offsets; undefined: the records have no place to come back to. */
  readonly partition: string | undefined
  /** Of its first record. */
  readonly position: number
  readonly firstTime: number
  /** Moment of this machine's clock at which it ends. */
  readonly endsAt: number
  /** Of its newest record. */
  folder: string
  count: number
  readonly slots: Map<string, Slot>
}

const dayMs = 86_400_000

/** When files end. */
export class Rotation {
  readonly #size: number
  readonly #interval: number
  readonly #schedule: number
  readonly #perFolder: boolean
  readonly #byClock: boolean
  readonly #local: (epochMs: number) => number
  readonly #now: () => number
  /** False: the config does not say, and files end with every flush of the runtime. */
  readonly isGiven: boolean

  constructor(config: FilesConfig, now: () => number = Date.now) {
    this.#size = config['flush.size'] ?? Number.POSITIVE_INFINITY
    this.#interval = config['rotate.interval.ms']
    this.#schedule = config['rotate.schedule.interval.ms']
    const isTimeBased = ['timebased', 'daily', 'hourly'].includes(partitionerOf(config['partitioner.class'])!)
    this.#perFolder = isTimeBased && this.#interval > 0 && config['rotate.file.on.partition.change'] && !config['append.late.data']
    this.#byClock = extractorOf(config['timestamp.extractor']) === 'wallclock'
    this.#local = localTime(config.timezone)
    this.#now = now
    this.isGiven = config['flush.size'] !== undefined || this.#interval > 0 || this.#schedule > 0
  }

  /** True: the time of records counts. */
  get needsTime(): boolean {
    return this.#interval > 0
  }

  /** A new round that begins with this record. */
  begin({ origin }: ConnectRecord, stream: Stream, time: number, folder: string): Round {
    const place = { partition: origin?.partition, position: origin?.position ?? 0 }
    return { stream, ...place, firstTime: time, endsAt: this.#next(), folder, count: 0, slots: new Map() }
  }

  /** True: the round is over before a record of this time and folder. */
  endsBefore(round: Round, time: number, folder: string): boolean {
    if (this.#interval > 0 && time - round.firstTime >= this.#interval) return true
    return (this.#perFolder && folder !== round.folder) || this.#now() >= round.endsAt
  }

  /** True: the round takes no more records. */
  isFull({ count }: Round): boolean {
    return count >= this.#size
  }

  /** True: the clock has ended the round, without any record. */
  isTimeOver({ endsAt, firstTime }: Round): boolean {
    const now = this.#now()
    return now >= endsAt || (this.#byClock && this.#interval > 0 && now - firstTime >= this.#interval)
  }

  /** The next multiple of the scheduled interval, counted from midnight of the time zone. */
  #next(): number {
    if (this.#schedule <= 0) return Number.POSITIVE_INFINITY
    const now = this.#now()
    const passed = ((this.#local(now) % dayMs) + dayMs) % dayMs
    return now - passed + (Math.floor(passed / this.#schedule) + 1) * this.#schedule
  }
}
