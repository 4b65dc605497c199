import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { appendFile, copyFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type ConnectRecord, DataError, type Schema, jsonText } from '../../../core/index.ts'
import { physicalName, quoteName, quoteText } from '../delta-types.ts'
import type { Engine } from '../engine.ts'
import { deltaType, newField } from '../schema.ts'
import { Stage, type StageColumn, StageError, chunkRowsMax } from '../stage.ts'
import { checkNames } from './columns.ts'

/** A record and what is written of it. */
export interface Row {
  readonly record: ConnectRecord
  readonly value: unknown
}

/** Rows that a file takes at once, at most. */
export const rowsMax = chunkRowsMax

/** Bytes of a file of rows that wait in memory: with many files, most batches have few rows for each. */
const waitingBytesMax = 32 * 1024

/** Rows of one file until it is written: beside memory, so that a file may be larger than it. */
export interface OpenFile extends AsyncDisposable {
  readonly extension: string
  /** Takes all of the rows, at most `rowsMax`; throws a RowError for the first that cannot be kept: then it took none of them. */
  add(rows: readonly Row[]): Promise<void>
  /** Writes the whole file; may be repeated. Nothing can be added after it. */
  write(path: string): Promise<void>
}

/** A row that has no place in the file. */
export class RowError extends DataError {
  readonly index: number
  constructor(index: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.index = index
  }
}

/** What a record becomes in a file that is written record after record. Throws for a value that has no such form. */
export interface RowFormat {
  readonly extension: string
  readonly separator: string
  write(value: unknown): string | Uint8Array
}

/** One JSON object a line. */
export const jsonRows: RowFormat = { extension: '.json', separator: '\n', write: jsonText }

/** The values' bytes as they are, each with the separator after it; `\n`, `\r`, `\t` and `\\` in it stand for what they do in Java. */
export function byteRows(extension: string, separator: string): RowFormat {
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' }
  return {
    extension,
    separator: separator.replace(/\\(.)/gs, (whole, char: string) => escapes[char] ?? whole),
    write(value) {
      if (value instanceof Uint8Array) return value
      throw new DataError(
        `The value is ${typeof value}, and format.class=bytearray writes bytes as they are; use value.converter=ByteArrayConverter, or format.class=json`,
      )
    },
  }
}

/** One record after the other, through a temporary file; `gzip` is its level, undefined: not compressed. */
export class RowFile implements OpenFile {
  readonly extension: string
  readonly #path: string
  readonly #format: RowFormat
  readonly #gzip: number | undefined
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #length = 0
  #isTorn = false

  constructor(folder: string, format: RowFormat, gzip: number | undefined) {
    this.#path = join(folder, `${randomUUID()}.rows`)
    this.#format = format
    this.#gzip = gzip
    this.extension = gzip === undefined ? format.extension : `${format.extension}.gz`
  }

  async add(rows: readonly Row[]): Promise<void> {
    const { separator, write } = this.#format
    const written = rows.map(({ value }, index) => {
      try {
        return write(value)
      } catch (error) {
        throw new RowError(index, (error as Error).message, { cause: error })
      }
    })
    const texts = written.every((one) => typeof one === 'string')
    const content = texts
      ? written.join(separator) + separator
      : Buffer.concat(written.flatMap((one) => [typeof one === 'string' ? Buffer.from(one) : one, Buffer.from(separator)]))
    this.#waiting.push(typeof content === 'string' ? Buffer.from(content) : content)
    this.#waitingBytes += this.#waiting.at(-1)!.length
    if (this.#waitingBytes >= waitingBytesMax) await this.#append()
  }

  async write(path: string): Promise<void> {
    await this.#append()
    if (this.#gzip === undefined) await copyFile(this.#path, path)
    else await pipeline(createReadStream(this.#path), createGzip({ level: this.#gzip }), createWriteStream(path))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true })
  }

  /** Opens it anew every time: there may be more files than a process may hold open. */
  async #append(): Promise<void> {
    // An attempt that failed may have written a part.
    if (this.#isTorn) await (this.#length === 0 ? rm(this.#path, { force: true }) : truncate(this.#path, this.#length))
    this.#isTorn = true
    await appendFile(this.#path, Buffer.concat(this.#waiting))
    this.#isTorn = false
    this.#length += this.#waitingBytes
    this.#waiting = []
    this.#waitingBytes = 0
  }
}

/** The fields of structs as columns, through a table of DuckDB. */
export class ParquetFile implements OpenFile {
  readonly extension: string
  readonly #engine: Engine
  readonly #stage: Stage<Row>
  readonly #codec: string

  private constructor(engine: Engine, stage: Stage<Row>, codec: string) {
    this.#engine = engine
    this.#stage = stage
    this.#codec = codec
    this.extension = codec === 'uncompressed' ? '.parquet' : `.${codec}.parquet`
  }

  /** The rows' values have the form of `schema`. Throws a DataError for a schema that no Parquet file can have. */
  static async open(engine: Engine, schema: Schema, codec: string): Promise<ParquetFile> {
    checkNames(schema)
    const columns = schema.fields.map(({ name, schema: source }): StageColumn<Row> => {
      const field = newField(name, deltaType(source))
      return {
        field,
        source,
        read: (entries, start, count, out) => {
          for (let index = 0; index < count; index++)
            out[index] = (entries[start + index]!.value as Readonly<Record<string, unknown>>)[name]
        },
      }
    })
    return new ParquetFile(engine, await Stage.create(engine, columns), codec === 'none' ? 'uncompressed' : codec)
  }

  async add(rows: readonly Row[]): Promise<void> {
    try {
      this.#stage.add(rows, 0, rows.length)
    } catch (error) {
      if (!(error instanceof StageError)) throw error
      throw new RowError(error.index, `Field "${error.column}": ${error.message}`, { cause: error.cause })
    }
  }

  async write(path: string): Promise<void> {
    this.#stage.seal()
    const columns = this.#stage.columns.map(({ field }, index) => `c${index} AS ${quoteName(physicalName(field))}`)
    // With a bloom filter, `WHERE v = 0` misses rows that hold -0.0 (measured).
    await this.#engine.run(
      `COPY (SELECT ${columns.join(', ')} FROM ${this.#stage.table}) TO ${quoteText(path)} (FORMAT parquet, CODEC ${quoteText(this.#codec)}, WRITE_BLOOM_FILTER false)`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stage[Symbol.asyncDispose]()
  }
}
