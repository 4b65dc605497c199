import type { Logger } from '../contract/context.ts'
import type { ConnectRecord, Offsets, WholeRecords } from '../contract/record.ts'
import type { SinkTask } from '../contract/sink.ts'
import type { Chain } from './chain.ts'
import { exactJson, type DeadLetters, type Stage } from './dead-letters.ts'
import type { TaskMeter } from './meter.ts'
import type { TaskSpec } from './protocol.ts'
import type { BatchChain } from './task.ts'

/** Decides what becomes of a record that cannot pass: the end of the task, or a place among the dead letters (`errors.tolerance`). */
export class Tolerance {
  readonly #settings: TaskSpec['tolerance']
  readonly #letters: DeadLetters
  readonly #log: Logger
  readonly #meter: TaskMeter

  constructor(settings: TaskSpec['tolerance'], letters: DeadLetters, log: Logger, meter: TaskMeter) {
    this.#settings = settings
    this.#letters = letters
    this.#log = log
    this.#meter = meter
  }

  /** Throws the error where nothing is tolerated; else keeps the record among the dead letters. */
  async reject(stage: Stage, record: ConnectRecord, error: Error, step?: string): Promise<void> {
    if (this.#settings.log) {
      const fields = this.#settings.logRecords
        ? { stage, step, topic: record.topic, origin: record.origin, key: exactJson(record.key), value: exactJson(record.value) }
        : { stage, step, topic: record.topic, origin: record.origin }
      this.#log.error({ ...fields, err: error }, `A record was rejected: ${error.message}`)
    }
    if (!this.#settings.all) throw error
    await this.#letters.add({ stage, error, record, ...(step === undefined ? {} : { step }) })
    this.#meter.rejected()
  }

  /** The chain as the loop wants it: what it refuses is settled here, in the records' order. */
  batchChain(chain: Chain): BatchChain {
    return (records) => {
      if (records.length === 0) return records
      const { kept, refused } = chain(records)
      const filtered = records.length - kept.length - refused.length
      if (filtered > 0) this.#meter.filtered(filtered)
      return refused.length === 0 ? kept : this.#settle(refused, kept)
    }
  }

  async #settle(refused: ReturnType<Chain>['refused'], kept: readonly ConnectRecord[]): Promise<readonly ConnectRecord[]> {
    for (const { record, step, error } of refused) await this.reject('TRANSFORMATION', record, error, step)
    return kept
  }
}

/** A sink whose flush makes the dead letters durable first, and that notices the topics of what it is given. */
export class TolerantSink implements SinkTask {
  readonly #sink: SinkTask
  readonly #topics = new Set<string>()
  readonly #onTopic: (topic: string) => void
  readonly flush: (offsets: Offsets, kill: AbortSignal) => Promise<void>
  readonly committed?: () => Promise<Offsets | undefined>
  readonly forward?: (whole: WholeRecords, kill: AbortSignal) => Promise<void>
  readonly #letters: DeadLetters

  constructor(sink: SinkTask, letters: DeadLetters, onTopic: (topic: string) => void) {
    this.#sink = sink
    this.#letters = letters
    this.#onTopic = onTopic
    this.flush = async (offsets, kill) => {
      await letters.sync()
      await sink.flush?.(offsets, kill)
    }
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

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#sink[Symbol.asyncDispose]()
    } finally {
      await this.#letters[Symbol.asyncDispose]()
    }
  }
}
