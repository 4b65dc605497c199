import type { Logger } from '../contract/context.ts'
import type { ConnectRecord, Offsets, WholeRecords } from '../contract/record.ts'
import type { SinkTask } from '../contract/sink.ts'
import { placed, placeOf } from './bisecting-sink.ts'
import type { Chain, ChainResult, PreparedChain } from './chain.ts'
import { exactJson } from './letters/exact-json.ts'
import type { LetterBox, Stage } from './letters/letter.ts'
import type { RedriveMarks } from './letters/redrive-marks.ts'
import type { TaskMeter } from './meter.ts'
import { isRetriable, type Retry } from './retry.ts'
import type { BatchChain } from './task.ts'

export interface ToleranceSettings {
  /** False: the first record that cannot pass ends the task. */
  readonly all: boolean
  readonly log: boolean
  /** Whether the log has the records' contents, too. */
  readonly logRecords: boolean
}

export interface ToleranceParts {
  /** `<connector>-<task>`, for the log. */
  readonly id: string
  readonly letters: LetterBox
  readonly marks: RedriveMarks
  readonly log: Logger
  readonly meter: TaskMeter
  readonly retry: Retry
  /** The class that works at a stage, or at a step of the chain. */
  classAt(stage: Stage, step?: string): string
}

/** Whose the record is when it is rejected: what the counts need to know. */
export type Rejecter = 'source' | 'chain' | 'sink'

/** Decides what becomes of a record that cannot pass: the end of the task, or a place among the dead letters (`errors.tolerance`). */
export class Tolerance {
  readonly #settings: ToleranceSettings
  readonly #parts: ToleranceParts
  /** Errors that ended the work, as nothing is tolerated. */
  readonly #final = new WeakSet<Error>()
  /** The batch at work, as the source gave it: a letter holds a record from before the chain, so that a redrive takes it through the whole one. */
  #batch: readonly ConnectRecord[] = []
  #flushing: AbortSignal | undefined

  constructor(settings: ToleranceSettings, parts: ToleranceParts) {
    this.#settings = settings
    this.#parts = parts
  }

  /** Throws the error where nothing is tolerated; else keeps the record among the dead letters. */
  async reject(by: Rejecter, stage: Stage, record: ConnectRecord, error: Error, step?: string): Promise<void> {
    const { letters, marks, meter } = this.#parts
    this.#note(stage, record, error, step)
    if (!this.#settings.all) throw this.#last(by === 'sink' ? placed(record, error) : error)
    const before = by === 'source' ? record : this.#beforeChain(record)
    await letters.add({
      stage,
      error,
      record: before ?? record,
      class: this.#parts.classAt(stage, step),
      chained: before === undefined,
      redriven: marks.countOf(record),
      ...(step === undefined ? {} : { step }),
    })
    if (this.#flushing) await letters.sync(this.#flushing)
    meter.rejected(by)
  }

  /** True: `reject` threw this error. */
  isFinal(error: Error): boolean {
    return this.#final.has(error)
  }

  #last(error: Error): Error {
    this.#final.add(error)
    return error
  }

  /** The chain as the loop wants it: what it refuses is settled here, in the records' order. */
  batchChain(chain: Chain | PreparedChain, prepares = false): BatchChain {
    if (prepares) return (records) => this.#prepared(chain, records)
    return (records) => {
      this.#batch = records
      if (records.length === 0 || this.#parts.marks.isPastChain(records)) return records
      const outcome = (chain as Chain)(records)
      if (outcome.refused.length > 0) return this.#settle(chain, records, outcome)
      this.#count(records, outcome)
      return outcome.kept
    }
  }

  /** Makes the letters durable, then flushes. A record that is rejected meanwhile is made durable at once: the offsets may be committed with it. */
  async whileFlushing<T>(kill: AbortSignal, flush: () => Promise<T>): Promise<T> {
    // From here on, as one that is rejected while the others are made durable may come too late for that.
    this.#flushing = kill
    try {
      await this.#parts.letters.sync(kill)
      return await flush()
    } finally {
      this.#flushing = undefined
    }
  }

  async #prepared(chain: Chain | PreparedChain, records: readonly ConnectRecord[]): Promise<readonly ConnectRecord[]> {
    this.#batch = records
    if (records.length === 0 || this.#parts.marks.isPastChain(records)) return records
    return this.#settle(chain, records, await this.#parts.retry.run('Looking things up for transforms', async () => chain(records)))
  }

  async #settle(chain: Chain | PreparedChain, records: readonly ConnectRecord[], first: ChainResult): Promise<readonly ConnectRecord[]> {
    let outcome = first
    if (first.refused.some(({ error }) => isRetriable(error))) {
      const { retry } = this.#parts
      let attempts = 0
      try {
        await retry.run('Transforming', async () => {
          // Transforms are pure: the whole batch may go through them again.
          if (attempts++ > 0) outcome = await chain(records)
          const again = outcome.refused.find(({ error }) => isRetriable(error))
          if (again) throw again.error
        })
      } catch (error) {
        // The time for trying again is over, so they are refused as others are; a task that stops takes them again next time.
        if (!isRetriable(error) || retry.stopped) throw error
      }
    }
    this.#count(records, outcome)
    for (const { record, step, error } of outcome.refused) await this.reject('chain', 'TRANSFORMATION', record, error, step)
    return outcome.kept
  }

  #count(records: readonly ConnectRecord[], { kept, refused }: ChainResult): void {
    const filtered = records.length - kept.length - refused.length
    if (filtered > 0) this.#parts.meter.filtered(filtered)
  }

  /** undefined: not known any more. A record with its bytes needs no other: a redrive takes those. */
  #beforeChain(record: ConnectRecord): ConnectRecord | undefined {
    const { origin } = record
    if (origin === null) return this.#batch.includes(record) ? record : undefined
    if (origin.raw) return record
    return this.#batch.find((one) => one.origin === origin)
  }

  /** In Connect's words (`ProcessingContext`), so that what watches a log for them goes on to. */
  #note(stage: Stage, record: ConnectRecord, error: Error, step: string | undefined): void {
    if (!this.#settings.log) return
    const { id, log } = this.#parts
    const at = this.#parts.classAt(stage, step)
    const place = placeOf(record)
    const contents = this.#settings.logRecords
      ? {
          key: exactJson(record.key),
          value: exactJson(record.value),
          headers: record.headers.map(({ key, value }) => [key, exactJson(value)]),
        }
      : {}
    const fields = { stage, step, class: at, topic: record.topic, place, timestamp: record.timestamp, ...contents, err: error }
    const where = place === undefined ? '' : `, where the record is {${place}}`
    log.error(fields, `Error encountered in task ${id}. Executing stage '${stage}' with class '${at}'${where}: ${error.message}`)
  }
}

/** A sink whose flush makes the dead letters durable first, and that notices the topics of what it is given. */
export class TolerantSink implements SinkTask {
  readonly #sink: SinkTask
  readonly #topics = new Set<string>()
  readonly #onTopic: (topic: string) => void
  readonly flush: NonNullable<SinkTask['flush']>
  readonly forget?: NonNullable<SinkTask['forget']>
  readonly committed?: () => Promise<Offsets | undefined>
  readonly forward?: (whole: WholeRecords, kill: AbortSignal) => Promise<void>

  constructor(sink: SinkTask, tolerance: Tolerance, onTopic: (topic: string) => void) {
    this.#sink = sink
    this.#onTopic = onTopic
    this.flush = (offsets, kill, all) => tolerance.whileFlushing(kill, async () => sink.flush?.(offsets, kill, all))
    if (sink.forget) this.forget = (partitions) => sink.forget!(partitions)
    if (sink.committed) this.committed = () => sink.committed!()
    if (sink.forward) {
      this.forward = async (whole, kill) => {
        await sink.forward!(whole, kill)
        for (const { topic } of whole.chunks) this.#sawTopic(topic)
      }
    }
  }

  get formats(): readonly string[] {
    return this.#sink.formats ?? []
  }

  async open(): Promise<void> {
    await this.#sink.open?.()
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    await this.#sink.put(records, kill)
    let last: string | undefined
    for (const { topic } of records) {
      if (topic === last) continue
      last = topic
      this.#sawTopic(topic)
    }
  }

  #sawTopic(topic: string): void {
    if (this.#topics.has(topic)) return
    this.#topics.add(topic)
    this.#onTopic(topic)
  }

  /** Topics are told again from now on: a person reset the list. */
  forgetTopics(): void {
    this.#topics.clear()
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#sink[Symbol.asyncDispose]()
  }
}
