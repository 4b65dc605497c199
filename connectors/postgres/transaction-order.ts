import type { ConnectRecord } from '../../core/index.ts'

/** Counts the events of a transaction for `provide.transaction.metadata`, over all and by table. */
export class TransactionOrder {
  #xid = ''
  #events = 0
  readonly #collections = new Map<string, number>()

  begin(xid: number): void {
    this.#xid = String(xid)
    this.#events = 0
    this.#collections.clear()
  }

  /** Debezium's transaction id at an LSN. */
  id(lsn: number): string {
    return `${this.#xid}:${lsn}`
  }

  /** The `transaction` struct of the next event. `collection` is `schema.table`. */
  next(collection: string, lsn: number): object {
    const count = (this.#collections.get(collection) ?? 0) + 1
    this.#collections.set(collection, count)
    this.#events++
    return { id: this.id(lsn), total_order: BigInt(this.#events), data_collection_order: BigInt(count) }
  }

  /** These events are made again: takes them out of the counts. */
  takeBack(records: readonly ConnectRecord[]): void {
    for (const { value } of records) {
      const event = value as Counted | null
      if (event === null || event.transaction === null) continue
      const collection = `${event.source.schema}.${event.source.table}`
      this.#events--
      this.#collections.set(collection, this.#collections.get(collection)! - 1)
    }
  }

  /** Value of the BEGIN event. */
  beginning(lsn: number, timeMs: bigint): object {
    return { status: 'BEGIN', id: this.id(lsn), event_count: null, data_collections: null, ts_ms: timeMs }
  }

  /** Value of the END event, with the counts. */
  ending(lsn: number, timeMs: bigint): object {
    const collections = [...this.#collections].map(([name, count]) => ({ data_collection: name, event_count: BigInt(count) }))
    return { status: 'END', id: this.id(lsn), event_count: BigInt(this.#events), data_collections: collections, ts_ms: timeMs }
  }
}

interface Counted {
  readonly transaction: object | null
  readonly source: { readonly schema: string; readonly table: string }
}
