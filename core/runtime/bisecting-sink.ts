import { DataError } from '../contract/errors.ts'
import type { ConnectRecord, Offsets, WholeRecords } from '../contract/record.ts'
import type { SinkTask } from '../contract/sink.ts'

/** What becomes of the record that a sink cannot take: resolves where work goes on without it. */
export type RefuseRecord = (record: ConnectRecord, error: Error) => Promise<void>

/**
 * A sink whose `put` that rejects with a DataError is asked again with halves of its records, down to the ones at fault; each of those is
 * refused with its own error, the others are put in their order. The contract lets a rejected `put` be asked again, as it took nothing.
 *
 * k bad records among n cost at most 2k * ceil(log2 n) + 1 puts. Where `refuse` throws (nothing is tolerated), it ends with the first bad one,
 * after at most 2 * ceil(log2 n) + 1. An error that `isFinal` knows has been through `refuse`, or the sink's own `context.reject`: it ends the
 * put as it is, since such a sink may have taken a part of the records and cannot be asked again.
 */
export class BisectingSink implements SinkTask {
  readonly #sink: SinkTask
  readonly #refuse: RefuseRecord
  readonly #isFinal: (error: Error) => boolean
  readonly flush?: NonNullable<SinkTask['flush']>
  readonly forget?: NonNullable<SinkTask['forget']>
  readonly committed?: () => Promise<Offsets | undefined>
  readonly forward?: (whole: WholeRecords, kill: AbortSignal) => Promise<void>

  constructor(sink: SinkTask, refuse: RefuseRecord, isFinal: (error: Error) => boolean = () => false) {
    this.#sink = sink
    this.#refuse = refuse
    this.#isFinal = isFinal
    if (sink.flush) this.flush = (offsets, kill, all) => sink.flush!(offsets, kill, all)
    if (sink.forget) this.forget = (partitions) => sink.forget!(partitions)
    if (sink.committed) this.committed = () => sink.committed!()
    if (sink.forward) this.forward = (whole, kill) => sink.forward!(whole, kill)
  }

  get formats(): readonly string[] {
    return this.#sink.formats ?? []
  }

  async open(): Promise<void> {
    await this.#sink.open?.()
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    try {
      await this.#sink.put(records, kill)
    } catch (error) {
      if (!isDataError(error) || kill.aborted || this.#isFinal(error)) throw error
      await this.#settle(records, error, kill)
    }
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#sink[Symbol.asyncDispose]()
  }

  async #settle(records: readonly ConnectRecord[], error: Error, kill: AbortSignal): Promise<void> {
    if (records.length === 1) return this.#refuse(records[0]!, placed(records[0]!, error))
    const middle = records.length >> 1
    await this.put(records.slice(0, middle), kill)
    await this.put(records.slice(middle), kill)
  }
}

/** By its code, not its class: a plugin may bring its own copy of the contract along. */
function isDataError(error: unknown): error is Error {
  return error instanceof Error && (error as { code?: unknown }).code === 'DATA'
}

/** The same error, saying which record it is about. */
export function placed(record: ConnectRecord, error: Error): Error {
  const place = placeOf(record)
  if (place === undefined || !isDataError(error) || error.message.endsWith(`(${place})`)) return error
  return new DataError(`${error.message} (${place})`, { cause: error })
}

/** Where a record came from, as people look for it; undefined: it has no such place. */
export function placeOf({ topic, origin }: ConnectRecord): string | undefined {
  if (origin === null) return undefined
  // The bytes may have to be cut out of their batch, but only a record that failed is asked for them.
  const { raw } = origin
  if (raw) return `topic ${raw.topic}, partition ${raw.partition}, offset ${raw.offset}`
  return `topic ${topic}, ${origin.partition} at ${origin.position}${origin.seq > 0 ? `, record ${origin.seq}` : ''}`
}
