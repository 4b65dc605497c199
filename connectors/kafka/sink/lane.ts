import type { ConnectRecord } from '../../../core/index.ts'
import type { ProducerIdentity } from '../client/port.ts'
import { decodeBatches } from '../records/decode.ts'
import { RecordBatchBuilder, restamp, sequenceAfter, type BuildOptions } from '../records/encode.ts'
import type { BatchStamp } from '../records/record-set.ts'
import type { Serialized } from './serialize.ts'

/** One record batch on its way: built, stamped, not yet in the log. */
export interface RecordSet {
  bytes: Buffer
  /** Whose buffer `bytes` lie in; null: their own. */
  readonly builder: RecordBatchBuilder | null
  readonly count: number
  sequence: number
  /** Its records, for those that must be rejected; null: it came whole, and they can only be read from its bytes. */
  readonly records: readonly ConnectRecord[] | null
  /** Bytes that it counts for in `buffer.memory`. */
  readonly size: number
  /** When it was sealed, by the clock of `performance.now()`. */
  readonly sealedMs: number
  attempts: number
  /** An attempt ended without word: the broker may have it. */
  doubtful: boolean
  /** It failed before: it goes alone, for brokers know only the last five sets of a producer as duplicates. */
  retried: boolean
}

export interface LaneSettings {
  readonly build: Pick<BuildOptions, 'compression' | 'level'>
  readonly transactional: boolean
  /** 0: nobody tells when a set has left, so its buffer is never used again. */
  readonly acks: -1 | 0 | 1
  /** Sets of one partition on their way at once; brokers keep the order of five (KIP-98). */
  readonly inFlightMax: number
}

/** Builders that nobody uses at the moment: their buffers have grown to the size of a batch. */
export class Builders {
  readonly #idle: RecordBatchBuilder[] = []

  take(): RecordBatchBuilder {
    return this.#idle.pop() ?? new RecordBatchBuilder()
  }

  give(builder: RecordBatchBuilder): void {
    builder.reset()
    if (this.#idle.length < idleBuildersMax) this.#idle.push(builder)
  }
}

const idleBuildersMax = 64
/** A set stays in its builder's buffer if it fills at least this share of it: what waits for an answer holds no room that nobody counts. */
const fillMin = 0.5
/** After so long without an answer brokers may have forgotten a producer (`producer.id.expiration.ms` is a day); milliseconds. */
const confirmedMs = 600_000
/** Sets of our own are trusted; the caps are those of any decoder. */
const ownLimits = { batchMaxBytes: 1 << 30, ratioMax: 1 << 20 }

/**
 * What goes to one partition, in its order. Sets get their sequence numbers here, keep them however often they are sent, and leave in
 * order: after a failure nothing new goes out until all that is under way is answered, then they go again from the first that failed.
 * Until the broker has answered under an identity, only one set is under way: a broker that knows nothing of a producer takes any number
 * as its first, also the second set's.
 */
export class Lane {
  readonly topic: string
  readonly partition: number
  /** Not before this instant (`performance.now()`), after a failure. */
  retryMs = 0
  /** Failures in a row. */
  failures = 0
  /** Somebody settles a refused record: nothing goes out meanwhile. */
  blocked = false
  readonly #settings: LaneSettings
  readonly #builders: Builders
  /** Gathers records; undefined: there are none, and a partition that rests holds no buffer. */
  #builder: RecordBatchBuilder | undefined
  #records: ConnectRecord[] = []
  #openedMs = 0
  #sets: RecordSet[] = []
  #underWay = 0
  #recovering = false
  #confirmedMs = -Infinity
  #identity: ProducerIdentity | null
  #sequence = 0

  constructor(topic: string, partition: number, settings: LaneSettings, builders: Builders, identity: ProducerIdentity | null) {
    this.#builders = builders
    this.topic = topic
    this.partition = partition
    this.#settings = settings
    this.#identity = identity
  }

  /** Bytes of the records that are gathered and not yet sealed. */
  get openBytes(): number {
    return this.#builder?.bytes ?? 0
  }

  get openedMs(): number {
    return this.#openedMs
  }

  get empty(): boolean {
    return this.#sets.length === 0 && this.#builder === undefined
  }

  get underWay(): number {
    return this.#underWay
  }

  /** Since when the oldest record waits (`performance.now()`); Infinity: none does. */
  get sinceMs(): number {
    return this.#sets[0]?.sealedMs ?? (this.#builder ? this.#openedMs : Infinity)
  }

  /** Takes a record; the bytes that it adds. */
  append({ record, key, value, headers }: Serialized, timestamp: number, nowMs: number): number {
    const before = this.#builder?.bytes ?? 0
    if (before === 0) this.#openedMs = nowMs
    const builder = (this.#builder ??= this.#builders.take())
    builder.append(key, value, headers, timestamp)
    this.#records.push(record)
    return builder.bytes - before
  }

  /** Takes a whole record batch as it is. */
  appendWhole(batch: Uint8Array, count: number, nowMs: number): void {
    this.seal(nowMs)
    this.#push(restamp(batch, this.#stamp(this.#sequence)), null, count, null, batch.length, nowMs)
  }

  /** Ends the gathering of the records so far: they are a set from now on. */
  seal(nowMs: number): void {
    const builder = this.#builder
    if (builder === undefined) return
    this.#builder = undefined
    const stamp = this.#stamp(this.#sequence)
    const { build, acks } = this.#settings
    const { count, bytes: size, fill } = builder
    const inPlace = build.compression === 'none' && fill >= fillMin && acks !== 0
    const bytes = inPlace ? builder.buildInPlace(stamp) : builder.build(stamp ? { ...build, stamp } : build)
    if (!inPlace) this.#builders.give(builder)
    const records = this.#records
    this.#records = []
    this.#push(bytes, inPlace ? builder : null, count, records, size, nowMs)
  }

  /** The set that may go out now; `ripe`: what is gathered may be sealed for it. It counts as under way once `sent` is called. */
  next(nowMs: number, ripe: boolean): RecordSet | undefined {
    if (this.#recovering || this.blocked || nowMs < this.retryMs) return undefined
    const confirmed = nowMs - this.#confirmedMs < confirmedMs
    if (this.#underWay >= (this.#identity !== null && confirmed ? this.#settings.inFlightMax : 1)) return undefined
    if (ripe && this.#sets.length === this.#underWay) this.seal(nowMs)
    const set = this.#sets[this.#underWay]
    return this.#underWay > 0 && (set?.retried || this.#sets[0]!.retried) ? undefined : set
  }

  sent(set: RecordSet): void {
    set.attempts++
    this.#underWay++
  }

  /** The broker has it. */
  acknowledged(set: RecordSet, nowMs: number): void {
    this.#underWay--
    this.#sets.splice(this.#sets.indexOf(set), 1)
    this.#release(set)
    this.#confirmedMs = nowMs
    this.failures = 0
    this.#settle()
  }

  /** It must go again. True: it is the oldest, so no set before it is to blame. */
  failed(set: RecordSet): boolean {
    this.#underWay--
    this.#recovering = true
    set.retried = true
    const first = this.#sets[0] === set
    this.#settle()
    return first
  }

  /** The broker refuses the oldest set as it is: two halves take its place, or for a single record nothing may (`drop`). */
  divide(set: RecordSet): void {
    const half = set.count >> 1
    const [batch] = decodeBatches(set.bytes, { checkCrc: false, limits: ownLimits })
    const columns = batch!.records()
    const parts = [
      [0, half],
      [half, set.count],
    ].map(([from, to]) => {
      const builder = new RecordBatchBuilder(set.size)
      for (let n = from!; n < to!; n++) {
        builder.append(columns.key(n), columns.value(n), columns.headers(n), columns.timestamp(n))
      }
      const sequence = sequenceAfter(set.sequence, from!)
      const stamp = this.#stamp(sequence)
      return {
        bytes: builder.build(
          stamp ? { ...this.#settings.build, compression: batch!.compression, stamp } : { compression: batch!.compression },
        ),
        builder: null,
        count: to! - from!,
        sequence,
        records: set.records === null ? null : set.records.slice(from, to),
        size: from === 0 ? set.size >> 1 : set.size - (set.size >> 1),
        sealedMs: set.sealedMs,
        attempts: 0,
        doubtful: false,
        retried: false,
      }
    })
    this.#sets.splice(this.#sets.indexOf(set), 1, ...parts)
    this.#release(set)
  }

  /** Takes a set out that will never pass; those behind it move up in the numbering. Nothing may be under way. */
  drop(set: RecordSet): void {
    this.#sets.splice(this.#sets.indexOf(set), 1)
    this.#release(set)
    this.#renumber(set.sequence)
  }

  /** Goes on under another identity, from sequence 0: the broker has lost the old one. Nothing may be under way. */
  reidentify(identity: ProducerIdentity): void {
    this.#identity = identity
    this.#confirmedMs = -Infinity
    this.#renumber(0)
  }

  /** True where a set may be in the log without our knowing it: another identity would double it. */
  get doubtful(): boolean {
    return this.#sets.some((set) => set.doubtful)
  }

  #renumber(from: number): void {
    this.#sequence = from
    for (const set of this.#sets) {
      set.sequence = this.#sequence
      set.bytes = restamp(set.bytes, this.#stamp(set.sequence))
      this.#sequence = sequenceAfter(this.#sequence, set.count)
    }
  }

  #settle(): void {
    if (this.#underWay === 0) this.#recovering = false
  }

  #release({ builder }: RecordSet): void {
    if (builder) this.#builders.give(builder)
  }

  #push(
    bytes: Buffer,
    builder: RecordBatchBuilder | null,
    count: number,
    records: readonly ConnectRecord[] | null,
    size: number,
    sealedMs: number,
  ): void {
    const sequence = this.#sequence
    this.#sets.push({ bytes, builder, count, sequence, records, size, sealedMs, attempts: 0, doubtful: false, retried: false })
    this.#sequence = sequenceAfter(sequence, count)
  }

  #stamp(baseSequence: number): BatchStamp | undefined {
    const identity = this.#identity
    if (identity === null) return undefined
    return { producerId: identity.producerId, epoch: identity.epoch, baseSequence, transactional: this.#settings.transactional }
  }
}
