import type { ConnectRecord } from '../../../core/index.ts'
import type { Change } from './change.ts'
import { CopyBuffer } from './copy-buffer.ts'
import type { LineWriter } from './line.ts'
import type { PlannedColumn } from './row-plan.ts'
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
  /** `move`: a row gets another key and keeps the rest; it has two lines, the old key's and the new one's. */
  readonly op: 'write' | 'delete' | 'truncate' | 'move'
  /** Rows lack values that the table keeps: they may only change rows that are there. */
  readonly partial: boolean
  readonly planned: readonly PlannedColumn[]
  readonly writer: LineWriter
}

/** Bytes that a chunk's buffer has at first, at least; and more than it will need, so that it does not grow for its last row. */
const firstBytes = 16 * 1024
const spareBytes = 4 * 1024

/**
 * Rows of one table that are written at once, in their order, as lines of COPY in one buffer: for a delete, of the key's columns. A row is
 * known by its number.
 */
export class Chunk {
  readonly destination: Destination
  /** Numbers of the rows that are still to be written. */
  live: readonly number[] = []
  readonly #refused = new Set<number>()
  readonly #out: CopyBuffer
  readonly #forms: Form[] = []
  #records: ConnectRecord[] | undefined = []
  readonly #ends: number[] = []
  readonly #keyEnds: number[] = []
  readonly #keepsOps: boolean
  #write: Form | undefined
  #delete: Form | undefined

  /** `keepsOps`: rows are not reduced by their keys, so writes and deletes may not share a chunk. `bytes`: how many are expected. */
  constructor(destination: Destination, keepsOps: boolean, bytes: number) {
    this.destination = destination
    this.#keepsOps = keepsOps
    this.#out = new CopyBuffer(Math.max(firstBytes, bytes + spareBytes))
  }

  get rows(): number {
    return this.#ends.length
  }

  get bytes(): number {
    return this.#out.length
  }

  form(row: number): Form {
    return this.#forms[row]!
  }

  /** The forms of its rows, each once. */
  forms(): readonly Form[] {
    const [first] = this.#forms
    if (first === undefined || standsAlone(first)) return first === undefined ? [] : [first]
    return [this.#write, this.#delete].filter((form) => form !== undefined)
  }

  /** The record of a row; undefined once it was forgotten. */
  record(row: number): ConnectRecord | undefined {
    return this.#records?.[row]
  }

  /** False: the row's form does not go together with those that are in it. */
  takes(form: Form): boolean {
    if (this.#ends.length === 0) return true
    if (standsAlone(form) || standsAlone(this.#forms[0]!)) return false
    if (this.#keepsOps && form !== this.#forms[0]!) return false
    const before = form.op === 'write' ? this.#write : this.#delete
    return before === undefined || before === form
  }

  /** Writes a row. Throws what the form's writer throws; then nothing was added. `moved`: the change with the row's new key. */
  add(form: Form, change: Change, keyed: boolean, moved?: Change): void {
    const start = this.#out.length
    let keyEnd = start
    try {
      if (form.op !== 'truncate') keyEnd = form.writer.write(this.#out, change, keyed)
      if (moved) form.writer.write(this.#out, moved, keyed)
    } catch (error) {
      this.#out.truncate(start)
      throw error
    }
    if (form.op === 'write') this.#write = form
    else if (form.op === 'delete') this.#delete = form
    this.#forms.push(form)
    this.#records!.push(change.record)
    this.#ends.push(this.#out.length)
    this.#keyEnds.push(keyEnd)
  }

  /** No more rows come. */
  close(): void {
    this.again()
  }

  /** All rows are to be written again, but for those that were refused. */
  again(): void {
    this.live = Array.from({ length: this.rows }, (_, row) => row).filter((row) => !this.#refused.has(row))
  }

  /** The row is not written, nor ever again. */
  refuse(row: number): void {
    this.#refused.add(row)
  }

  /** Drops the records, which take many times the bytes of their lines: a row that is refused later cannot say which it was. */
  forgetRecords(): void {
    this.#records = undefined
  }

  /** The lines of rows, as one piece. */
  lines(rows: readonly number[]): Uint8Array {
    const pieces: Uint8Array[] = []
    for (let from = 0; from < rows.length;) {
      let to = from + 1
      while (to < rows.length && rows[to] === rows[to - 1]! + 1) to++
      pieces.push(this.#out.bytes(this.#startOf(rows[from]!), this.#ends[rows[to - 1]!]!))
      from = to
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }

  /** Equal for rows of equal keys. */
  keyText(row: number): string {
    return this.#out.bytes(this.#startOf(row), this.#keyEnds[row]!).toString('latin1')
  }

  /** The last row of each key, in the order of these last ones. */
  lastByKey(rows: readonly number[]): readonly number[] {
    let size = 16
    while (size < rows.length * 2) size *= 2
    const table = new Int32Array(size)
    const last: number[] = []
    for (let at = rows.length - 1; at >= 0; at--) {
      const row = rows[at]!
      let place = this.#hash(row) & (size - 1)
      for (;;) {
        const other = table[place]! - 1
        if (other < 0) {
          table[place] = row + 1
          last.push(row)
          break
        }
        if (this.#sameKey(row, other)) break
        place = (place + 1) & (size - 1)
      }
    }
    return last.length === rows.length ? rows : last.reverse()
  }

  #startOf(row: number): number {
    return row === 0 ? 0 : this.#ends[row - 1]!
  }

  /** FNV-1a, mixed once more: its low bits alone are poor for keys that differ in few digits. */
  #hash(row: number): number {
    const end = this.#keyEnds[row]!
    let hash = 0x811c9dc5
    for (let at = this.#startOf(row); at < end; at++) hash = Math.imul(hash ^ this.#out.byteAt(at), 0x01000193)
    return hash ^ (hash >>> 15)
  }

  #sameKey(a: number, b: number): boolean {
    const from = this.#startOf(a)
    const other = this.#startOf(b)
    const length = this.#keyEnds[a]! - from
    if (this.#keyEnds[b]! - other !== length) return false
    for (let at = 0; at < length; at++) if (this.#out.byteAt(from + at) !== this.#out.byteAt(other + at)) return false
    return true
  }
}

function standsAlone({ op }: Form): boolean {
  return op === 'truncate' || op === 'move'
}
