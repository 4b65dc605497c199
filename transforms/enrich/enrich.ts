import { ConfigError, DataError, type ConnectRecord, type Transform } from '../../core/index.ts'
import type { KeyReader } from './record-key.ts'
import type { Found, Lookup, LookupKey, Row, RowShape } from './lookup.ts'
import { mergeOf, type Merge } from './merge.ts'
import { RowCache } from './row-cache.ts'
import type { Side } from '../side.ts'

/** What becomes of records, and how long answers hold. */
export interface EnrichSettings {
  readonly side: Side
  readonly readKey: KeyReader
  readonly into: string | undefined
  /** What becomes of a record whose key is not there. */
  readonly missing: 'null' | 'keep' | 'error' | 'drop'
  readonly cacheBytes: number
  /** Milliseconds; Infinity: for ever. */
  readonly ttlMs: number
  readonly missingTtlMs: number
}

/** Why a record cannot be enriched; told when `apply` comes to it. */
type Outcome = Found | 'tombstone' | 'null-key' | Error

/** How often a batch is looked up again when columns change under it. */
const changesMax = 3

/**
 * Looks all keys of a batch up at once, in `prepare`, and puts what was found into each record in `apply`. What `apply` needs of a batch is held
 * until the next one, whatever the cache forgets.
 */
export class EnrichTransform implements Transform {
  readonly #settings: EnrichSettings
  readonly #lookup: Lookup
  readonly #cache: RowCache
  #shape: RowShape | undefined
  #merge: Merge | undefined
  #records: readonly ConnectRecord[] = []
  #outcomes: readonly Outcome[] = []
  #next = 0

  constructor(settings: EnrichSettings, lookup: Lookup) {
    this.#settings = settings
    this.#lookup = lookup
    this.#cache = new RowCache(settings.cacheBytes)
  }

  async prepare(records: readonly ConnectRecord[]): Promise<void> {
    await this.#lookup.refresh()
    for (let change = 0; ; change++) {
      this.#takeShape(this.#lookup.shape)
      const outcomes = await this.#lookUp(records)
      if (this.#shape === this.#lookup.shape) {
        this.#refuseUntyped(records)
        this.#records = records
        this.#outcomes = outcomes
        this.#next = 0
        return
      }
      if (change === changesMax)
        throw new Error('Enrich: the columns of what is looked up changed again and again while one batch was read')
    }
  }

  apply(record: ConnectRecord): ConnectRecord | null {
    const outcome = this.#outcomeOf(record)
    if (typeof outcome === 'object') {
      if ('raw' in outcome) return this.#merge!.found(record, outcome)
      if (outcome instanceof Error) throw outcome
      throw new DataError(`Enrich: ${this.#keyText(record)} of a record of topic "${record.topic}" ${outcome.refused}`)
    }
    if (outcome === 'tombstone') return record
    switch (this.#settings.missing) {
      case 'null':
        return this.#merge!.nothing(record)
      case 'keep':
        return record
      case 'drop':
        return null
      case 'error':
        throw new DataError(
          outcome === 'null-key'
            ? `Enrich: the key to look up by is null in a record of topic "${record.topic}" (missing=error)`
            : `Enrich: nothing is found for ${this.#keyText(record)} of a record of topic "${record.topic}" (missing=error)`,
        )
      default:
        return this.#settings.missing satisfies never
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lookup[Symbol.asyncDispose]()
  }

  /** Rows that were cached have the old columns. */
  #takeShape(shape: RowShape): void {
    if (shape === this.#shape) return
    const { side, into, missing } = this.#settings
    this.#shape = shape
    this.#merge = mergeOf(shape, side, into, missing === 'null')
    this.#cache.clear()
  }

  async #lookUp(records: readonly ConnectRecord[]): Promise<readonly Outcome[]> {
    const { side, readKey } = this.#settings
    const { held } = this.#lookup
    const now = performance.now()
    const outcomes: Outcome[] = Array.from({ length: records.length })
    const asked = new Map<string, { readonly key: LookupKey; readonly at: number[] }>()
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!
      if (side.value(record) === null) {
        outcomes[index] = 'tombstone'
        continue
      }
      try {
        const key = readKey(record)
        if (key === null) outcomes[index] = 'null-key'
        else if (held !== undefined) outcomes[index] = held.get(key.text) ?? 'missing'
        else {
          const found = this.#cache.get(key.text, now)
          if (found !== undefined) outcomes[index] = found
          else {
            const others = asked.get(key.text)
            if (others === undefined) asked.set(key.text, { key, at: [index] })
            else others.at.push(index)
          }
        }
      } catch (error) {
        outcomes[index] = asDataError(error)
      }
    }
    if (asked.size > 0) {
      const questions = [...asked.values()]
      const found = await this.#lookup.fetch(questions.map(({ key }) => key))
      const asOf = performance.now()
      questions.forEach(({ key, at }, index) => {
        this.#remember(key.text, found[index]!, asOf)
        for (const place of at) outcomes[place] = found[index]!
      })
    }
    return outcomes
  }

  #remember(key: string, found: Found, now: number): void {
    const isRow = typeof found === 'object' && 'raw' in found
    const ttl = isRow ? this.#settings.ttlMs : this.#settings.missingTtlMs
    if (ttl > 0) this.#cache.set(key, found, now + ttl)
  }

  #refuseUntyped(records: readonly ConnectRecord[]): void {
    const { side } = this.#settings
    if (this.#merge!.typed || !records.some((record) => side.schema(record) !== null && side.value(record) !== null)) return
    const message = `Enrich: the records have a schema, so ${this.#shape!.untyped}`
    throw new ConfigError([{ key: 'types', message }])
  }

  /** Records come in the order in which they were prepared, but for those that a step between left out. */
  #outcomeOf(record: ConnectRecord): Outcome {
    if (this.#records[this.#next] !== record) {
      const ahead = this.#records.indexOf(record, this.#next)
      const at = ahead < 0 ? this.#records.indexOf(record) : ahead
      if (at < 0) throw new Error('Enrich: a record came that was not prepared')
      this.#next = at
    }
    return this.#outcomes[this.#next++]!
  }

  #keyText(record: ConnectRecord): string {
    const text = this.#settings.readKey(record)?.text ?? 'null'
    return `the key ${text.length > 100 ? `${text.slice(0, 100)}...` : text}`
  }
}

function asDataError(error: unknown): Error {
  if (error instanceof DataError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new DataError(`Enrich: the key cannot be read: ${reason}`, { cause: error })
}

/** True for what was found. */
export function isRow(found: Found): found is Row {
  return typeof found === 'object' && 'raw' in found
}
