import { setImmediate as yieldToEvents, setTimeout as sleep } from 'node:timers/promises'
import type { ConnectRecord, Offsets, RecordBatch, WholeRecords } from '../contract/record.ts'
import type { SinkTask } from '../contract/sink.ts'
import type { SourceTask } from '../contract/source.ts'
import { checkBatch, checkOffsetsOf, withMethods } from './plugin-answers.ts'

/** A source that answers "nothing" sooner than this did not wait for input, as it should; milliseconds. */
const waitedMs = 1
/** What is waited for it instead, in milliseconds. */
const idleMs = 20
/** Longest that batches follow each other without a look at timers and messages, in milliseconds. */
const breathMs = 25

/**
 * A source whose answers are looked at before anybody relies on them. One that answers at once again and again, from memory or with nothing,
 * leaves the process time for its heartbeats and for the order to stop.
 */
export class CheckedSource implements SourceTask {
  readonly #source: SourceTask
  readonly #class: string
  readonly commit?: (offsets: Offsets) => Promise<void>
  #breathedMs = performance.now()

  constructor(source: SourceTask, className: string) {
    this.#source = withMethods(source, className, 'create', ['open', 'poll', Symbol.asyncDispose])
    this.#class = className
    if (source.commit) this.commit = (offsets) => source.commit!(offsets)
  }

  open(offsets: Offsets | undefined): Promise<void> {
    return this.#source.open(offsets)
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    const began = performance.now()
    const batch = await this.#source.poll(signal)
    checkBatch(batch, this.#class)
    const now = performance.now()
    if (now - began < waitedMs && !signal.aborted && isNothing(batch)) {
      await sleep(idleMs, undefined, { signal }).catch(() => {}) // Told to return: it does.
      this.#breathedMs = performance.now()
    } else if (now - this.#breathedMs > breathMs) {
      await yieldToEvents()
      this.#breathedMs = performance.now()
    }
    return batch
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#source[Symbol.asyncDispose]()
  }
}

function isNothing(batch: RecordBatch): boolean {
  if (batch.whole || batch.end || batch.checkpoint || batch.released) return false
  return batch.records.length === 0 && Object.keys(batch.offsets).length === 0
}

/** A sink whose answers are looked at before anybody relies on them. */
export class CheckedSink implements SinkTask {
  readonly #sink: SinkTask
  readonly flush?: NonNullable<SinkTask['flush']>
  readonly forget?: NonNullable<SinkTask['forget']>
  readonly committed?: () => Promise<Offsets | undefined>
  readonly forward?: (whole: WholeRecords, kill: AbortSignal) => Promise<void>

  constructor(sink: SinkTask, className: string) {
    this.#sink = withMethods(sink, className, 'create', ['put', Symbol.asyncDispose])
    if (sink.flush) this.flush = async (offsets, kill, all) => checkOffsetsOf(await sink.flush!(offsets, kill, all), className, 'flush')
    if (sink.forget) this.forget = (partitions) => sink.forget!(partitions)
    if (sink.committed) this.committed = async () => checkOffsetsOf(await sink.committed!(), className, 'committed')
    if (sink.forward) this.forward = (whole, kill) => sink.forward!(whole, kill)
  }

  get formats(): readonly string[] {
    return this.#sink.formats ?? []
  }

  async open(): Promise<void> {
    await this.#sink.open?.()
  }

  put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    return this.#sink.put(records, kill)
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#sink[Symbol.asyncDispose]()
  }
}
