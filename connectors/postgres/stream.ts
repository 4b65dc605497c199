import { setImmediate as yieldToTimers } from 'node:timers/promises'
import { idle, type ConnectRecord, type RecordBatch, type TaskContext } from '../../core/index.ts'
import type { Query } from './catalog.ts'
import { PgOutputDecoder, pgOutputTag, ProtocolError } from './decoder.ts'
import type { Heartbeat } from './heartbeat.ts'
import { Interruption, type RetrySettings } from './interruption.ts'
import { formatLsn, type Lsn } from './lsn.ts'
import { tableKey, toOffsets, type Position } from './position.ts'
import type { RecordFactory, RejectedRow } from './records.ts'
import { startReplication, type ReplicationSettings } from './replication.ts'
import type { TableShape } from './shape.ts'
import type { EventFilter } from './source-settings.ts'
import { StreamedTables, type StreamedTablesParts } from './streamed-tables.ts'
import { Visibility } from './visibility.ts'
import type { WalSender } from './wal-sender.ts'

export interface StreamParts extends StreamedTablesParts {
  readonly replication: ReplicationSettings
  readonly events: EventFilter
  readonly query: Query
  readonly serverVersion: number
  readonly factory: RecordFactory
  readonly context: TaskContext
  readonly heartbeat: Heartbeat
  readonly batchRowsMax: number
  readonly batchBytesMax: number
  readonly retry: RetrySettings
  /** Called at every turn of a waiting poll, for what is to be reported. */
  readonly progress: () => void
}

/** Milliseconds between two positions that are handed over only because the log moved on without us. */
const idlePositionMs = 5_000
const waitMsMax = 1_000

/**
 * Turns the replication stream into batches. A batch ends with a transaction wherever one ended; rows of the transaction after it wait for
 * the next batch. Only a transaction that is larger than a batch goes out in parts, as `open` batches.
 *
 * A broken connection is opened again in here, right after the last whole transaction; of the one that was cut the rows that had been handed
 * out are passed over when it comes again, which it does whole and in the same order.
 */
export class ChangeStream implements AsyncDisposable {
  readonly #parts: StreamParts
  readonly #decoder = new PgOutputDecoder()
  readonly #tables: StreamedTables
  readonly #interruption: Interruption
  /** But for its tables, which `#tables` knows. */
  #position: Position
  #durable: Lsn
  #sender: WalSender | undefined
  // The batch in the making, and how much of it belongs to whole transactions.
  #out: ConnectRecord[] = []
  #whole = 0
  #bytes = 0
  #moved = false
  #rejected: RejectedRow[] = []
  /** What broke the stream behind records that went out first. */
  #deferred: unknown
  /** What was handed out last ended inside a transaction. */
  #open = false
  // The transaction in hand.
  #inside = false
  #finalLsn: Lsn = 0
  #xid = 0
  #seq = 0
  /** Of the transaction that was cut by a reconnect: numbers up to this one were handed out already. */
  #handed: { readonly finalLsn: Lsn; readonly seq: number } | undefined
  readonly #dropped: ConnectRecord[] = []
  #idleLsn: Lsn = 0
  #idleAt = 0
  #warnedTruncate = false

  constructor(parts: StreamParts, position: Position) {
    this.#parts = parts
    this.#tables = new StreamedTables(parts, new Visibility(parts.query, parts.context.log), position.tables)
    this.#interruption = new Interruption(parts.retry, parts.replication.slot, parts.context)
    this.#position = position
    this.#durable = position.lsn
    parts.factory.resumeAfter(position.commitLsn)
  }

  /** Where the stream stands: after everything that was handed out. */
  get position(): Position {
    return { ...this.#position, tables: this.#tables.progress }
  }

  /** False in the middle of a transaction of which a part was handed out. */
  get atBoundary(): boolean {
    return !this.#open && !this.#inside
  }

  /** Tables whose content was never read; `snapshotted` takes them off. */
  get wanted(): StreamedTables['wanted'] {
    return this.#tables.wanted
  }

  /** A snapshot of these tables was handed out whole: their changes go on from it. */
  snapshotted(tables: NonNullable<Position['tables']>): void {
    this.#tables.snapshotted(tables)
  }

  /** Everything up to `lsn` is durable in the sink and saved. */
  acknowledge(lsn: Lsn): void {
    this.#durable = Math.max(this.#durable, lsn)
    this.#sender?.acknowledge(this.#durable)
  }

  /** As `SourceTask.poll`. */
  async poll(signal: AbortSignal): Promise<RecordBatch> {
    for (;;) {
      try {
        this.#throwDeferred()
        const sender = this.#sender ?? (await this.#connect())
        const state = await this.#drain(sender, signal)
        if (!this.#inside) this.#beat()
        const batch = this.#batch(state)
        if (batch !== undefined) {
          await this.#settleRejected()
          return batch
        }
        if (signal.aborted) return idle
        if (state === 'full') await yieldToTimers()
        else await sender.wait(signal, Math.min(waitMsMax, this.#parts.heartbeat.remainingMs()))
      } catch (error) {
        await this.#disconnect()
        if (this.#whole > 0) {
          // What came whole before goes out first; the error is met again at the next poll.
          this.#deferred = error
          const batch = this.#batch('empty')!
          await this.#settleRejected()
          return batch
        }
        this.#interruption.failed(error)
        if (!(await this.#interruption.pause(signal))) return idle
      }
      this.#parts.progress()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sender = this.#sender
    this.#sender = undefined
    await sender?.[Symbol.asyncDispose]()
  }

  async #connect(): Promise<WalSender> {
    const { replication, query, serverVersion, context } = this.#parts
    const sender = await startReplication(replication, this.#position, this.#durable, query, serverVersion, context.log)
    context.log.info({ slot: replication.slot, from: formatLsn(this.#position.lsn) }, 'Streaming changes')
    this.#decoder.reset()
    this.#tables.reset()
    this.#interruption.over()
    this.#sender = sender
    return sender
  }

  /** The transaction in hand comes again whole on the next connection: what is here of it, and was not handed out, is let go. */
  async #disconnect(): Promise<void> {
    const sender = this.#sender
    this.#sender = undefined
    if (this.#inside) {
      this.#out.length = this.#whole
      this.#parts.factory.takeRejected()
      this.#inside = false
    }
    await sender?.[Symbol.asyncDispose]()
  }

  /** Between two transactions. */
  #beat(): void {
    if (!this.#parts.heartbeat.due()) return
    this.#parts.heartbeat.beat(this.#out, this.#position)
    this.#whole = this.#out.length
  }

  /** Of the batch that goes out now; those of a transaction that is still coming stay with the factory until it is handed out, too. */
  async #settleRejected(): Promise<void> {
    if (this.#open) this.#rejected.push(...this.#parts.factory.takeRejected())
    const rejected = this.#rejected
    if (rejected.length === 0) return
    this.#rejected = []
    for (const { record, error } of rejected) await this.#parts.context.reject(record, error)
  }

  #throwDeferred(): void {
    const error = this.#deferred
    this.#deferred = undefined
    if (error !== undefined) throw error
  }

  /** Takes messages off the queue until it is empty, the batch is full, or the signal aborts while a table's new definition is waited for. */
  async #drain(sender: WalSender, signal: AbortSignal): Promise<'empty' | 'full'> {
    const { batchRowsMax, batchBytesMax } = this.#parts
    while (this.#out.length < batchRowsMax && this.#bytes < batchBytesMax) {
      if (this.#tables.unsettled && !(await this.#tables.settle(this.#xid, signal))) return 'empty'
      const kind = sender.next()
      if (kind === undefined) return 'empty'
      if (kind === 'keepalive') {
        if (!this.#inside) this.#idleLsn = Math.max(this.#idleLsn, sender.walEnd)
        continue
      }
      this.#bytes += sender.end - sender.start
      const length = this.#out.length
      const seq = this.#seq
      this.#decode(sender)
      if (this.#parts.catalog.takeOutdated()) {
        // An enum got a label, which changes the schema but sends no RELATION: the row is read again under the new schema.
        this.#parts.factory.takeBack(this.#out, length)
        this.#seq = seq
        await this.#tables.describe(this.#decoder.relation)
        this.#decode(sender)
        this.#parts.catalog.takeOutdated()
      }
    }
    return 'full'
  }

  #decode(sender: WalSender): void {
    const decoder = this.#decoder
    const { factory, events } = this.#parts
    switch (decoder.decode(sender.buffer, sender.start, sender.end)) {
      case pgOutputTag.insert: {
        const table = this.#tables.find(decoder.relation)
        const seq = this.#seq + 1
        this.#seq = seq
        if (table.shape !== null && events.creates && this.#finalLsn >= table.from) {
          factory.insert(table.shape, decoder.newRow, sender.lsn, seq, this.#target(seq))
        }
        return
      }
      case pgOutputTag.update: {
        const table = this.#tables.find(decoder.relation)
        const old = decoder.oldRowKind === null ? null : decoder.oldRow
        const seq = this.#seq + 1
        // Where the old row came along the key may have changed: a delete and a create. Counted by what the server sends alone, so that
        // no setting can shift the numbers of a transaction that comes again.
        this.#seq += old === null ? 1 : 2
        if (table.shape !== null && events.updates && this.#finalLsn >= table.from) {
          factory.update(table.shape, decoder.newRow, old, decoder.oldRowKind === 'full', sender.lsn, seq, this.#target(seq))
        }
        return
      }
      case pgOutputTag.delete: {
        const table = this.#tables.find(decoder.relation)
        const seq = this.#seq + 1
        this.#seq = seq
        if (table.shape !== null && events.deletes && this.#finalLsn >= table.from) {
          factory.delete(table.shape, decoder.oldRow, sender.lsn, seq, this.#target(seq))
        }
        return
      }
      case pgOutputTag.begin:
        this.#begin(sender.lsn)
        return
      case pgOutputTag.commit:
        this.#commit()
        return
      case pgOutputTag.relation:
        this.#tables.described(decoder.relation)
        return
      case pgOutputTag.truncate:
        this.#truncate(sender.lsn)
        return
      case pgOutputTag.message:
        this.#message()
        return
      case pgOutputTag.origin:
      case pgOutputTag.type:
        return
    }
  }

  #begin(lsn: Lsn): void {
    const { finalLsn, commitTimeUs, xid } = this.#decoder
    if (this.#handed !== undefined && this.#handed.finalLsn !== finalLsn) {
      throw new ProtocolError(
        `After a reconnect the transaction that commits at ${formatLsn(this.#handed.finalLsn)} did not come again, but that at ${formatLsn(finalLsn)}. ` +
          'Restart the task: it resumes at its last committed position.',
      )
    }
    this.#inside = true
    this.#finalLsn = finalLsn
    this.#xid = xid
    this.#seq = 0
    this.#parts.factory.begin({ xid, commitLsn: finalLsn, commitTimeUs })
    if (this.#parts.events.transactions) this.#parts.factory.transactionBegin(lsn, this.#target(0))
  }

  #commit(): void {
    const { commitLsn, endLsn, commitTimeUs } = this.#decoder
    if (this.#parts.events.transactions) this.#parts.factory.transactionEnd(commitLsn, this.#seq + 1, this.#out)
    this.#position = { ...this.#position, lsn: endLsn, commitLsn, xid: this.#xid, timeUs: commitTimeUs }
    this.#inside = false
    this.#handed = undefined
    this.#whole = this.#out.length
    this.#moved = true
    for (const rejected of this.#parts.factory.takeRejected()) this.#rejected.push(rejected)
  }

  #truncate(lsn: Lsn): void {
    const shapes: TableShape[] = []
    for (const relation of this.#decoder.truncated) {
      const table = this.#tables.find(relation)
      if (table.shape !== null && this.#finalLsn >= table.from) shapes.push(table.shape)
    }
    const seq = this.#seq + 1
    this.#seq += this.#decoder.truncated.length
    if (shapes.length === 0) return
    if (this.#parts.events.truncates) {
      this.#parts.factory.truncate(shapes, lsn, seq, this.#target(seq))
    } else if (!this.#warnedTruncate) {
      this.#warnedTruncate = true
      const tables = shapes.map(({ relation }) => tableKey(relation))
      this.#parts.context.log.warn(
        { tables },
        'TRUNCATE makes no record, as skipped.operations contains t; set skipped.operations=none to follow it',
      )
    }
  }

  #message(): void {
    const { messagePrefix, messageContent, messageLsn, messageTransactional } = this.#decoder
    const wanted = this.#parts.events.message(messagePrefix)
    if (messageTransactional) {
      const seq = ++this.#seq
      if (wanted) this.#parts.factory.message(messagePrefix, messageContent, messageLsn, seq, this.#target(seq))
      return
    }
    // It stands alone, comes at once, and comes again after a restart as long as the position did not pass it.
    if (messageLsn <= this.#position.messageLsn) return
    this.#position = { ...this.#position, messageLsn }
    this.#moved = true
    if (!wanted) return
    this.#parts.factory.begin({ xid: 0, commitLsn: messageLsn, commitTimeUs: Date.now() * 1000 })
    this.#parts.factory.message(messagePrefix, messageContent, messageLsn, 1, this.#out)
    this.#parts.factory.resumeAfter(this.#position.commitLsn)
    this.#whole = this.#out.length
  }

  /** Where records go: numbers that were handed out before a reconnect go nowhere. */
  #target(seq: number): ConnectRecord[] {
    if (this.#handed === undefined || seq > this.#handed.seq) return this.#out
    this.#dropped.length = 0
    return this.#dropped
  }

  #batch(state: 'empty' | 'full'): RecordBatch | undefined {
    const { prefix } = this.#parts.values
    if (this.#whole > 0 || (this.#open && !this.#inside)) {
      const records = this.#whole === this.#out.length ? this.#out : this.#out.slice(0, this.#whole)
      const rest = this.#whole === this.#out.length ? [] : this.#out.slice(this.#whole)
      const batch = { records, offsets: toOffsets(prefix, this.position), bytes: this.#bytes }
      this.#start(rest)
      this.#open = false
      return batch
    }
    if (state === 'full' && this.#out.length > 0) {
      const batch = { records: this.#out, offsets: {}, bytes: this.#bytes, open: true }
      this.#open = true
      this.#handed = { finalLsn: this.#finalLsn, seq: this.#seq }
      this.#start([])
      return batch
    }
    if (state === 'full') this.#bytes = 0
    return this.#idleBatch(prefix)
  }

  #start(rest: ConnectRecord[]): void {
    this.#out = rest
    this.#whole = 0
    this.#bytes = 0
    this.#moved = false
  }

  /** The log has moved on, with nothing in it for us: the slot may follow. */
  #idleBatch(prefix: string): RecordBatch | undefined {
    if (this.#inside || this.#open) return undefined
    if (this.#idleLsn > this.#position.lsn) {
      this.#position = { ...this.#position, lsn: this.#idleLsn }
      this.#moved = true
    }
    const now = performance.now()
    if (!this.#moved || now - this.#idleAt < idlePositionMs) return undefined
    this.#idleAt = now
    this.#moved = false
    return { records: [], offsets: toOffsets(prefix, this.position) }
  }
}
