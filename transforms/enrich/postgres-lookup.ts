import type { Client } from 'pg'
import { ConfigError, RetriableError } from '../../core/index.ts'
import { refused } from '../config-fault.ts'
import { parsePath } from '../field-path.ts'
import { rowOf, type Found, type Lookup, type LookupKey, type RowShape } from './lookup.ts'
import { needed, neededKeyColumns, type LookupSettings } from './lookup-settings.ts'
import { codeOf, connectionOf, disconnect, explained } from './postgres-connection.ts'
import { inspectTable, type InspectedTable } from './postgres-table.ts'

/** Time between two looks into the catalog for columns that came or changed. Milliseconds. */
const inspectMs = 60_000
/** Rows beyond one for each key that a query may give: more mean that the key is none. */
const extraRowsMax = 1_000

/** Looks keys up in a table, all of a batch in one query. Throws a ConfigError; nothing is opened yet. */
export function postgresLookup(settings: LookupSettings): Lookup {
  neededKeyColumns(settings)
  const table = needed(settings, 'table')
  const name = refused('table', table, () => parsePath(table, 'V2').steps as readonly string[])
  if (name.length > 2)
    throw new ConfigError([{ key: 'table', value: table, message: `"${table}" has more than two parts; write schema.table` }])
  return new PostgresLookup(settings, name.length === 1 ? ['public', ...name] : name, connectionOf(settings))
}

class PostgresLookup implements Lookup {
  readonly held = undefined
  readonly #settings: LookupSettings
  readonly #name: readonly string[]
  readonly #connection: ReturnType<typeof connectionOf>
  #client: Client | undefined
  #table: InspectedTable | undefined
  #inspectedAt = 0

  constructor(settings: LookupSettings, name: readonly string[], connection: ReturnType<typeof connectionOf>) {
    this.#settings = settings
    this.#name = name
    this.#connection = connection
  }

  get shape(): RowShape {
    if (!this.#table) throw new Error('shape was read before refresh')
    return this.#table.shape
  }

  async refresh(): Promise<void> {
    if (this.#table !== undefined && performance.now() - this.#inspectedAt < inspectMs) return
    await this.#with(`reading the columns of ${this.#name.join('.')}`, (client) => this.#inspect(client))
  }

  async fetch(keys: readonly LookupKey[]): Promise<readonly Found[]> {
    const most = this.#settings.config['batch.max.keys']
    const found: Found[] = []
    for (let from = 0; from < keys.length; from += most) found.push(...(await this.#find(keys.slice(from, from + most))))
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client) await disconnect(client)
  }

  async #find(keys: readonly LookupKey[]): Promise<readonly Found[]> {
    const { keyTypes } = this.#table!
    const found: Found[] = keys.map(() => 'missing')
    const askable: number[] = []
    keys.forEach(({ parts }, index) => {
      const verdict = verdictOf(parts, keyTypes)
      if (verdict === undefined) askable.push(index)
      else found[index] = verdict
    })
    await this.#ask(keys, askable, found)
    return found
  }

  /** Halves the keys where the server finds that one of them is no value of its column, until it is alone. */
  async #ask(keys: readonly LookupKey[], at: readonly number[], found: Found[]): Promise<void> {
    if (at.length === 0) return
    const table = this.#table!
    const values = table.keyTypes.map((_, part) => at.map((index) => keys[index]!.parts[part]!))
    try {
      const limit = at.length + extraRowsMax
      const result = await this.#with(`looking up ${at.length} keys in ${this.#name.join('.')}`, (client) =>
        client.query<(string | null)[]>({ text: `${table.sql} LIMIT ${limit}`, values, rowMode: 'array' }),
      )
      if (result.fields.slice(1).some((field, index) => `${field.dataTypeID}/${field.dataTypeModifier}` !== table.types[index])) {
        await this.#with('reading the altered columns', (client) => this.#inspect(client))
        if (this.#table !== table) return // The batch is looked up again, with the new columns.
      }
      if (result.rows.length >= limit) throw this.#notUnique()
      for (const [number, ...raw] of result.rows) {
        const index = at[Number(number) - 1]!
        found[index] = found[index] === 'missing' ? rowOf(raw) : { refused: `is in more than one row of ${this.#name.join('.')}` }
      }
    } catch (error) {
      const state = codeOf((error as Error).cause)
      if (state === '42703') {
        // A column was dropped or renamed: if it is one that is named, the look into the catalog says so.
        await this.#with('reading the altered columns', (client) => this.#inspect(client))
        if (this.#table !== table) return
      }
      if (!state.startsWith('22')) throw error
      if (at.length === 1) {
        found[at[0]!] = { refused: `cannot be looked up: ${((error as Error).cause as Error).message}` }
        return
      }
      const half = at.length >> 1
      await this.#ask(keys, at.slice(0, half), found)
      await this.#ask(keys, at.slice(half), found)
    }
  }

  async #inspect(client: Client): Promise<void> {
    const table = await inspectTable(client, this.#name, this.#settings)
    if (table.fingerprint !== this.#table?.fingerprint) this.#table = table
    this.#inspectedAt = performance.now()
  }

  #notUnique(): ConfigError {
    const columns = this.#settings.keyColumns.join(', ')
    const message = `Table ${this.#name.join('.')} has many rows for one key; "lookup.key" (${columns}) must name columns that are unique together`
    return new ConfigError([{ key: 'lookup.key', value: columns, message }])
  }

  /** Errors of the connection drop it, so that the next try opens another. */
  async #with<T>(doing: string, use: (client: Client) => Promise<T>): Promise<T> {
    try {
      this.#client ??= await this.#connection.open()
    } catch (error) {
      throw explained(error, `connecting to Postgres at ${this.#connection.place}`)
    }
    try {
      return await use(this.#client)
    } catch (error) {
      const told = explained(error, doing)
      if (told instanceof RetriableError) await this[Symbol.asyncDispose]()
      throw told
    }
  }
}

const integerBits: Readonly<Record<string, number>> = { int2: 16, int4: 32, int8: 64 }

/** What needs no question: text that is no integer, and integers beyond the column's. */
function verdictOf(parts: readonly string[], types: readonly string[]): Found | undefined {
  for (let index = 0; index < parts.length; index++) {
    const bits = integerBits[types[index]!]
    if (bits === undefined) continue
    const part = parts[index]!
    if (!/^-?\d+$/.test(part)) return { refused: `is not a value of the integer column that it is looked up in` }
    if (part.length > 20 || BigInt.asIntN(bits, BigInt(part)) !== BigInt(part)) return 'missing'
  }
  return undefined
}
