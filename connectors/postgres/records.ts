import { DataError, noHeaders, partitionKey, record, type ConnectRecord, type Header, type Origin, type Schema } from '../../core/index.ts'
import { unknownBytesType } from './bytes.ts'
import {
  messageKeySchema,
  messageValueSchema,
  transactionKeySchema,
  transactionValueSchema,
  unavailableHeader,
  unavailableSchema,
} from './envelope.ts'
import { topicName } from './naming.ts'
import { dataError, faultyColumn, textsOf, type Row } from './row.ts'
import type { RecordSettings, ValueSettings } from './settings.ts'
import type { TableShape } from './shape.ts'
import { keyUnknown, sameKey } from './row-key.ts'
import { SourceBlocks } from './source-block.ts'
import { TransactionOrder } from './transaction-order.ts'
import type { TupleView } from './tuple.ts'
import type { ColumnType } from './types.ts'

/** The place of a snapshot row, as Debezium's `source.snapshot` tells it. */
export type SnapshotMark = 'first' | 'first_in_data_collection' | 'true' | 'last_in_data_collection' | 'last'

/** A row that could not become a record: what is known of it, and why. Hand both to `context.reject`. */
export interface RejectedRow {
  readonly record: ConnectRecord
  readonly error: DataError
}

export interface TransactionStart {
  readonly xid: number
  /** `final_lsn` of the Begin message. */
  readonly commitLsn: number
  /** Microseconds since 1970. */
  readonly commitTimeUs: number
}

/**
 * Turns rows into Debezium's records and pushes them to a list. Rows that cannot be turned go to `takeRejected` instead, so a caller needs
 * no try. Every method returns how many numbers of `seq` it used: the caller adds it (a changed key is a delete and a create: 2).
 */
export class RecordFactory {
  readonly #values: ValueSettings
  readonly #settings: RecordSettings
  readonly #partition: string
  readonly #content: ColumnType
  readonly #messageSchema: Schema
  #rejected: RejectedRow[] = []
  #missing: string[] = []
  readonly #sources: SourceBlocks
  readonly #order = new TransactionOrder()
  // When we handle them; read from the clock every so many records.
  #nowMs = 0n
  #nowUs = 0n
  #nowNs = 0n
  #untilClock = 0

  constructor(values: ValueSettings, settings: RecordSettings) {
    this.#values = values
    this.#settings = settings
    this.#partition = partitionKey({ server: values.prefix })
    this.#sources = new SourceBlocks(values.prefix, values.database, settings.version)
    this.#content = unknownBytesType(values.binary, values.placeholder)
    this.#messageSchema = messageValueSchema(this.#content.schema)
  }

  /** The commit LSN of the transaction before the next one (from saved offsets), for `source.sequence`. */
  resumeAfter(commitLsn: number): void {
    this.#sources.resumeAfter(commitLsn)
  }

  /** Begins a transaction; the rows that follow belong to it. */
  begin({ xid, commitLsn, commitTimeUs }: TransactionStart): void {
    this.#sources.begin(xid, commitLsn, commitTimeUs)
    this.#order.begin(xid)
    this.#untilClock = 0
  }

  /** Begins a snapshot: the rows that follow were read at this LSN. */
  beginSnapshot({ lsn, xid, timeMs }: { readonly lsn: number; readonly xid: number | null; readonly timeMs: number }): void {
    this.#sources.beginSnapshot(xid ?? 0, lsn, timeMs)
    this.#untilClock = 0
  }

  /** A row of a snapshot. */
  read(shape: TableShape, view: TupleView, mark: SnapshotMark, seq: number, out: ConnectRecord[]): number {
    try {
      const row = shape.row(view, null, this.#missing)
      const key = shape.keySchema === null ? null : shape.key(row, view, null, this.#missing)
      out.push(
        this.#envelope(shape, key, null, row, this.#sources.snapshotBlock(shape, mark), 'r', this.#settings.contextHeaders, null, seq),
      )
    } catch (error) {
      this.#reject(shape, 'r', view, seq, error)
    }
    return 1
  }

  insert(shape: TableShape, view: TupleView, lsn: number, seq: number, out: ConnectRecord[]): number {
    try {
      const row = shape.row(view, null, this.#missing)
      const key = shape.keySchema === null ? null : shape.key(row, view, null, this.#missing)
      this.#change(shape, key, null, row, 'c', this.#headers(), lsn, seq, out)
    } catch (error) {
      this.#reject(shape, 'c', view, seq, error)
    }
    return 1
  }

  /** `old` is the K tuple (replica identity only) or, with `whole`, the O tuple (REPLICA IDENTITY FULL); null: neither was sent. */
  update(
    shape: TableShape,
    view: TupleView,
    old: TupleView | null,
    whole: boolean,
    lsn: number,
    seq: number,
    out: ConnectRecord[],
  ): number {
    try {
      if (!shape.keyIsIdentity) throw keyUnknown(shape, 'UPDATE')
      const before = old === null ? null : shape.row(old, null, this.#missing)
      const after = shape.row(view, before, this.#missing)
      const keyed = shape.keySchema !== null
      const key = keyed ? shape.key(after, view, before, []) : null
      if (old === null || before === null || !keyed || sameKey(shape, old, view)) {
        this.#change(shape, key, whole ? before : null, after, 'u', this.#headers(), lsn, seq, out)
        return 1
      }
      const oldKey = shape.key(before, old, null, [])
      const headers = this.#headers()
      const gone = [...this.#settings.contextHeaders, { key: '__debezium.newkey', value: key, schema: shape.keySchema }]
      this.#change(shape, oldKey, before, null, 'd', gone, lsn, seq, out)
      if (this.#settings.tombstones) out.push(this.#tombstone(shape, oldKey, gone, seq))
      this.#change(
        shape,
        key,
        null,
        after,
        'c',
        [...headers, { key: '__debezium.oldkey', value: oldKey, schema: shape.keySchema }],
        lsn,
        seq + 1,
        out,
      )
    } catch (error) {
      this.#reject(shape, 'u', view, seq, error)
    }
    // Counted by the tuples alone, so that a rejected row takes as many numbers as a record made of it would.
    return old !== null && shape.keySchema !== null && !sameKey(shape, old, view) ? 2 : 1
  }

  /** `old` is the K or the O tuple; columns that it does not tell are null in `before`. */
  delete(shape: TableShape, old: TupleView, lsn: number, seq: number, out: ConnectRecord[]): number {
    try {
      if (!shape.keyIsIdentity) throw keyUnknown(shape, 'DELETE')
      const before = shape.row(old, null, this.#missing)
      const key = shape.keySchema === null ? null : shape.key(before, old, null, this.#missing)
      const headers = this.#headers()
      this.#change(shape, key, before, null, 'd', headers, lsn, seq, out)
      if (this.#settings.tombstones) out.push(this.#tombstone(shape, key, headers, seq))
    } catch (error) {
      this.#reject(shape, 'd', old, seq, error)
    }
    return 1
  }

  /** One record per table, without a key. */
  truncate(shapes: readonly TableShape[], lsn: number, seq: number, out: ConnectRecord[]): number {
    shapes.forEach((shape, place) => this.#change(shape, null, null, null, 't', this.#settings.contextHeaders, lsn, seq + place, out, true))
    return shapes.length
  }

  /** A logical decoding message. A non-transactional one stands alone: begin a transaction of xid 0 at its own LSN for it. */
  message(prefix: string, content: Buffer, lsn: number, seq: number, out: ConnectRecord[]): number {
    this.#clock()
    const source = this.#sources.block('', '', 'false', lsn)
    const transaction = this.#settings.transactionMetadata && this.#sources.xid !== 0n ? this.#order.next('', lsn) : null
    const value = {
      op: 'm',
      ts_ms: this.#nowMs,
      source,
      transaction,
      message: { prefix, content: this.#content.codec(content, 0, content.length) },
    }
    out.push(
      record(topicName(`${this.#values.prefix}${this.#values.delimiter}message`), value, {
        valueSchema: this.#messageSchema,
        key: { prefix },
        keySchema: messageKeySchema,
        origin: this.#origin(seq),
      }),
    )
    return 1
  }

  /** The BEGIN event of `provide.transaction.metadata`; call it after `begin`. It takes no number: `seq` of the origin is 0. */
  transactionBegin(lsn: number, out: ConnectRecord[]): void {
    out.push(this.#boundary(this.#order.beginning(lsn, this.#sources.timeMs), lsn, 0))
  }

  /** The END event; `seq` is one more than that of the last row. */
  transactionEnd(lsn: number, seq: number, out: ConnectRecord[]): void {
    out.push(this.#boundary(this.#order.ending(lsn, this.#sources.timeMs), lsn, seq))
  }

  /** The records pushed from `length` on are made again: takes them out, and out of the counts of the transaction. */
  takeBack(out: ConnectRecord[], length: number): void {
    this.#order.takeBack(out.splice(length))
  }

  /** Rows that could not be turned since the last call. */
  takeRejected(): readonly RejectedRow[] {
    const rejected = this.#rejected
    if (rejected.length > 0) this.#rejected = []
    return rejected
  }

  #boundary(value: object, lsn: number, seq: number): ConnectRecord {
    return record(topicName(`${this.#values.prefix}${this.#values.delimiter}transaction`), value, {
      valueSchema: transactionValueSchema,
      key: { id: this.#order.id(lsn) },
      keySchema: transactionKeySchema,
      origin: this.#origin(seq),
    })
  }

  #change(
    shape: TableShape,
    key: Row | null,
    before: Row | null,
    after: Row | null,
    op: string,
    headers: readonly Header[],
    lsn: number,
    seq: number,
    out: ConnectRecord[],
    keyless = false,
  ): void {
    const { schema, name } = shape.relation
    const source = this.#sources.block(schema, name, 'false', lsn)
    const transaction = this.#settings.transactionMetadata ? this.#order.next(`${schema}.${name}`, lsn) : null
    out.push(this.#envelope(shape, key, before, after, source, op, headers, transaction, seq, keyless))
  }

  #envelope(
    shape: TableShape,
    key: Row | null,
    before: Row | null,
    after: Row | null,
    source: object,
    op: string,
    headers: readonly Header[],
    transaction: object | null,
    seq: number,
    keyless = false,
  ): ConnectRecord {
    if (this.#untilClock-- <= 0) this.#clock()
    return {
      topic: shape.topic,
      partition: null,
      key,
      keySchema: keyless ? null : shape.keySchema,
      value: { before, after, source, transaction, op, ts_ms: this.#nowMs, ts_us: this.#nowUs, ts_ns: this.#nowNs },
      valueSchema: shape.envelopeSchema,
      timestamp: null,
      headers,
      origin: this.#origin(seq),
    }
  }

  #tombstone(shape: TableShape, key: Row | null, headers: readonly Header[], seq: number): ConnectRecord {
    return record(shape.topic, null, { key, keySchema: shape.keySchema, headers, origin: this.#origin(seq) })
  }

  #origin(seq: number): Origin {
    return { partition: this.#partition, position: this.#sources.position, seq }
  }

  /** Headers of an event, with the names of the values that were not sent. */
  #headers(): readonly Header[] {
    if (this.#missing.length === 0) return this.#settings.contextHeaders
    const missing: Header = { key: unavailableHeader, value: this.#missing, schema: unavailableSchema }
    this.#missing = []
    return this.#settings.contextHeaders.length === 0 ? [missing] : [...this.#settings.contextHeaders, missing]
  }

  #clock(): void {
    const now = Date.now()
    this.#nowMs = BigInt(now)
    this.#nowUs = BigInt(now * 1000)
    this.#nowNs = this.#nowUs * 1000n
    this.#untilClock = clockEvery
  }

  #reject(shape: TableShape, op: string, view: TupleView, seq: number, cause: unknown): void {
    this.#missing = []
    const { schema, name } = shape.relation
    const fault = faultyColumn(shape.columns, view) ?? faultyColumn(shape.keyColumns, view)
    const key = textsOf(shape.keyColumns, view)
    const shown = JSON.stringify(key)
    const keyText = shown.length > keyTextMax ? `${shown.slice(0, keyTextMax)}...` : shown
    const place = fault === undefined ? '' : `, column "${fault.column.column}"`
    const error = dataError(`Table ${schema}.${name}${place}, key ${keyText}`, fault?.error ?? cause)
    const value = { op, schema, table: name, columns: textsOf(shape.columns, view) }
    this.#rejected.push({ record: record(shape.topic, value, { key, headers: noHeaders, origin: this.#origin(seq) }), error })
  }
}

/** Records between two looks at the clock. */
const clockEvery = 256
/** Characters of a key that an error shows. */
const keyTextMax = 300
