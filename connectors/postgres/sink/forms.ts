import { quoteIdentifier } from '../connection.ts'
import { ConfigError, DataError, sameSchema, type Logger, type Schema } from '../../../core/index.ts'
import { withAddedValue } from './added-column.ts'
import type { Change } from './change.ts'
import type { Destination, Form } from './chunk.ts'
import { columnTypeFor } from './column-type.ts'
import { lineWriter } from './line.ts'
import { formText, headerText, planRow, type PlannedColumn } from './row-plan.ts'
import type { Session } from './session.ts'
import type { SinkSettings } from './settings.ts'
import { namesBySource, tableNameOf, type TableName } from './table-name.ts'
import { addColumnsSql, createTableSql, findTable, hasSchema, type NewColumn, type TargetTable } from './target-table.ts'

interface KnownForm {
  readonly valueSchema: Schema | null
  readonly keySchema: Schema | null
  readonly text: string
  readonly table: string
  readonly form: Form
}

interface LastForm {
  readonly change: Change
  readonly form: Form
}

/** Forms that are remembered for one topic; more of them (other sets of unsent columns, of fields without a schema) are made anew. */
const formsMax = 64

/** Finds out how records get into their tables, and makes tables and columns where that is allowed. */
export class Forms {
  readonly #settings: SinkSettings
  readonly #log: Logger
  readonly #known = new Map<string, KnownForm[]>()
  readonly #destinations = new Map<string, Destination>()
  /** Columns of the last whole rows. */
  readonly #columns = new Map<Destination, ReadonlySet<string>>()
  readonly #bySource: boolean
  readonly #last = new Map<Change['op'], LastForm>()
  #made = 0

  constructor(settings: SinkSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
    this.#bySource = namesBySource(settings)
  }

  /** The form of a change, if one like it was seen before. */
  known(change: Change): Form | undefined {
    const last = this.#last.get(change.op)
    if (last !== undefined && this.#isLike(last, change)) return last.form
    const found = this.#search(change)
    if (found !== undefined) this.#last.set(change.op, { change, form: found })
    return found
  }

  /** Nearly all changes are like the one before. Those with values that were not sent are looked at more closely. */
  #isLike({ change }: LastForm, { record, row, rowSchema, unavailable, source }: Change): boolean {
    return (
      record.topic === change.record.topic &&
      rowSchema === change.rowSchema &&
      record.keySchema === change.record.keySchema &&
      this.#settings.keyMode !== 'record_header' &&
      unavailable.length === 0 &&
      change.unavailable.length === 0 &&
      (rowSchema !== null || change.op === 'delete' || haveSameNames(row, change.row)) &&
      (record.keySchema !== null || record.key === null || haveSameNames(record.key, change.record.key)) &&
      (source === null || source === change.source || !this.#bySource)
    )
  }

  #search(change: Change): Form | undefined {
    const { record } = change
    const list = this.#known.get(record.topic)
    if (list === undefined) return undefined
    const text = this.#formText(change)
    const table = this.#tableText(change)
    const same = list.find(
      (one) => one.valueSchema === change.rowSchema && one.keySchema === record.keySchema && one.text === text && one.table === table,
    )
    if (same) return same.form
    // A converter may read an equal schema from every record anew.
    const equal = list.find(
      (one) =>
        one.text === text &&
        one.table === table &&
        sameSchema(one.valueSchema, change.rowSchema) &&
        sameSchema(one.keySchema, record.keySchema),
    )
    return equal?.form
  }

  /**
   * Makes the form of a change: asks the catalog, creates the table, adds columns. Undefined: a delete or TRUNCATE of a table that is not
   * there yet, so nothing is to be done. Rejects with a DataError for a record that has no place.
   */
  async make(session: Session, change: Change): Promise<Form | undefined> {
    const { record, op } = change
    const name = tableNameOf(this.#settings, record.topic, change)
    const planned = op === 'write' || op === 'delete' ? planRow(this.#settings, change) : []
    const destination = await this.#destination(session, name, planned, change)
    if (destination === undefined) return undefined
    await this.#evolve(session, destination, planned, change)
    const { table } = destination
    const written = planned.filter(({ column }) => !table.columns.get(column)!.computed)
    const left = planned.filter((one) => !written.includes(one))
    if (left.length > 0)
      this.#log.info({ table: table.sql, columns: left.map(({ column }) => column) }, 'Columns that the server computes are left to it')
    this.#checkKey(table, written, op)
    const targets = written.map(({ column }) => table.columns.get(column)!)
    const form: Form = {
      id: this.#made++,
      destination,
      op: op as Form['op'],
      partial: op === 'write' && change.unavailable.length > 0,
      planned: written,
      writer: lineWriter(written, targets, table.sql, this.#settings.zone),
    }
    if (change.rowSchema !== null) this.#tellVanished(form)
    this.#remember(change, form)
    return form
  }

  /** Columns are never dropped, so what a source drops or renames goes on with what it has; somebody should know. */
  #tellVanished({ op, partial, destination, planned }: Form): void {
    if (op !== 'write' || partial) return
    const now = new Set(planned.map(({ column }) => column))
    const before = this.#columns.get(destination)
    this.#columns.set(destination, now)
    const gone = [...(before ?? [])].filter((column) => !now.has(column))
    if (gone.length === 0) return
    this.#log.warn(
      { table: destination.table.sql, columns: gone },
      'Records do not have these columns any more: rows that are there keep what they have in them, new rows have nothing. ' +
        'If they were renamed at the source, the new columns are empty in older rows: fill them from the old ones, or take a new snapshot',
    )
  }

  #remember(change: Change, form: Form): void {
    const { topic, keySchema } = change.record
    let list = this.#known.get(topic)
    if (!list) this.#known.set(topic, (list = []))
    if (list.length >= formsMax) list.shift()
    list.push({ valueSchema: change.rowSchema, keySchema, text: this.#formText(change), table: this.#tableText(change), form })
  }

  #formText(change: Change): string {
    const { keyMode, keyFields } = this.#settings
    return keyMode === 'record_header' ? formText(change) + headerText(keyFields, change.record) : formText(change)
  }

  #tableText({ source }: Change): string {
    if (!this.#bySource) return ''
    return [...this.#settings.nameFormat.matchAll(/\$\{source\.([^}]*)\}/g)].map(([, name]) => String(source?.[name!])).join('\0')
  }

  async #destination(
    session: Session,
    name: TableName,
    planned: readonly PlannedColumn[],
    change: Change,
  ): Promise<Destination | undefined> {
    const key = JSON.stringify([name.schema ?? null, name.name])
    const known = this.#destinations.get(key)
    if (known) return known
    const query = session.query.bind(session)
    let table = await findTable(query, name)
    if (!table) {
      if (change.op !== 'write' && this.#settings.create) return undefined
      this.#createOrFail(name, change)
      if (name.schema !== undefined && !(await hasSchema(query, name.schema))) {
        await tolerant(session, `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(name.schema)}`)
      }
      await tolerant(
        session,
        createTableSql(
          name,
          columnsFor(planned, change),
          planned.filter(({ isKey }) => isKey).map(({ column }) => column),
        ),
      )
      table = await findTable(query, name)
      if (!table)
        throw new Error(`Table ${name.name} was made and cannot be found; is its schema "${name.schema ?? '(default)'}" the session's own?`)
      this.#log.info({ table: table.sql, columns: [...table.columns.keys()] }, 'A table was created')
    }
    const destination: Destination = { key, table, fresh: undefined }
    this.#destinations.set(key, destination)
    return destination
  }

  #createOrFail(name: TableName, change: Change): void {
    const text = name.schema === undefined ? name.name : `${name.schema}.${name.name}`
    if (!this.#settings.create) {
      const message = `Table "${text}" of topic ${change.record.topic} is not there; create it, or set auto.create=true (schema.evolution=basic)`
      throw new ConfigError([{ key: 'auto.create', value: 'false', message }])
    }
    if (change.rowSchema === null) {
      throw new DataError(
        `Table "${text}" of topic ${change.record.topic} is not there, and a record without a schema does not say the types of its columns; create the table, or use a converter with schemas`,
      )
    }
  }

  async #evolve(session: Session, destination: Destination, planned: readonly PlannedColumn[], change: Change): Promise<void> {
    const missing = (table: TargetTable) => planned.filter(({ column }) => !table.columns.has(column))
    if (missing(destination.table).length === 0) return
    const query = session.query.bind(session)
    const { schema, name, sql } = destination.table
    const look = async () => {
      const table = await findTable(query, { schema, name })
      if (!table) throw new Error(`Table ${sql} is gone; restart the task to have it made again`)
      destination.table = table
    }
    await look()
    const lacking = missing(destination.table)
    if (lacking.length === 0) return
    const names = lacking.map(({ column }) => `"${column}"`).join(', ')
    const other = lacking
      .map(({ column }) => [...destination.table.columns.keys()].find((one) => one.toLowerCase() === column.toLowerCase()))
      .find((one) => one !== undefined)
    const hint = other === undefined ? '' : ` (it has "${other}": names differ in case)`
    if (!this.#settings.evolve) {
      const message = `Table ${sql} has no column ${names}${hint}, which topic ${change.record.topic} brings; add it, leave the field out (fields.blacklist), or set auto.evolve=true (schema.evolution=basic)`
      throw new ConfigError([{ key: 'auto.evolve', value: 'false', message }])
    }
    if (lacking.some(({ isKey }) => isKey)) {
      const message = `Table ${sql} has no column ${names}${hint}, which is part of the key; columns of a key are not added to a table that is there. Correct pk.fields or the table`
      throw new ConfigError([{ key: 'pk.fields', value: this.#settings.keyFields.join(','), message }])
    }
    if (lacking.some((one) => one.schema === null)) {
      throw new DataError(
        `Table ${sql} has no column ${names}${hint}, and a record without a schema does not say its type; add the column, or use a converter with schemas`,
      )
    }
    await tolerant(session, addColumnsSql(destination.table, await this.#newColumns(query, destination, lacking, change)))
    await look()
    this.#log.info({ table: sql, columns: lacking.map(({ column }) => column) }, 'Columns were added')
  }

  /** Where a table mirrors one of the source, its rows have in a new column what they have there. */
  async #newColumns(
    query: Session['query'],
    destination: Destination,
    lacking: readonly PlannedColumn[],
    change: Change,
  ): Promise<readonly NewColumn[]> {
    const columns = columnsFor(lacking, change)
    const { mode, keyMode, zone } = this.#settings
    const shares = [...this.#known].some(
      ([topic, list]) => topic !== change.record.topic && list.some((one) => one.form.destination === destination),
    )
    if (mode === 'insert' || keyMode !== 'record_key' || shares) return columns
    return Promise.all(columns.map((column, index) => withAddedValue(query, destination.table.sql, column, lacking[index]!.schema!, zone)))
  }

  #checkKey(table: TargetTable, planned: readonly PlannedColumn[], op: Change['op']): void {
    if (op !== 'write' || this.#settings.mode !== 'upsert') return
    const keys = planned.filter(({ isKey }) => isKey).map(({ column }) => column)
    const wanted = JSON.stringify([...keys].sort())
    if (table.uniqueKeys.some((key) => JSON.stringify([...key].sort()) === wanted)) return
    const message = `Table ${table.sql} has no primary key or unique index on exactly (${keys.join(', ')}), so insert.mode=upsert cannot find the row to replace; add one, or correct pk.mode and pk.fields`
    throw new ConfigError([{ key: 'pk.fields', value: keys.join(','), message }])
  }
}

/** Both are objects with the same fields in the same order, or neither has any. */
function haveSameNames(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return typeof a === typeof b && a !== null && b !== null
  const names = Object.keys(b)
  let at = 0
  for (const name in a) if (names[at++] !== name) return false
  return at === names.length
}

function columnsFor(planned: readonly PlannedColumn[], change: Change): readonly NewColumn[] {
  return planned.map(({ column, schema, isKey }) => {
    if (schema === null)
      throw new DataError(
        `Topic ${change.record.topic}: the key has no schema, so the type of column "${column}" is not known; create the table`,
      )
    return { column, type: columnTypeFor(schema), notNull: isKey || !schema.optional }
  })
}

/** DDL that another task may be doing at the same moment: what it made is found afterwards. */
async function tolerant(session: Session, sql: string): Promise<void> {
  if (session.inTransaction) {
    session.noteDefinition()
    await session.query('SAVEPOINT millrace_definition')
  }
  try {
    await session.query(sql)
  } catch (error) {
    // unique_violation in the catalog, duplicate_table, duplicate_column
    if (!/^(23505|42P07|42701|42710)$/.test((error as { code?: string }).code ?? '')) throw error
    if (session.inTransaction) await session.query('ROLLBACK TO SAVEPOINT millrace_definition')
  }
}
