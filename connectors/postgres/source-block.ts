import type { SnapshotMark } from './records.ts'
import type { TableShape } from './shape.ts'

/** What all rows of one transaction, or of one snapshot, have in common, and the `source` struct that tells it. */
export class SourceBlocks {
  readonly #name: string
  readonly #database: string
  readonly #version: string
  #position = 0
  #xid = 0n
  #ms = 0n
  #us = 0n
  #ns = 0n
  #sequence = '[null,"'
  #shared = new Map<string, object>()
  #last: { readonly shape: TableShape; readonly mark: SnapshotMark; readonly block: object } | undefined

  /** `name` is the topic prefix, `version` what `source.version` tells. */
  constructor(name: string, database: string, version: string) {
    this.#name = name
    this.#database = database
    this.#version = version
  }

  /** Commit LSN of the transaction, or the snapshot's LSN. */
  get position(): number {
    return this.#position
  }

  get xid(): bigint {
    return this.#xid
  }

  /** Milliseconds since 1970 of the commit. */
  get timeMs(): bigint {
    return this.#ms
  }

  /** The commit LSN of the transaction before the next one, for `sequence`. */
  resumeAfter(commitLsn: number): void {
    this.#position = commitLsn
  }

  begin(xid: number, commitLsn: number, commitTimeUs: number): void {
    this.#sequence = this.#position === 0 ? '[null,"' : `["${this.#position}","`
    this.#position = commitLsn
    this.#xid = BigInt(xid)
    this.#us = BigInt(commitTimeUs)
    this.#ms = BigInt(Math.floor(commitTimeUs / 1000))
    this.#ns = this.#us * 1000n
  }

  beginSnapshot(xid: number, lsn: number, timeMs: number): void {
    this.begin(xid, lsn, timeMs * 1000)
    this.#sequence = '[null,"'
    this.#shared = new Map()
    this.#last = undefined
  }

  /** The `source` of one event. */
  block(schema: string, table: string, snapshot: string, lsn: number): object {
    return {
      version: this.#version,
      connector: 'postgresql',
      name: this.#name,
      ts_ms: this.#ms,
      snapshot,
      db: this.#database,
      sequence: `${this.#sequence}${lsn}"]`,
      ts_us: this.#us,
      ts_ns: this.#ns,
      schema,
      table,
      txId: this.#xid,
      lsn: BigInt(lsn),
      xmin: null,
      origin: null,
      origin_lsn: null,
    }
  }

  /** All rows of a table in a snapshot share their `source`: only the mark of its first and last row differs. Frozen, so that a converter may keep its text. */
  snapshotBlock(shape: TableShape, mark: SnapshotMark): object {
    const last = this.#last
    if (last !== undefined && last.shape === shape && last.mark === mark) return last.block
    const name = `${mark}.${shape.topic}`
    let block = this.#shared.get(name)
    if (block === undefined) {
      block = Object.freeze(this.block(shape.relation.schema, shape.relation.name, mark, this.#position))
      this.#shared.set(name, block)
    }
    this.#last = { shape, mark, block }
    return block
  }
}
