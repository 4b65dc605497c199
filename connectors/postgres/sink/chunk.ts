import type { ConnectRecord } from '../../../core/index.ts'
import type { PlannedColumn } from './row-plan.ts'
import type { LineWriter } from './line.ts'
import type { TargetTable } from './target-table.ts'

/** A table that is written, as long as the task lives. */
export interface Destination {
  readonly key: string
  table: TargetTable
  /** Nothing but this task's inserts is in it, as far as is known; undefined: not asked yet. */
  fresh: boolean | undefined
}

/** How rows of one shape get into one table. */
export interface Form {
  readonly id: number
  readonly destination: Destination
  /** `move`: a row gets another key and keeps the rest; its line is the old key's and the new one's, one after the other. */
  readonly op: 'write' | 'delete' | 'truncate' | 'move'
  /** Rows lack values that the table keeps: they may only change rows that are there. */
  readonly partial: boolean
  readonly planned: readonly PlannedColumn[]
  readonly writer: LineWriter
}

/** A row on its way. */
export interface Pending {
  readonly form: Form
  readonly record: ConnectRecord
  /** A line of COPY: for a delete, of the key's columns. */
  readonly line: string
  /** Equal for equal keys; '' without one. */
  readonly key: string
}

/** Rows of one table that are written at once. */
export interface Chunk {
  readonly destination: Destination
  /** In their order; those that were refused are taken out. */
  rows: readonly Pending[]
  readonly bytes: number
}

/** Collects rows for chunks of one table. */
export class OpenChunk {
  readonly destination: Destination
  readonly #rows: Pending[] = []
  readonly #keepsOps: boolean
  #write: Form | undefined
  #delete: Form | undefined
  #bytes = 0

  /** `keepsOps`: rows are not reduced by their keys, so writes and deletes may not share a chunk. */
  constructor(destination: Destination, keepsOps: boolean) {
    this.destination = destination
    this.#keepsOps = keepsOps
  }

  get rows(): number {
    return this.#rows.length
  }

  /** Characters of its lines: bytes, near enough. */
  get bytes(): number {
    return this.#bytes
  }

  /** False: the row's form does not go together with those that are in it. */
  takes({ form }: Pending): boolean {
    if (this.#rows.length === 0) return true
    if (standsAlone(form) || standsAlone(this.#rows[0]!.form)) return false
    if (this.#keepsOps && form !== this.#rows[0]!.form) return false
    const before = form.op === 'write' ? this.#write : this.#delete
    return before === undefined || before === form
  }

  add(row: Pending): void {
    if (row.form.op === 'write') this.#write = row.form
    else if (row.form.op === 'delete') this.#delete = row.form
    this.#rows.push(row)
    this.#bytes += row.line.length
  }

  close(): Chunk {
    return { destination: this.destination, rows: this.#rows, bytes: this.#bytes }
  }
}

function standsAlone({ op }: Form): boolean {
  return op === 'truncate' || op === 'move'
}
