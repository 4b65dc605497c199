import type { Client } from 'pg'
import type { ConnectRecord } from '../../core/index.ts'
import type { CatalogTable, Leaf } from './catalog.ts'
import { socketOf } from './connection.ts'
import { CopyOut } from './copy-out.ts'
import type { RecordFactory, SnapshotMark } from './records.ts'
import type { TableShape } from './shape.ts'
import type { TupleView } from './tuple.ts'

export interface SnapshotParts {
  /** The table as the snapshot's own transaction saw it. */
  readonly table: CatalogTable
  /** Its shape, made from `relationOf(table)`. */
  readonly shape: TableShape
  /** `beginSnapshot` was called on it. */
  readonly factory: RecordFactory
  /** Connections with `sessionOptions`, each in a read-only transaction at the same snapshot; used by nobody else until the end. */
  readonly connections: readonly Client[]
  /** `snapshot.select.statement.overrides`: a SELECT that gives the columns of the shape's relation in their order; undefined: the table. */
  readonly select?: string
  /** True: the first row is the first of the whole snapshot. */
  readonly first?: boolean
  /** True: the last row is the last of the whole snapshot. */
  readonly last?: boolean
  /** Rows of a batch, and bytes of their text in COPY's form. */
  readonly batchRows?: number
  readonly batchBytes?: number
}

const batchRowsDefault = 2_048
const batchBytesDefault = 2 * 1024 * 1024
/** Finished batches that may wait for `next` before the sockets are paused. */
const batchesAhead = 2
/** A range of fewer blocks is not worth a statement of its own. */
const rangePagesMin = 1_024
const rangesPerConnection = 4

/**
 * Reads the content of one table: text COPY over ranges of ctid, as many at a time as there are connections. Partitioned tables are read leaf
 * by leaf, inheritance parents without their children. Memory is bounded by a few batches and one row.
 */
export class TableSnapshot implements AsyncDisposable {
  readonly #parts: SnapshotParts
  readonly #batchRows: number
  readonly #batchBytes: number
  readonly #statements: string[]
  readonly #running = new Map<Client, CopyOut>()
  readonly #ready: { readonly records: readonly ConnectRecord[]; readonly bytes: number }[] = []
  #batch: ConnectRecord[] = []
  #bytes = 0
  #rows = 0
  #taken = 0
  #started = false
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(parts: SnapshotParts) {
    this.#parts = parts
    this.#batchRows = parts.batchRows ?? batchRowsDefault
    this.#batchBytes = parts.batchBytes ?? batchBytesDefault
    this.#statements = statements(parts)
  }

  /** Rows read so far, those included that were rejected. */
  get rows(): number {
    return this.#rows
  }

  /** Bytes that the rows of the last batch had in COPY's form. */
  get batchBytes(): number {
    return this.#taken
  }

  /**
   * The next rows, in the order in which they came; undefined: that was all; none where the signal aborts before there are any, and then
   * it may be asked again. Rows that could not be turned are in the factory's `takeRejected`. An error closes the connections.
   */
  async next(signal: AbortSignal): Promise<readonly ConnectRecord[] | undefined> {
    if (!this.#started) this.#start()
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>()
    const onAbort = (): void => abort()
    signal.addEventListener('abort', onAbort, { once: true })
    while (this.#ready.length === 0 && !this.#ended && this.#failure === undefined && !signal.aborted) {
      await Promise.race([aborted, this.#news()])
    }
    signal.removeEventListener('abort', onAbort)
    if (this.#failure !== undefined) throw this.#failure.error
    const batch = this.#ready.shift()
    this.#taken = batch?.bytes ?? 0
    if (this.#ready.length < batchesAhead) for (const copy of this.#running.values()) copy.resume()
    return batch?.records ?? (this.#ended ? undefined : [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ready.length = 0
    // A COPY that is still running cannot be stopped from this connection; the server notices when its socket is gone.
    for (const client of this.#running.keys()) socketOf(client).destroy()
  }

  /** Resolves when there is something new: a batch, the end or a failure. */
  #news(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return promise
  }

  #start(): void {
    this.#started = true
    const workers = this.#parts.connections.map((client) => this.#work(client))
    Promise.all(workers).then(
      () => this.#finish(),
      (error: unknown) => {
        this.#failure ??= { error }
        void this[Symbol.asyncDispose]()
        this.#wake?.()
      },
    )
  }

  async #work(client: Client): Promise<void> {
    const columns = this.#parts.shape.relation.columns.length
    for (let sql = this.#statements.shift(); sql !== undefined; sql = this.#statements.shift()) {
      const copy = new CopyOut(sql, columns, this.#row)
      this.#running.set(client, copy)
      try {
        await copy.run(client)
      } finally {
        this.#running.delete(client)
      }
    }
  }

  readonly #row = (view: TupleView, bytes: number): void => {
    const { factory, shape, first } = this.#parts
    const seq = ++this.#rows
    const mark: SnapshotMark = seq > 1 ? 'true' : first ? 'first' : 'first_in_data_collection'
    factory.read(shape, view, mark, seq, this.#batch)
    this.#bytes += bytes
    if (this.#batch.length > this.#batchRows || this.#bytes >= this.#batchBytes) this.#seal()
  }

  /** Hands the batch over but for its last record, which may turn out to be the last of the table. */
  #seal(): void {
    if (this.#batch.length < 2) return
    const last = this.#batch.pop()!
    this.#ready.push({ records: this.#batch, bytes: this.#bytes })
    this.#bytes = 0
    this.#batch = [last]
    if (this.#ready.length >= batchesAhead) for (const copy of this.#running.values()) copy.pause()
    this.#wake?.()
  }

  #finish(): void {
    const last = this.#batch.pop()
    if (last !== undefined) {
      this.#batch.push(marked(last, this.#parts.last ? 'last' : 'last_in_data_collection'))
      this.#ready.push({ records: this.#batch, bytes: this.#bytes })
      this.#batch = []
    }
    this.#ended = true
    this.#wake?.()
  }
}

function marked(record: ConnectRecord, mark: SnapshotMark): ConnectRecord {
  const value = record.value as { readonly source: object }
  return { ...record, value: { ...value, source: { ...value.source, snapshot: mark } } }
}

function statements({ table, shape, connections, select }: SnapshotParts): string[] {
  if (select !== undefined) return [`COPY (${select}) TO STDOUT`]
  const columns = shape.relation.columns.map(({ name }) => quote(name)).join(', ')
  const pieces = Math.max(1, connections.length * (connections.length > 1 ? rangesPerConnection : 1))
  const pages = Math.max(rangePagesMin, Math.ceil(table.pages / pieces))
  return table.leaves.flatMap((leaf) => leafStatements(leaf, columns, connections.length === 1 ? Infinity : pages))
}

/** The last range is open: a block that was added since is in it. Ranges need PostgreSQL 14 to be cheap and are right on all. */
function leafStatements(leaf: Leaf, columns: string, pages: number): string[] {
  const from = `SELECT ${columns} FROM ONLY ${quote(leaf.schema)}.${quote(leaf.name)}`
  const count = Math.max(1, Math.ceil(leaf.pages / pages))
  return Array.from({ length: count }, (_, piece) => {
    const low = piece === 0 ? [] : [`ctid >= '(${piece * pages},0)'::pg_catalog.tid`]
    const high = piece === count - 1 ? [] : [`ctid < '(${(piece + 1) * pages},0)'::pg_catalog.tid`]
    const range = [...low, ...high]
    return `COPY (${from}${range.length === 0 ? '' : ` WHERE ${range.join(' AND ')}`}) TO STDOUT`
  })
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
