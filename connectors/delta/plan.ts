import { DataError, type Schema } from '../../core/index.ts'
import type { Change } from './changes.ts'
import type { DeltaConfig } from './config.ts'
import { type Layout, appendLayout, controlColumns, unavailableColumn, upsertLayout } from './layout.ts'
import type { SegmentKind } from './window.ts'

/** What is to be done with a run of changes, in order. `fresh`: the open segment is not to take them. */
export type Step = { readonly do: 'reset' } | StageStep

interface StageStep {
  readonly do: 'stage'
  readonly kind: SegmentKind
  readonly layout: Layout
  readonly changes: Change[]
  readonly fresh: boolean
}

/** Where a table's stream of changes stands: decides whether the next change fits the open segment. Copied, not shared, while a batch is planned. */
export interface Cursor {
  readonly layout: Layout | undefined
  readonly kind: SegmentKind | undefined
  /** Position of the snapshot whose rows are being loaded; -1: none. */
  readonly loading: number
}

/** A change that cannot be written, with the reason. */
export interface Rejected {
  readonly change: Change
  readonly error: DataError
}

export interface PlannedBatch {
  readonly steps: readonly Step[]
  readonly rejected: readonly Rejected[]
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
    const rejected: Rejected[] = []
    let { layout, kind, loading } = start
    let run: StageStep | undefined
    const stage = (change: Change, needed: Layout, neededKind: SegmentKind, fresh = false): void => {
      if (!run || fresh || needed !== layout || neededKind !== kind) {
        run = { do: 'stage', kind: neededKind, layout: needed, changes: [], fresh }
        steps.push(run)
        layout = needed
        kind = neededKind
      }
      run.changes.push(change)
    }
    const reset = (): void => {
      steps.push({ do: 'reset' })
      run = undefined
      layout = undefined
    }
    for (const change of changes) {
      try {
        if (change.op === 't' && this.#config.mode === 'upsert') {
          if (shared)
            throw new DataError(
              `Table ${this.#table}: a TRUNCATE of one of the source tables that feed it cannot be told from the others' rows; delete the rows instead, or write each to its own table`,
            )
          reset()
          continue
        }
        const needed = this.#layout(change, layout)
        if (this.#config.mode === 'append') {
          stage(change, needed, 'load')
        } else if (isLoad(change) && !shared) {
          if (change.record.origin!.position !== loading) reset()
          loading = change.record.origin!.position
          stage(change, needed, 'load')
        } else if (needed.keys.length > 0) {
          this.#checkKey(change, needed)
          // The values of a row that moves to another key are read from files: its delete, just before, begins a segment with it.
          const removal = change.formerKey !== null && run?.changes.at(-1)?.op === 'd' ? run.changes.pop() : undefined
          if (removal) stage(removal, needed, 'merge', true)
          stage(change, needed, 'merge')
        } else if (change.op === 'c' || change.op === 'r') {
          stage(change, needed, needed === layout && kind !== undefined ? kind : 'load')
        } else {
          for (const part of this.#withoutKey(change)) stage(part, needed, 'merge')
        }
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        rejected.push({ change, error })
      }
    }
    return { steps, rejected, cursor: { layout, kind, loading } }
  }

  #checkKey(change: Change, layout: Layout): void {
    if (this.#config['key.columns'].length > 0) {
      const lacking = layout.keys.find((name) => !layout.fields.some((field) => field.name === name))
      if (lacking !== undefined) throw new DataError(`Table ${this.#table}: key.columns names "${lacking}", which records do not have`)
    } else if (change.key === null) {
      throw new DataError(`Table ${this.#table}: the record's key is null although it has a key schema`)
    }
  }

  /** A table without a key: an update takes out one row that equals the one before, and adds the one after. */
  #withoutKey(change: Change): readonly Change[] {
    const before = change.before
    if (before === null) {
      throw new DataError(
        `Table ${this.#table} has no key, and the ${change.op === 'd' ? 'delete' : 'update'} does not carry the row before; ` +
          'set REPLICA IDENTITY FULL on the source table, give it a primary key, or name one with message.key.columns or key.columns',
      )
    }
    const removal: Change = { ...change, op: 'd', row: before }
    return change.op === 'd' ? [removal] : [removal, { ...change, op: 'c' }]
  }

  /** The change log has columns of its own. */
  #checkNames(rowSchema: Schema | null, keySchema: Schema | null): void {
    const names = [...(rowSchema?.fields ?? []), ...(keySchema?.type === 'struct' ? keySchema.fields : [])].map((field) => field.name)
    const reserved = names.find((name) => reservedNames.includes(name.toLowerCase()))
    if (reserved === undefined) return
    throw new DataError(
      `Table ${this.#table}: the source column "${reserved}" has a name that append mode keeps for itself (${reservedNames.join(', ')}); ` +
        "leave the column out with the source's column.exclude.list, " +
        'rename it with the ReplaceField transform (or set another add.fields.prefix where ExtractNewRecordState adds it), or write in upsert mode',
    )
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
    if (this.#config.mode === 'append') this.#checkNames(rowSchema, keySchema)
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

const reservedNames: readonly string[] = [...controlColumns, unavailableColumn]

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
