import { ConfigError } from '../../core/index.ts'
import type { Captured } from './captured.ts'
import type { Catalog, CatalogTable } from './catalog.ts'
import type { Lsn } from './lsn.ts'
import { tableKey, type Position } from './position.ts'
import type { ValueSettings } from './settings.ts'
import { sameShape, tableShape, type TableShape } from './shape.ts'
import { TopicOwners } from './topic-clash.ts'
import type { Relation } from './tuple.ts'
import type { Visibility } from './visibility.ts'

/** What the stream knows of one table. */
export interface StreamedTable {
  /** null: not captured. */
  readonly shape: TableShape | null
  /** Changes of transactions that committed before are in the table's snapshot. Infinity: the snapshot is still to come. */
  readonly from: Lsn
}

export interface StreamedTablesParts {
  readonly values: ValueSettings
  readonly captured: Captured
  readonly catalog: Catalog
  /** Captured tables that are known at the start. */
  readonly tables: readonly CatalogTable[]
  /** Decides on a captured table that the position does not know, or knows under another oid. `stream`: all of it comes from the stream. */
  readonly admit: (relation: Relation) => 'stream' | 'snapshot'
}

/** The tables that the server describes on the stream: their shapes, and from where on their changes count. */
export class StreamedTables {
  /** Tables that were met without a snapshot; `snapshotted` takes them off. */
  readonly wanted = new Map<string, Relation>()
  readonly #parts: StreamedTablesParts
  readonly #tables = new Map<number, StreamedTable>()
  /** Of captured tables. Outlives the connection, so that an unchanged table keeps its schemas. */
  readonly #shapes = new Map<number, TableShape>()
  readonly #topics: TopicOwners
  readonly #visibility: Visibility
  #progress: Position['tables']
  #described: Relation | undefined
  #lastRelation: Relation | undefined
  #lastTable: StreamedTable | undefined

  constructor(parts: StreamedTablesParts, visibility: Visibility, progress: Position['tables']) {
    this.#parts = parts
    this.#visibility = visibility
    this.#progress = progress
    this.#topics = new TopicOwners(parts.values)
    for (const table of parts.tables) this.#topics.take(table)
  }

  /** What is to be saved of them. */
  get progress(): Position['tables'] {
    return this.#progress
  }

  /** A snapshot of these tables was handed out whole: their changes go on from it. */
  snapshotted(tables: NonNullable<Position['tables']>): void {
    this.#progress = { ...this.#progress, ...tables }
    for (const name of Object.keys(tables)) this.wanted.delete(name)
    this.#forget()
  }

  /** A new connection describes all tables anew. */
  reset(): void {
    this.#described = undefined
    this.#forget()
  }

  /** The table that a row belongs to; described before. Throws a ConfigError where another table fills its topic. */
  find(relation: Relation): StreamedTable {
    if (relation === this.#lastRelation) return this.#lastTable!
    let table = this.#tables.get(relation.oid)
    if (table === undefined) {
      const shape = this.#shapes.get(relation.oid) ?? null
      const clash = shape === null ? undefined : this.#topics.take(relation)
      if (clash !== undefined) throw new ConfigError([clash])
      table = { shape, from: shape === null ? 0 : this.#from(relation) }
      this.#tables.set(relation.oid, table)
    }
    this.#lastRelation = relation
    this.#lastTable = table
    return table
  }

  /** The server describes a table: `settle` must be called before its next row. */
  described(relation: Relation): void {
    this.#described = relation
  }

  /** A table was described, and its shape is still to be made. */
  get unsettled(): boolean {
    return this.#described !== undefined
  }

  /** Makes the shape of the table that was described in transaction `xid`. False: the signal aborted before the catalog could tell of it. */
  async settle(xid: number, signal: AbortSignal): Promise<boolean> {
    const relation = this.#described!
    if (this.#captures(relation) && !(await this.#visibility.reached(xid, signal))) return false
    await this.describe(relation)
    this.#described = undefined
    return true
  }

  /**
   * Makes the shape of a table that the server describes in a transaction that the catalog shows already. It is admitted with its first row
   * only: with publish_via_partition_root a leaf is described, too, but its rows come as the root's.
   */
  async describe(relation: Relation): Promise<void> {
    const { catalog, values } = this.#parts
    this.#tables.delete(relation.oid)
    this.#lastRelation = undefined
    if (!this.#captures(relation)) {
      this.#shapes.delete(relation.oid)
      return
    }
    const oids = relation.columns.map((column) => column.typeOid)
    // A type that a person made may have changed since (new enum labels).
    catalog.forgetTypes(oids.filter((oid) => oid >= 16384))
    await catalog.ensureTypes(oids)
    const rival = this.#topics.rival(relation)
    if (rival !== undefined) this.#topics.review(rival, await catalog.table(rival.oid))
    const made = tableShape(relation, await catalog.table(relation.oid), catalog, values)
    const former = this.#shapes.get(relation.oid)
    this.#shapes.set(relation.oid, former !== undefined && sameShape(former, made) ? former : made)
  }

  #captures({ schema, name }: Relation): boolean {
    return this.#parts.captured.table(schema, name)
  }

  #forget(): void {
    this.#tables.clear()
    this.#lastRelation = undefined
  }

  #from(relation: Relation): Lsn {
    if (this.#progress === undefined) return 0
    const name = tableKey(relation)
    const known = this.#progress[name]
    if (known !== undefined && known.oid === relation.oid) return known.lsn
    if (this.#parts.admit(relation) === 'stream') {
      this.#progress = { ...this.#progress, [name]: { oid: relation.oid, lsn: 0 } }
      return 0
    }
    this.wanted.set(name, relation)
    return Number.POSITIVE_INFINITY
  }
}
