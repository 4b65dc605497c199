import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import type { Schema } from '../../core/index.ts'
import { type DeltaField, sqlType } from './delta-types.ts'
import { duckType } from './duck-types.ts'
import type { Engine } from './engine.ts'
import { CellError, type VectorWriter } from './vector-writer.ts'
import { vectorWriter } from './vectors.ts'

/** A column of a stage and where its values come from: `read` fills `out` with the values of `count` entries from `start`. */
export interface StageColumn<E> {
  readonly field: DeltaField
  /** Schema of the values; null: they are in the column's own form. */
  readonly source: Schema | null
  read(entries: readonly E[], start: number, count: number, out: unknown[]): void
}

/** DuckDB's vector size: the most rows of one chunk. */
export const chunkRowsMax = 2048

/**
 * Rows of a flush window in a DuckDB table, in the order they were added, until they are written to files. The table spills to disk beyond
 * the engine's memory limit. Columns are named c0, c1 ... in the order given.
 */
export class Stage<E> implements AsyncDisposable {
  readonly table: string
  readonly columns: readonly StageColumn<E>[]
  readonly #engine: Engine
  readonly #appender: DuckDBAppender
  readonly #connection: DuckDBConnection
  readonly #chunk: DuckDBDataChunk
  readonly #writers: readonly VectorWriter[]
  #rows = 0
  #open = true

  private constructor(
    engine: Engine,
    table: string,
    columns: readonly StageColumn<E>[],
    appender: DuckDBAppender,
    connection: DuckDBConnection,
  ) {
    this.table = table
    this.columns = columns
    this.#engine = engine
    this.#appender = appender
    this.#connection = connection
    this.#chunk = engine.chunk(columns.map((column) => duckType(engine.api, column.field.type)))
    this.#writers = columns.map((column) => vectorWriter(engine.bindings, column.source, column.field.type))
  }

  /** Makes the table. */
  static async create<E>(engine: Engine, columns: readonly StageColumn<E>[]): Promise<Stage<E>> {
    const table = engine.name('stage')
    await engine.run(`CREATE TABLE ${table} (${columns.map((column, index) => `c${index} ${sqlType(column.field.type)}`).join(', ')})`)
    const { appender, connection } = await engine.appender(table)
    return new Stage(engine, table, columns, appender, connection)
  }

  get rows(): number {
    return this.#rows
  }

  /** False: sealed, nothing can be added. */
  get open(): boolean {
    return this.#open
  }

  /**
   * Adds entries[start .. end) in order; `end - start` is at most 2048. Throws a CellError that names the first entry (counted from 0 in
   * `entries`) with a value its column cannot hold; then nothing was added.
   */
  add(entries: readonly E[], start: number, end: number): void {
    const { bindings } = this.#engine
    const count = end - start
    const values: unknown[] = []
    const chunk = this.#chunk
    chunk.reset()
    chunk.rowCount = count
    for (let index = 0; index < this.columns.length; index++) {
      this.columns[index]!.read(entries, start, count, values)
      try {
        this.#writers[index]!(bindings.data_chunk_get_vector(chunk.chunk, index), values, count)
      } catch (error) {
        if (!(error instanceof CellError)) throw error
        throw new StageError(start + error.index, this.columns[index]!.field.name, error.cause)
      }
    }
    this.#appender.appendDataChunk(chunk)
    this.#rows += count
  }

  /** Makes the added rows visible to statements; nothing can be added after it. */
  seal(): void {
    if (!this.#open) return
    this.#open = false
    this.#appender.closeSync()
    this.#connection.closeSync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.seal()
    await this.#engine.run(`DROP TABLE IF EXISTS ${this.table}`)
  }
}

/** A value that its column cannot hold. `index` counts in the entries given to `add`. */
export class StageError extends Error {
  readonly index: number
  readonly column: string
  constructor(index: number, column: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.index = index
    this.column = column
  }
}
