import { DataError, type Schema } from '../../core/index.ts'
import type { Change } from './changes.ts'
import type { DeltaConfig } from './config.ts'
import { type Layout, appendLayout, upsertLayout } from './layout.ts'
import type { SegmentKind } from './window.ts'

/** What is to be done with a run of changes, in order. */
export type Step =
  { readonly do: 'reset' } | { readonly do: 'stage'; readonly kind: SegmentKind; readonly layout: Layout; readonly changes: Change[] }

/** Where a table's stream of changes stands: decides whether the next change fits the open segment. Copied, not shared, while a batch is planned. */
export interface Cursor {
  readonly layout: Layout | undefined
  readonly kind: SegmentKind | undefined
  /** Position of the snapshot whose rows are being loaded; -1: none. */
  readonly loading: number
}

export interface PlannedBatch {
  readonly steps: readonly Step[]
  readonly cursor: Cursor
}

/** Sorts a table's changes into steps and keeps the layouts of its schemas. */
export class Planner {
  readonly #table: string
  readonly #config: DeltaConfig
  readonly #layouts: CachedLayout[] = []

  constructor(table: string, config: DeltaConfig) {
    this.#table = table
    this.#config = config
  }

  /** Pure: the cursor of the result counts once its steps are done. `shared`: other source tables feed this table too, so a snapshot replaces nothing. */
  plan(changes: readonly Change[], start: Cursor, shared: boolean): PlannedBatch {
    const steps: Step[] = []
    let { layout, kind, loading } = start
    let run: Extract<Step, { do: 'stage' }> | undefined
    for (const change of changes) {
      if (this.#config.mode === 'upsert') {
        if (change.op === 't') {
          steps.push({ do: 'reset' })
          run = undefined
          layout = undefined
          continue
        }
        if (isLoad(change) && !shared && change.record.origin!.position !== loading) {
          steps.push({ do: 'reset' })
          run = undefined
          layout = undefined
          loading = change.record.origin!.position
        }
      }
      const needed = this.#layout(change, layout)
      const neededKind: SegmentKind = this.#config.mode === 'append' || (isLoad(change) && !shared) ? 'load' : 'merge'
      if (!run || needed !== layout || neededKind !== kind) {
        run = { do: 'stage', kind: neededKind, layout: needed, changes: [] }
        steps.push(run)
        layout = needed
        kind = neededKind
      }
      run.changes.push(change)
    }
    return { steps, cursor: { layout, kind, loading } }
  }

  #layout(change: Change, current: Layout | undefined): Layout {
    const { keySchema } = change.record
    const rowSchema = change.rowSchema
    const lacks = change.unavailable !== null
    // A deletion by key alone fits any layout with the same key: a segment of its own for each would be slow.
    const fits = (entry: CachedLayout): boolean =>
      (entry.rowSchema === rowSchema || rowSchema === null) && entry.keySchema === keySchema && (!lacks || entry.lacks)
    const found = this.#layouts.find((entry) => entry.layout === current && fits(entry)) ?? this.#layouts.find(fits)
    if (found) return found.layout
    const layout =
      this.#config.mode === 'append'
        ? appendLayout(rowSchema, keySchema, lacks)
        : upsertLayout(rowSchema, keySchema, this.#config['key.columns'], lacks)
    if (layout.fields.length === 0) throw new DataError(`Table ${this.#table}: a record has neither a key nor a value with columns`)
    if (this.#layouts.length >= layoutsMax) this.#layouts.shift()
    this.#layouts.push({ rowSchema, keySchema, lacks, layout })
    return layout
  }
}

interface CachedLayout {
  readonly rowSchema: Schema | null
  readonly keySchema: Schema | null
  readonly lacks: boolean
  readonly layout: Layout
}

/** Layouts remembered per table; sources hand out one schema object per schema, so a few are plenty. */
const layoutsMax = 32

/**
 * True for a row of a snapshot that its source hands out as one transaction (rows numbered from 1 under one position). Snapshot rows that came
 * through Kafka have a position each and may be spread over many flushes, so they are merged by key like any change.
 */
function isLoad(change: Change): boolean {
  return change.load && change.record.origin !== null && change.record.origin.seq >= 1
}
