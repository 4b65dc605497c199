import type { ConnectRecord, Logger } from '../../core/index.ts'
import type { Operation } from './operation.ts'

/** Shortest time between two warnings. Milliseconds. */
const quietMs = 60_000

interface Seen {
  count: number
  last: string
}

/**
 * Tells of records that changed nothing because their document has a version that this task cannot have written: one beyond all that it has
 * read of the record's partition. Repeats after a restart are such records, and so are those that a person would miss: offsets say nothing about
 * which is newer where topics or partitions share documents, or a topic was made anew.
 */
export class Outdated {
  readonly #log: Logger
  readonly #seen = new Map<string, Seen>()
  #toldAt = -Infinity
  /** Greatest position of each partition. */
  readonly #read = new Map<string, number>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** All records that are taken, in their order. */
  read(records: readonly ConnectRecord[]): void {
    for (const { origin } of records) {
      if (origin !== null && !(this.#read.get(origin.partition)! >= origin.position)) this.#read.set(origin.partition, origin.position)
    }
  }

  /** `reason`: the server's words. Requests that overtake each other end like this, too; those are passed over. */
  add({ index, id, record }: Operation, reason: string): void {
    const current = /current version \[(\d+)\]/.exec(reason)
    if (record.origin === null || (current && Number(current[1]) <= this.#read.get(record.origin.partition)!)) return
    const place = `topic ${record.topic}, partition ${record.partition ?? '-'}, position ${record.origin?.position ?? '-'}`
    const last = `document "${id}" of ${place}: ${reason}`
    const seen = this.#seen.get(index)
    if (seen === undefined) this.#seen.set(index, { count: 1, last })
    else {
      seen.count++
      seen.last = last
    }
  }

  /** Once a minute at most; what comes in between is counted in the next warning. `last`: at once. */
  tell(last = false): void {
    if (this.#seen.size === 0 || (!last && performance.now() - this.#toldAt < quietMs)) return
    this.#toldAt = performance.now()
    for (const [index, { count, last }] of this.#seen) {
      this.#log.warn(
        { index, records: count },
        `${count} records changed nothing in index "${index}", as their documents have newer versions (the last: ${last}). After a restart these are repeats. ` +
          'If they are not: versions are offsets, which mean nothing where topics or partitions share documents, or a topic was deleted and made anew; ' +
          'give versions by external.version.header, or write to another index',
      )
    }
    this.#seen.clear()
  }
}
