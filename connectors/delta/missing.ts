import { ConfigError } from '../../core/index.ts'
import type { Change } from './changes.ts'
import type { DeltaSchema } from './delta-types.ts'
import type { Lake } from './lake.ts'
import { type Layout, controlColumns, keyColumn, unavailableColumn } from './layout.ts'

const ownColumns: ReadonlySet<string> = new Set([...controlColumns, keyColumn, unavailableColumn])

/**
 * Watches over one table for columns that the source no longer has. Only rows of Debezium envelopes with a schema and a place at the source tell:
 * their schema is whole, and they come in order. Where several source tables or partitions feed the table, the schemas' order is not known.
 */
export class MissingColumns {
  readonly #table: string
  readonly #lake: Pick<Lake, 'config' | 'log'>
  /** Columns from an earlier reading of the source, which rows from before the column was added may lack when the source is read again. */
  readonly #older: Set<string>
  readonly #partitions: Set<string>
  #lastPartition = ''
  readonly #told = new Set<string>()
  #whole: { readonly layout: Layout; readonly schema: DeltaSchema } | undefined

  /** `older`: the table's columns if this generation of the connector has not written to it; `partitions`: those that it has written of. */
  constructor(table: string, lake: Pick<Lake, 'config' | 'log'>, older: readonly string[], partitions: Iterable<string>) {
    this.#table = table
    this.#lake = lake
    this.#older = new Set(older)
    this.#partitions = new Set(partitions)
  }

  /** Learns from which source partition an envelope came. */
  saw({ record: { origin } }: Change): void {
    if (origin === null || origin.partition === this.#lastPartition) return
    this.#lastPartition = origin.partition
    this.#partitions.add(origin.partition)
  }

  /**
   * Call it before these changes' layout adds columns to `schema`. Throws a ConfigError where the table has a column that their rows do not; with
   * delta.missing.columns=null it says so once in the log.
   */
  check(schema: DeltaSchema, layout: Layout, changes: readonly Change[]): void {
    if (schema.fields.length === 0 || this.#partitions.size > 1) return
    if (this.#whole?.layout === layout && this.#whole.schema === schema) return
    const row = changes.find(isWhole)
    if (!row) return
    const present = new Set(layout.fields.map((field) => field.name))
    const missing = schema.fields.flatMap(({ name }) => {
      const isFine = present.has(name) || ownColumns.has(name) || (this.#older.has(name) && !row.load) || this.#told.has(name)
      return isFine ? [] : [name]
    })
    for (const name of present) {
      this.#older.delete(name)
      this.#told.delete(name)
    }
    if (missing.length > 0) {
      const known = new Set(schema.fields.map((field) => field.name))
      this.#tell(
        missing,
        [...present].filter((name) => !known.has(name)),
      )
    }
    this.#whole = { layout, schema }
  }

  #tell(missing: readonly string[], added: readonly string[]): void {
    if (this.#lake.config['delta.missing.columns'] === 'null') {
      for (const name of missing) this.#told.add(name)
      this.#lake.log.warn(
        { table: this.#table, columns: missing },
        'Columns of the table no longer come from the source; they are NULL in rows written from now on, and keep their values in rows that do not change (delta.missing.columns=null)',
      )
      return
    }
    const [columns, come] = missing.length === 1 ? ['column', 'comes'] : ['columns', 'come']
    const renamed = added.length > 0 ? ` (new: ${quoted(added)})` : ''
    const message =
      `Table ${this.#table}: ${columns} ${quoted(missing)} no longer ${come} from the source: dropped or renamed?${renamed} Only added columns are followed. ` +
      "Set the sink's delta.missing.columns=null to leave such columns NULL in rows written from now on, " +
      "or take a new snapshot into an empty table: stop the connector, move the table's folder away, DELETE the connector's offsets and resume it"
    // A fault that restarting cannot heal: somebody has to choose.
    throw new ConfigError([{ key: 'delta.missing.columns', value: 'fail', message }])
  }
}

/** True: the change's layout has all columns that its row has at the source. */
function isWhole({ envelope, op, rowSchema, record }: Change): boolean {
  return envelope && op !== 't' && rowSchema !== null && record.valueSchema !== null && record.origin !== null
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}
