import { ConfigError, DataError, FencedError, GapError, RetriableError, type Offsets, type TaskContext } from '../../../core/index.ts'
import type { Change } from './change.ts'
import type { Chunk, Form } from './chunk.ts'
import { Lanes, type Lane } from './lanes.ts'
import type { Ledger } from './ledger.ts'
import { inNeedOfRights } from './rights.ts'
import { commitError } from './row-faults.ts'
import { isPassing, Session } from './session.ts'
import type { SinkSettings } from './settings.ts'
import { isReady, sendRows, takeBack, writeRows } from './write-rows.ts'

/** Bytes of rows that are kept until their transaction is committed, so that it can be done again. Beyond it, a lost transaction restarts the task. */
const keptBytesMax = 16 * 1024 * 1024
/** Chunks that wait to be written, beyond which `room` waits. */
const waitingMax = 2

/** Chunks that the server is sent before it has answered for the first of them. */
const sentMax = 2

/**
 * The rows between two commits: collected by table, written in chunks while more come in, and committed with the positions. All of it is one
 * transaction, which is done again from the start where the server or the connection fails it.
 */
export class TransactionWindow implements AsyncDisposable {
  readonly #settings: SinkSettings
  readonly #context: TaskContext
  readonly #ledger: Ledger | undefined
  readonly #lanes: Lanes
  #session: Session | undefined
  /** Written and not committed. */
  #done: Chunk[] = []
  #doneBytes = 0
  /** Some that were written are not kept any more. */
  #forgotten = false
  #pump: Promise<void> | undefined
  /** Why the transaction has to be done again. */
  #failure: unknown
  #failures = 0
  /** Why nothing more can be done. */
  #broken: unknown
  /** A commit that was sent and not answered. */
  #uncertain = false
  /** It came through, as the restart found out. */
  #settled = false

  constructor(settings: SinkSettings, context: TaskContext, ledger: Ledger | undefined) {
    this.#settings = settings
    this.#context = context
    this.#ledger = ledger
    this.#lanes = new Lanes(settings.batchRows, settings.mode === 'insert')
  }

  readonly #alive = (): void => this.#context.report({})

  async open(): Promise<void> {
    this.#session = await Session.open(this.#settings.connections)
    try {
      await this.#ledger?.admit(this.#session)
    } catch (error) {
      throw inNeedOfRights(error, 'positions', this.#role)
    }
  }

  /** The connection, whole and with nothing amiss: where the transaction failed, this is where it is begun again. */
  async ready(): Promise<Session> {
    this.#check()
    if (this.#failure === undefined && !this.#session!.lost) return this.#session!
    await this.#pump
    try {
      await this.#restart()
    } catch (error) {
      throw this.#passing(error)
    }
    return this.#session!
  }

  /** Runs what asks the server for something beside the rows. What the connection fails is a RetriableError. */
  async ask<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.ready()
    try {
      return await session.exclusive(() => work(session), this.#alive)
    } catch (error) {
      throw error instanceof DataError || error instanceof ConfigError ? error : this.#stumble(error)
    }
  }

  /** Takes a change. Throws what its form's writer throws; then it was not taken. `moved`: the change with the row's new key. */
  add(form: Form, change: Change, keyed: boolean, moved?: Change): void {
    this.#lanes.add(form, change, keyed, moved)
  }

  /** Begins to write what is full. */
  kick(): void {
    if (this.#pump || this.#failure !== undefined || this.#broken !== undefined || this.#lanes.waiting === 0) return
    this.#pump = this.#write(false).finally(() => (this.#pump = undefined))
  }

  /** Waits until not too much waits to be written. */
  async room(): Promise<void> {
    while (this.#lanes.waiting > waitingMax) {
      this.kick()
      await this.#pump
      await this.ready()
      if (this.#lanes.waiting <= waitingMax || this.#lanes.next(false) !== undefined) continue
      // Nothing but rows that miss others: what is collected may be those.
      this.#lanes.closeAll()
      await this.#write(true)
      await this.ready()
    }
  }

  /** All rows and the positions are committed. Rejected: none of it is known to be, and it may be asked again. */
  async commit(offsets: Offsets): Promise<void> {
    await this.#pump
    if (this.#broken !== undefined) throw this.#broken
    await this.ready()
    if (this.#settled) {
      this.#settle()
      return
    }
    await this.#drain()
    const session = await this.ready()
    try {
      await session.exclusive(async () => {
        if (!this.#ledger && !session.inTransaction) return
        await session.begin()
        await this.#ledger?.write(session, offsets)
        this.#uncertain = true
        await session.commit()
      }, this.#alive)
    } catch (error) {
      throw this.#stumble(commitError(error))
    }
    this.#settle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#broken ??= new Error('The sink is closed')
    const session = this.#session
    if (session) await session[Symbol.asyncDispose]()
    await this.#pump
  }

  #settle(): void {
    this.#ledger?.advance()
    this.#done = []
    this.#doneBytes = 0
    this.#forgotten = false
    this.#uncertain = false
    this.#settled = false
    this.#failures = 0
  }

  async #drain(): Promise<void> {
    this.#lanes.closeAll()
    if (this.#lanes.waiting > 0) await this.#write(true)
    // What failed is said by the one who asks, and tried again by the one who asks again.
    if (this.#failure !== undefined) throw this.#passing(this.#failure)
    if (this.#broken !== undefined) throw this.#broken
  }

  /** Writes the waiting chunks, table by table. Never rejects: what fails is kept for the next `ready`. `all`: rows that miss others are refused in the end. */
  async #write(all: boolean): Promise<void> {
    try {
      for (;;) {
        const lane = this.#lanes.next(all)
        if (!lane) return
        await this.#session!.exclusive(async () => {
          if (!lane.blocked) await this.#send(lane)
          else await this.#writeChunk(lane, false)
        }, this.#alive)
        this.#alive()
      }
    } catch (error) {
      this.#note(error)
    }
  }

  /** Writes the chunks of a lane, the next one sent before the server has answered for the one before. */
  async #send(lane: Lane): Promise<void> {
    const session = this.#session!
    const { mode } = this.#settings
    const sent: Promise<boolean>[] = []
    await session.begin()
    for (;;) {
      while (sent.length < sentMax && sent.length < lane.waiting.length && isReady(session, mode, lane.waiting[sent.length]!)) {
        const answer = sendRows(session, mode, lane.waiting[sent.length]!)
        answer.catch(() => {}) // It is awaited below, unless one before it has failed.
        sent.push(answer)
      }
      const first = sent.shift()
      if (first && (await first)) {
        this.#written(lane)
        this.#alive()
        if (lane.waiting.length > 0) continue
        return
      }
      if (first) {
        // Those behind a chunk that was refused were refused with it; nothing may be taken back before that.
        await Promise.all(sent)
        await takeBack(session)
      }
      if (lane.waiting.length > 0) await this.#writeChunk(lane, true)
      return
    }
  }

  async #writeChunk(lane: Lane, patient: boolean): Promise<void> {
    const session = this.#session!
    const chunk = lane.waiting[0]!
    await session.begin()
    const back = await this.#writeRows(session, chunk, patient)
    if (back.length === 0) {
      this.#written(lane)
      return
    }
    // Its rest is tried again when other tables have moved on.
    this.#lanes.block(lane, back.length < chunk.live.length)
    chunk.live = back
  }

  /** The first chunk of the lane is in the open transaction. */
  #written(lane: Lane): void {
    this.#keep(this.#lanes.shift(lane))
  }

  async #writeRows(session: Session, chunk: Chunk, patient: boolean): Promise<readonly number[]> {
    if (chunk.live.length > 0 && chunk.form(chunk.live[0]!).op === 'truncate') {
      await session.query(`TRUNCATE ${chunk.destination.table.sql}`)
      return []
    }
    const refuse = async (row: number, error: Error): Promise<void> => {
      const record = chunk.record(row)
      if (record === undefined) {
        throw new FencedError(
          `A transaction was lost and done again, and now a row is refused that was not before (${error.message}); the task starts again from its committed position`,
          { cause: error },
        )
      }
      // Before the reject, as that may be the last thing that happens.
      chunk.refuse(row)
      await this.#context.reject(record, error)
    }
    return writeRows(session, this.#settings.mode, chunk, chunk.live, refuse, patient)
  }

  #keep(chunk: Chunk): void {
    chunk.forgetRecords()
    this.#done.push(chunk)
    this.#doneBytes += chunk.bytes
    if (this.#doneBytes <= keptBytesMax) return
    this.#done = []
    this.#forgotten = true
  }

  /** What failed may pass, or ends the task. */
  #note(error: unknown): void {
    if (isPassing(error) || this.#session!.lost) this.#failure ??= error
    else this.#broken ??= inNeedOfRights(error, 'tables', this.#role)
  }

  get #role(): string {
    return this.#settings.connections[0]!.user
  }

  #stumble(error: unknown): unknown {
    this.#note(error)
    return this.#broken !== undefined ? inNeedOfRights(error, 'tables', this.#role) : this.#passing(error)
  }

  /** Begins the transaction again: what was written goes back to its place in the queue. */
  async #restart(): Promise<void> {
    let session = this.#session!
    const defines = session.defines
    await session.rollback()
    if (session.lost) {
      await session[Symbol.asyncDispose]()
      session = this.#session = await Session.open(this.#settings.connections)
      const resumed = await this.#ledger?.resume(session)
      if (this.#uncertain && resumed && resumed.flush === this.#ledger!.next) {
        this.#settled = true
        this.#failure = undefined
        return
      }
    }
    if (this.#uncertain && !this.#ledger)
      this.#context.log.warn({}, 'It is not known whether a transaction was committed; its rows are written again')
    this.#uncertain = false
    if (this.#forgotten || defines) {
      const cause = this.#failure
      this.#broken = new FencedError(
        `A transaction was lost (${messageOf(cause)}), and it was too large to be kept for a second try; the task starts again from its committed position`,
        { cause },
      )
      throw this.#broken
    }
    const again = this.#done
    this.#done = []
    this.#doneBytes = 0
    this.#lanes.again(again)
    this.#failure = undefined
  }

  #passing(error: unknown): unknown {
    if (error === this.#broken || error instanceof FencedError || error instanceof GapError) {
      this.#broken ??= error
      return error
    }
    if (!isPassing(error) && !(this.#session?.lost ?? true)) return error
    this.#failures++
    const { retriesMax, retryMs } = this.#settings
    const text = messageOf(error)
    if (retriesMax !== undefined && this.#failures > retriesMax)
      return new Error(`${text} (after max.retries=${retriesMax})`, { cause: error })
    return new RetriableError(`Writing to Postgres failed: ${text}`, {
      cause: error,
      ...(retryMs === undefined ? {} : { retryAfterMs: retryMs }),
    })
  }

  #check(): void {
    const cause = this.#broken
    if (cause === undefined) return
    // Not as a DataError: the records of this call are not the ones at fault.
    throw cause instanceof DataError ? new Error(cause.message, { cause }) : cause
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
