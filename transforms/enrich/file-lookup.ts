import { readFile, stat } from 'node:fs/promises'
import { ConfigError, decoders, RetriableError } from '../../core/index.ts'
import { memberOf } from '../field-path.ts'
import { refuse } from '../config-fault.ts'
import { HeldRows } from './held-rows.ts'
import { jsonObjects, jsonRows } from './json-rows.ts'
import type { Found, Lookup, RowShape } from './lookup.ts'
import { needed, neededKeyColumns, type LookupSettings } from './lookup-settings.ts'
import { jsonKeyText } from './record-key.ts'

type Format = 'csv' | 'json' | 'ndjson' | 'parquet'

const formatsByEnding: ReadonlyMap<string, Format> = new Map([
  ['csv', 'csv'],
  ['json', 'json'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['parquet', 'parquet'],
])

/** Looks keys up in a file that is held in memory. Throws a ConfigError; nothing is read yet. */
export function fileLookup(settings: LookupSettings): Lookup {
  const path = needed(settings, 'file')
  neededKeyColumns(settings)
  const given = settings.config['file.format']?.toLowerCase() as Format | undefined
  const format = given ?? formatsByEnding.get(/\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '')
  if (format === undefined) return refuse('file.format', undefined, `"${path}" does not end in the name of a format; set file.format`)
  if (/[*?[\]{}]/.test(path) && (format === 'csv' || format === 'parquet')) {
    return refuse('file', path, 'the path has a character of *?[]{}, which would name many files')
  }
  const read = format === 'csv' || format === 'parquet' ? duckReader(path, format, settings) : jsonReader(path, format, settings)
  return new FileLookup(path, settings.config['file.check.ms'], read)
}

interface Content {
  readonly shape: RowShape
  readonly rows: ReadonlyMap<string, Found>
}

class FileLookup implements Lookup {
  readonly #path: string
  readonly #checkMs: number
  readonly #read: () => Promise<Content>
  #content: Content | undefined
  #stamp = ''
  #checkedAt = -Infinity

  constructor(path: string, checkMs: number, read: () => Promise<Content>) {
    this.#path = path
    this.#checkMs = checkMs
    this.#read = read
  }

  get shape(): RowShape {
    return this.#current().shape
  }

  get held(): ReadonlyMap<string, Found> {
    return this.#current().rows
  }

  /** Reads the file when its time or size changed. One that is just being written may be wrong for a moment: that is waited out. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#checkedAt < this.#checkMs) return
    try {
      const { mtimeNs, size, ino } = await stat(this.#path, { bigint: true })
      const stamp = `${mtimeNs}/${size}/${ino}`
      if (stamp !== this.#stamp) {
        this.#content = await this.#read()
        this.#stamp = stamp
      }
      this.#checkedAt = performance.now()
    } catch (cause) {
      if (cause instanceof ConfigError) throw cause
      const message = `Enrich: the file ${this.#path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      if (this.#content === undefined) throw new ConfigError([{ key: 'file', value: this.#path, message }], { cause })
      throw new RetriableError(message, { cause })
    }
  }

  fetch(): Promise<readonly Found[]> {
    throw new Error('a file is held, not asked')
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #current(): Content {
    if (this.#content === undefined) throw new Error('the file was not read yet')
    return this.#content
  }
}

function duckReader(path: string, format: 'csv' | 'parquet', settings: LookupSettings): () => Promise<Content> {
  return async () => {
    const { readDuckTable } = await import('./duck-table.ts')
    const held = new HeldRows(settings.config['cache.bytes'], `the file ${path}`)
    const shape = await readDuckTable(path, format, settings, held)
    return { shape, rows: held.rows }
  }
}

function jsonReader(path: string, format: 'json' | 'ndjson', settings: LookupSettings): () => Promise<Content> {
  const { config, keyColumns, choices, types } = settings
  const json = jsonRows(choices, types)
  return async () => {
    const { size } = await stat(path)
    const held = new HeldRows(config['cache.bytes'], `the file ${path}`)
    if (size > config['cache.bytes']) {
      const message = `Enrich: the file ${path} has ${size} bytes, more than cache.bytes=${config['cache.bytes']}; raise it, or look up in a database`
      throw new ConfigError([{ key: 'cache.bytes', value: String(config['cache.bytes']), message }])
    }
    const text = size === 0 ? '' : decoders().utf8Text(await readFile(path), config['cache.bytes'])
    jsonObjects(text, format === 'ndjson', json.parse).forEach((object, index) => {
      const parts = keyColumns.map((name) => {
        const value = memberOf(object, name)
        if (value === null || value === undefined) return null
        const part = jsonKeyText(value)
        if (part === undefined) throw new Error(`object ${index + 1} has a "${name}" that is no single value`)
        return part
      })
      if (!parts.includes(null)) held.add(parts as string[], () => json.row(object), object)
    })
    return { shape: json.shape, rows: held.rows }
  }
}
