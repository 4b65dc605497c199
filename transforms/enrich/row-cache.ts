import { sizeOf } from './json-rows.ts'
import type { Found } from './lookup.ts'

interface Kept {
  readonly found: Found
  /** Milliseconds of `now` after which it is asked for again; Infinity: never. */
  readonly until: number
  readonly bytes: number
}

/** What an entry costs beside its key and row: about, measured on a million of them. */
const entryBytes = 200

/**
 * Remembers what was found, bounded in bytes. Two generations: what is used moves to the young one, and when that is half of the bound the old
 * one is forgotten. So a hit costs one look into a map, and what is used often stays.
 */
export class RowCache {
  readonly #bytesMax: number
  #young = new Map<string, Kept>()
  #old = new Map<string, Kept>()
  #youngBytes = 0
  #oldBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes that are reckoned for what is kept. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes
  }

  /** What was found for a key and is not too old. `now` in milliseconds, as in `set`. */
  get(key: string, now: number): Found | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young.until > now ? young.found : undefined
    const old = this.#old.get(key)
    if (old === undefined || old.until <= now) return undefined
    this.#old.delete(key)
    this.#oldBytes -= old.bytes
    this.#add(key, old)
    return old.found
  }

  set(key: string, found: Found, until: number): void {
    const old = this.#old.get(key)
    if (old !== undefined) {
      this.#old.delete(key)
      this.#oldBytes -= old.bytes
    }
    // What is made of a row later (values with types, a struct) weighs about as much again as the row.
    const bytes = entryBytes + 2 * key.length + (typeof found === 'object' && 'raw' in found ? 2 * sizeOf(found.raw) : 0)
    this.#add(key, { found, until, bytes })
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#youngBytes = 0
    this.#oldBytes = 0
  }

  #add(key: string, kept: Kept): void {
    if (kept.bytes > this.#bytesMax / 2) return
    const before = this.#young.get(key)
    if (before !== undefined) this.#youngBytes -= before.bytes
    if (this.#youngBytes + kept.bytes > this.#bytesMax / 2) {
      if (before !== undefined) this.#young.delete(key)
      this.#old = this.#young
      this.#oldBytes = this.#youngBytes
      this.#young = new Map()
      this.#youngBytes = 0
    }
    this.#young.set(key, kept)
    this.#youngBytes += kept.bytes
  }
}
