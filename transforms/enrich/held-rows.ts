import { ConfigError } from '../../core/index.ts'
import { sizeOf } from './json-rows.ts'
import type { Found } from './lookup.ts'
import { joinedKey } from './record-key.ts'

/** What one row costs beside its key and content, about. */
const entryBytes = 150

/** All rows of a file or topic by key, bounded in bytes. */
export class HeldRows {
  readonly #rows = new Map<string, Found>()
  readonly #sizes = new Map<string, number>()
  readonly #bytesMax: number
  readonly #what: string
  #bytes = 0

  /** `what` is named when the rows come to more than `bytesMax`. */
  constructor(bytesMax: number, what: string) {
    this.#bytesMax = bytesMax
    this.#what = what
  }

  get rows(): ReadonlyMap<string, Found> {
    return this.#rows
  }

  /** A row whose key must be the only one. `content` is what its size is reckoned from. Throws a ConfigError beyond the bound. */
  add(parts: readonly string[], found: () => Found, content: unknown): void {
    const key = joinedKey(parts)
    if (this.#rows.has(key)) {
      this.#rows.set(key, { refused: `is in more than one row of ${this.#what}` })
      return
    }
    this.#count(key, content)
    this.#rows.set(key, found())
  }

  /** A row in the place of the one that its key had. Throws a ConfigError beyond the bound; the row is not taken then. */
  put(key: string, found: Found, content: unknown): void {
    this.#forget(key)
    const bytes = this.#count(key, content)
    this.#sizes.set(key, bytes)
    this.#rows.set(key, found)
  }

  delete(key: string): void {
    this.#forget(key)
    this.#rows.delete(key)
  }

  #forget(key: string): void {
    this.#bytes -= this.#sizes.get(key) ?? 0
    this.#sizes.delete(key)
  }

  #count(key: string, content: unknown): number {
    // What is made of a row later weighs about as much again.
    const bytes = entryBytes + 2 * key.length + 2 * sizeOf(content)
    this.#bytes += bytes
    if (this.#bytes <= this.#bytesMax) return bytes
    const message = `Enrich: ${this.#what} takes more than cache.bytes=${this.#bytesMax} in memory, where it is held whole; raise it, or look up in a database`
    throw new ConfigError([{ key: 'cache.bytes', value: String(this.#bytesMax), message }])
  }
}
