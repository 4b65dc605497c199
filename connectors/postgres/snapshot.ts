import type { Client } from 'pg'
import type { ConnectRecord } from '../../core/index.ts'
import type { CatalogTable } from './catalog.ts'
import type { RecordFactory } from './records.ts'
import type { TableShape } from './shape.ts'

export interface SnapshotParts {
  /** The table as the snapshot's own transaction saw it. */
  readonly table: CatalogTable
  /** Its shape, made from `relationOf(table)`. */
  readonly shape: TableShape
  readonly factory: RecordFactory
  /** Connections with `sessionOptions`, each in a read-only transaction at the same snapshot; used by nobody else until the end. */
  readonly connections: readonly Client[]
  /** `snapshot.select.statement.overrides`: a SELECT that gives the shape's columns in the relation's order; undefined: the table. */
  readonly select?: string
  /** True: the first row is the first of the whole snapshot. */
  readonly first?: boolean
  /** True: the last row is the last of the whole snapshot. */
  readonly last?: boolean
  readonly batchRows?: number
  readonly batchBytes?: number
}

/** Reads one table by COPY over parallel ctid ranges. */
export class TableSnapshot implements AsyncDisposable {
  constructor(parts: SnapshotParts) {
    void parts
  }

  /** Rows handed out so far. */
  get rows(): number {
    return 0
  }

  /** The next rows, in no order; undefined: that was all. The signal gives up at once; the connections are then of no use any more. */
  next(signal: AbortSignal): Promise<readonly ConnectRecord[] | undefined> {
    void signal
    return Promise.resolve(undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
