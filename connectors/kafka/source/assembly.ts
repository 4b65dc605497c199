import { DataError, type WholeChunk } from '../../../core/index.ts'
import type { Cursor, Fetched, Slice } from './cursor.ts'
import { forwardable } from '../records/encode.ts'
import type { DecodedBatch } from '../records/record-set.ts'
import type { Fetcher } from './fetcher.ts'

export interface AssemblyLimits {
  readonly records: number
  readonly bytes: number
}

/** Most records in a batch that is passed on undecoded: it costs a few pointers, whatever is in it. */
const wholeRecordsMax = 65_536

/** What one poll hands out: records by place, or whole batches; and the partitions that moved. */
export interface Assembled {
  readonly slices: readonly Slice[]
  readonly chunks: readonly WholeChunk[]
  /** Records of the chunks by place, for who looks at them after all. */
  readonly chunkSlices: () => readonly Slice[]
  readonly moved: ReadonlySet<Cursor>
  readonly count: number
  readonly bytes: number
}

/**
 * Takes from the fetched what one batch may hold, in order, and moves the partitions' positions past it. `whole`: batches that lie complete
 * between position and end may go undecoded; a batch of the pipeline has either kind, never both. Throws a DataError for records that
 * cannot be found in their batch; what was taken before it is kept by the next call.
 */
export class Assembler {
  readonly #fetcher: Fetcher
  readonly #limits: AssemblyLimits
  #slices: Slice[] = []
  #moved = new Set<Cursor>()
  #count = 0
  #bytes = 0

  constructor(fetcher: Fetcher, limits: AssemblyLimits) {
    this.#fetcher = fetcher
    this.#limits = limits
  }

  take(whole: boolean): Assembled {
    const chunks: WholeChunk[] = []
    const taken: { readonly cursor: Cursor; readonly batch: DecodedBatch }[] = []
    const recordsMax = whole ? wholeRecordsMax : this.#limits.records
    while (this.#count < recordsMax && this.#bytes < this.#limits.bytes) {
      const fetched = this.#fetcher.first
      if (fetched === undefined) break
      const { cursor, at } = fetched
      const batch = fetched.batches[at]
      if (batch === undefined) {
        this.#finish(fetched)
        continue
      }
      if (batch.count === 0) {
        this.#pass(fetched, batch.lastOffset + 1)
        continue
      }
      const complete = fetched.index === 0 && cursor.position <= batch.baseOffset && batch.lastOffset < (cursor.end ?? Infinity)
      if (whole && complete && forwardable(batch)) {
        if (this.#slices.length > 0) break
        chunks.push({ topic: cursor.topic, partition: cursor.partition, count: batch.count, bytes: batch.bytes })
        taken.push({ cursor, batch })
        this.#count += batch.count
        this.#bytes += batch.bytes.length
        this.#pass(fetched, batch.lastOffset + 1)
        cursor.lastTimestamp = batch.maxTimestamp
      } else {
        if (chunks.length > 0) break
        try {
          this.#slice(fetched)
        } catch (error) {
          // What came before it is handed out first; then it comes up again.
          if (this.#slices.length > 0) break
          const { topic, partition } = cursor
          throw error instanceof DataError ? new DataError(`${topic}-${partition}: ${error.message}`, { cause: error }) : error
        }
      }
    }
    return {
      slices: this.#slices,
      chunks,
      chunkSlices: () =>
        taken.map(({ cursor, batch }) => {
          const columns = batch.records()
          return { cursor, columns, from: 0, to: columns.count }
        }),
      moved: this.#moved,
      count: this.#count,
      bytes: this.#bytes,
    }
  }

  /** What was taken is handed out; the next call begins anew. */
  done(): void {
    this.#slices = []
    this.#moved = new Set()
    this.#count = 0
    this.#bytes = 0
  }

  #slice(fetched: Fetched): void {
    const { cursor } = fetched
    const batch = fetched.batches[fetched.at]!
    const columns = (fetched.columns ??= batch.records())
    let from = fetched.index
    while (from < columns.count && columns.offset(from) < cursor.position) from++
    const end = cursor.end ?? Infinity
    let to = from
    while (to < columns.count && this.#count < this.#limits.records && this.#bytes < this.#limits.bytes && columns.offset(to) < end) {
      this.#bytes += columns.size(to++)
      this.#count++
    }
    if (to > from) {
      this.#slices.push({ cursor, columns, from, to })
      cursor.lastTimestamp = columns.timestamp(to - 1)
    }
    if (to === columns.count || columns.offset(to) >= end) return this.#pass(fetched, batch.lastOffset + 1)
    fetched.index = to
    if (to > from) this.#move(cursor, columns.offset(to - 1) + 1)
  }

  #pass(fetched: Fetched, next: number): void {
    fetched.at++
    fetched.columns = undefined
    fetched.index = 0
    this.#move(fetched.cursor, next)
    if (fetched.at === fetched.batches.length) this.#finish(fetched)
  }

  #finish(fetched: Fetched): void {
    const { cursor, next, jump } = fetched
    // Only a log that was made anew takes a position back.
    if (jump) cursor.position = 0
    this.#move(cursor, next)
    this.#fetcher.release()
  }

  #move(cursor: Cursor, next: number): void {
    cursor.position = Math.max(cursor.position, Math.min(next, cursor.end ?? Infinity))
    this.#moved.add(cursor)
  }
}
