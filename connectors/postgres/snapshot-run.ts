import { performance } from 'node:perf_hooks'
import type { Client } from 'pg'
import { DataError, RetriableError, type ConnectRecord, type RecordBatch, type TaskContext } from '../../core/index.ts'
import { Catalog, relationOf, type CatalogTable } from './catalog.ts'
import { connect, disconnect, type ConnectionSettings } from './connection.ts'
import type { Lsn } from './lsn.ts'
import { tableKey, type TableProgress } from './position.ts'
import type { RecordFactory } from './records.ts'
import type { ValueSettings } from './settings.ts'
import { tableShape } from './shape.ts'
import { createSlot, type SlotRequest, type SlotSnapshot } from './slot.ts'
import { TableSnapshot } from './snapshot.ts'

export interface SnapshotRunParts {
  readonly connection: ConnectionSettings
  readonly values: ValueSettings
  readonly factory: RecordFactory
  readonly context: TaskContext
  /** Connections that read one table together. */
  readonly readers: number
  readonly batchRows: number
  readonly batchBytes: number
  /** The tables to read, by `tableKey`; what they look like is read in the snapshot itself. */
  readonly tables: readonly CatalogTable[]
  /** Tables whose content a sink may have from an earlier snapshot: where it is empty now, that must be told. */
  readonly again: ReadonlySet<string>
  /** PostgreSQL 18 publishes stored generated columns where the publication says so. */
  readonly withStored: boolean
  /** The offsets after a table, given what is now known of it. */
  readonly offsets: (tables: Readonly<Record<string, TableProgress>>) => RecordBatch['offsets']
}

/** Not a RetriableError, as polling again is of no use: the whole task must start again. */
class SnapshotBrokenError extends Error {
  override readonly name = 'SnapshotBrokenError'
  readonly code = 'RETRIABLE'
}

/** Opens the transaction that a snapshot reads in; held until all readers share it. */
export interface SnapshotHolder {
  readonly client: Client
  readonly snapshot: SlotSnapshot
}

/** Creates a slot over a new replication connection that stays in the slot's snapshot. The caller ends the client. */
export async function holdSnapshot(
  connection: ConnectionSettings,
  query: Parameters<typeof createSlot>[1],
  request: SlotRequest,
  context: TaskContext,
): Promise<SnapshotHolder> {
  const client = await connect({ ...connection, queryTimeoutMs: 0 }, 'replication')
  const waiting = setInterval(() => context.report({ phase: 'waiting for running transactions to end, to create a slot' }), 1_000)
  try {
    return { client, snapshot: await createSlot(client, query, request, context.log) }
  } catch (error) {
    await disconnect(client)
    throw error
  } finally {
    clearInterval(waiting)
  }
}

/**
 * Reads tables, one after another, as of one consistent point. The rows of a table are one source transaction: `open` batches, then one that
 * closes it and asks for a checkpoint, so that a table appears as a whole or, after a crash, not at all.
 *
 * Its rows have the position just before the consistent point: after every commit that the snapshot contains, before every one that it does
 * not. (The consistent point itself may be the start of a commit record that comes by the stream; a record never starts a byte before it.)
 */
export class SnapshotRun implements AsyncDisposable {
  readonly #parts: SnapshotRunParts
  readonly #point: Lsn
  readonly #readers: readonly Client[]
  readonly #tables: readonly CatalogTable[]
  readonly #catalog: Catalog
  #place = 0
  #reading: TableSnapshot | undefined
  #coming: Promise<readonly ConnectRecord[] | undefined> | undefined
  readonly #lifetime = new AbortController()
  #done: Record<string, TableProgress> = {}
  readonly #postponed: CatalogTable[] = []
  #rowsBefore = 0
  #reportedAt = 0
  #broken: Error | undefined

  private constructor(parts: SnapshotRunParts, point: Lsn, readers: readonly Client[], tables: readonly CatalogTable[], catalog: Catalog) {
    this.#parts = parts
    this.#point = point
    this.#readers = readers
    this.#tables = tables
    this.#catalog = catalog
  }

  /** Lets all readers into the snapshot; its holder may leave afterwards. */
  static async start(parts: SnapshotRunParts, { snapshot, consistentPoint }: SlotSnapshot): Promise<SnapshotRun> {
    const readers: Client[] = []
    try {
      for (let i = 0; i < parts.readers; i++) {
        const reader = await connect({
          ...parts.connection,
          queryTimeoutMs: 0,
          applicationName: `${parts.connection.applicationName} snapshot`.slice(0, 63),
        })
        readers.push(reader)
        await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
        await reader.query(`SET TRANSACTION SNAPSHOT '${snapshot.replaceAll("'", "''")}'`)
      }
      const first = readers[0]!
      const catalog = new Catalog((sql, params) => first.query(sql, params))
      const wanted = new Map(parts.tables.map((table) => [tableKey(table), table]))
      const seen = (await catalog.tables()).filter((table) => wanted.has(tableKey(table)))
      const run = new SnapshotRun(parts, consistentPoint, readers, seen, catalog)
      // A table that came after the snapshot's transaction began is streamed from its first row on.
      for (const [name, table] of wanted) {
        if (!seen.some((one) => tableKey(one) === name)) run.#done[name] = { oid: table.oid, lsn: consistentPoint }
      }
      parts.factory.beginSnapshot({ lsn: consistentPoint - 1, xid: null, timeMs: Date.now() })
      return run
    } catch (error) {
      await Promise.all(readers.map(disconnect))
      throw error
    }
  }

  /** Tables that were handed out whole. */
  get done(): Readonly<Record<string, TableProgress>> {
    return this.#done
  }

  /** Tables that were rewritten before they could be read: another snapshot must read them. */
  get postponed(): readonly CatalogTable[] {
    return this.#postponed
  }

  /**
   * The next batch; undefined: all tables are read. A connection that breaks in the middle of a table cannot be mended, as its snapshot is
   * gone: that error is thrown at every further call, too, and the task starts again from its offsets.
   */
  async next(signal: AbortSignal): Promise<RecordBatch | undefined> {
    if (this.#broken) throw this.#broken
    const table = this.#tables[this.#place]
    if (table === undefined) return undefined
    try {
      const reading = (this.#reading ??= await this.#begin(table))
      // What is read goes on while a poll ends early: an aborted poll must not give up the table.
      const coming = (this.#coming ??= reading.next(this.#lifetime.signal))
      if (!(await settledBefore(coming, signal))) return { records: [], offsets: {}, open: true }
      this.#coming = undefined
      const records = await coming
      await this.#settleRejected()
      this.#report(table, records === undefined)
      return records === undefined ? await this.#finish(table, reading) : { records, offsets: {}, open: true }
    } catch (error) {
      if (error instanceof DataError) throw error
      this.#broken = new SnapshotBrokenError(
        `The snapshot of ${tableKey(table)} broke off: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      )
      throw this.#broken
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort()
    // It rejects with the abort, which is what was wanted.
    await this.#coming?.catch(() => {})
    await this.#reading?.[Symbol.asyncDispose]()
    await Promise.all(this.#readers.map(disconnect))
  }

  async #begin(table: CatalogTable): Promise<TableSnapshot> {
    const { values, factory, batchRows, batchBytes, withStored, context } = this.#parts
    const relation = relationOf(table, withStored)
    await this.#catalog.ensureTypes(relation.columns.map((column) => column.typeOid))
    const shape = tableShape(relation, table, this.#catalog, values)
    context.log.info({ table: tableKey(table), rowsEstimated: table.estimatedRows }, 'Snapshot of a table begins')
    return new TableSnapshot({
      table,
      shape,
      factory,
      connections: this.#readers,
      first: this.#place === 0,
      last: this.#place === this.#tables.length - 1,
      batchRows,
      batchBytes,
    })
  }

  async #finish(table: CatalogTable, reading: TableSnapshot): Promise<RecordBatch> {
    const name = tableKey(table)
    if (await wasRewritten(this.#readers[0]!, table)) {
      const reason = `${name} was rewritten (ALTER TABLE or TRUNCATE) before the snapshot could read it`
      if (reading.rows > 0) throw new RetriableError(reason)
      this.#parts.context.log.warn({ table: name }, `${reason}; it is read by another one`)
      await reading[Symbol.asyncDispose]()
      this.#reading = undefined
      this.#place++
      this.#postponed.push(table)
      return { records: [], offsets: {} }
    }
    const records: ConnectRecord[] = []
    if (reading.rows === 0 && this.#parts.again.has(name)) {
      const relation = relationOf(table, this.#parts.withStored)
      const shape = tableShape(relation, table, this.#catalog, this.#parts.values)
      this.#parts.factory.truncate([shape], this.#point - 1, 1, records)
    }
    this.#parts.context.log.info({ table: name, rows: reading.rows }, 'Snapshot of a table is read')
    await reading[Symbol.asyncDispose]()
    this.#reading = undefined
    this.#rowsBefore += reading.rows
    this.#place++
    this.#done = { ...this.#done, [name]: { oid: table.oid, lsn: this.#point } }
    return { records, offsets: this.#parts.offsets(this.#done), checkpoint: true }
  }

  async #settleRejected(): Promise<void> {
    for (const { record, error } of this.#parts.factory.takeRejected()) await this.#parts.context.reject(record, error)
  }

  #report(table: CatalogTable, finished: boolean): void {
    const now = performance.now()
    if (!finished && now - this.#reportedAt < 500) return
    this.#reportedAt = now
    const name = tableKey(table)
    const estimates = this.#tables.map((one) => one.estimatedRows)
    this.#parts.context.report({
      phase: `snapshot ${name}`,
      snapshot: {
        table: name,
        tablesDone: this.#place + (finished ? 1 : 0),
        tables: this.#tables.length,
        rows: this.#rowsBefore + (this.#reading?.rows ?? 0),
        rowsEstimated: estimates.some((rows) => rows === null) ? null : estimates.reduce<number>((sum, rows) => sum + rows!, 0),
      },
    })
  }
}

/**
 * True where the table was rewritten (a column's type was changed, or it was truncated) between the snapshot and its reading: it looks empty
 * then, and its rows may never come by the stream. Asked after the reading, whose lock keeps the table as it is until the transaction ends.
 */
async function wasRewritten(reader: Client, table: CatalogTable): Promise<boolean> {
  // The column shows the file as of the snapshot, the function the one of now.
  const { rows } = await reader.query(
    `SELECT 1 FROM pg_catalog.pg_class c
      WHERE c.oid = ANY($1::pg_catalog.oid[]) AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid)`,
    [table.leaves.map(({ oid }) => oid)],
  )
  return rows.length > 0
}

/** False: the signal aborted first. A rejection counts as settled. */
async function settledBefore(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  const { promise: aborted, resolve } = Promise.withResolvers<boolean>()
  const abort = () => resolve(false)
  signal.addEventListener('abort', abort, { once: true })
  const settled = promise.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([settled, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
