import { FencedError, type Json, type Offsets } from '../../core/index.ts'
import type { CommitInfo } from './actions.ts'
import { findCommit } from './log.ts'
import type { Storage } from './storage.ts'

/** What every commit of a flush says about it, under `millrace` in its commitInfo. */
export interface FlushNote {
  readonly connector: string
  readonly task: number
  readonly generation: number
  /** Counts the task's flushes, over restarts; gaps may occur. */
  readonly flush: number
  /** All source partitions' positions after this flush ... */
  readonly offsets: Offsets
  /** ... and before it; null: none. */
  readonly previous: Offsets | null
  /** Folders of all tables that this flush commits to. */
  readonly tables: readonly string[]
}

/** Where a task stands: the number of its newest flush and the offsets to go on from. */
export interface Standing {
  readonly flush: number
  readonly offsets: Offsets | undefined
}

/**
 * What the lake remembers of a connector's task beside its tables' logs: the list of tables it ever committed to, and the offsets of flushes
 * that had no rows. A flush with rows keeps its offsets in its tables' commits, so that data and offsets cannot part.
 */
export class Ledger {
  readonly #storage: Storage
  readonly #connector: string
  readonly #task: number
  readonly #generation: number
  readonly #folder: string
  readonly #tables = new Set<string>()

  constructor(storage: Storage, connector: string, task: number, generation: number) {
    this.#storage = storage
    this.#connector = connector
    this.#task = task
    this.#generation = generation
    this.#folder = `_millrace/${encodeURIComponent(connector).replaceAll('.', '%2E')}/${task}`
  }

  /** Folders of all tables that the task ever committed to. */
  get tables(): ReadonlySet<string> {
    return this.#tables
  }

  /**
   * The newest flush of this task and generation. If all of its tables have it, its offsets hold; if the process died between two of
   * them, the offsets before it do, and each table drops what it has already by its own transaction.
   */
  async standing(): Promise<Standing> {
    await this.#readTables()
    const notes = new Map<string, FlushNote>()
    for (const table of this.#tables) {
      const commit = await findCommit(this.#storage, table, (info) => this.#note(info))
      if (commit) notes.set(table, commit.found)
    }
    const newest = [...notes.values()].reduce<FlushNote | undefined>(
      (best, note) => (!best || note.flush > best.flush ? note : best),
      undefined,
    )
    const empty = await this.#newestEmpty()
    if (empty && empty.flush > (newest?.flush ?? 0)) return empty
    if (!newest) return { flush: 0, offsets: undefined }
    const whole = newest.tables.every((table) => notes.get(table)?.flush === newest.flush)
    return { flush: newest.flush, offsets: whole ? newest.offsets : (newest.previous ?? undefined) }
  }

  /** Remembers tables before the first commit to them. */
  async register(tables: readonly string[]): Promise<void> {
    if (tables.every((table) => this.#tables.has(table))) return
    // Another process may have added some since, if this one was thought dead.
    await this.#readTables()
    for (const table of tables) this.#tables.add(table)
    const content = { connector: this.#connector, task: this.#task, tables: [...this.#tables].sort() }
    await this.#storage.put(`${this.#folder}/tables.json`, `${JSON.stringify(content, null, 2)}\n`)
  }

  /** Keeps the offsets of a flush without rows. Throws a FencedError where another task of this connector wrote a flush of that number. */
  async keep(flush: number, offsets: Offsets): Promise<void> {
    const content: Record<string, Json> = { connector: this.#connector, generation: this.#generation, flush, offsets }
    if (!(await this.#storage.putIfAbsent(this.#emptyName(flush), `${JSON.stringify(content)}\n`))) {
      throw new FencedError(`Another task of connector ${this.#connector} wrote flush ${flush}`)
    }
    for (const old of await this.#emptyFlushes()) if (old < flush) await this.#storage.delete(this.#emptyName(old))
  }

  async #readTables(): Promise<void> {
    const content = await this.#storage.read(`${this.#folder}/tables.json`)
    if (content) for (const table of (JSON.parse(content.toString('utf8')) as { tables: string[] }).tables) this.#tables.add(table)
  }

  #note(info: CommitInfo): FlushNote | undefined {
    const note = info['millrace'] as FlushNote | undefined
    const isOwn = note?.connector === this.#connector && note.task === this.#task && note.generation === this.#generation
    return isOwn ? note : undefined
  }

  async #newestEmpty(): Promise<Standing | undefined> {
    const flush = (await this.#emptyFlushes()).at(-1)
    if (flush === undefined) return undefined
    const content = await this.#storage.read(this.#emptyName(flush))
    // Deleted since the listing: a newer task is at work, and will fence this one at its first commit.
    if (!content) return undefined
    return { flush, offsets: (JSON.parse(content.toString('utf8')) as { offsets: Offsets }).offsets }
  }

  async #emptyFlushes(): Promise<readonly number[]> {
    const names = await this.#storage.list(`${this.#folder}/offsets`)
    const pattern = new RegExp(`^${this.#generation}-(\\d{20})\\.json$`)
    return names.flatMap((name) => Number(pattern.exec(name)?.[1] ?? Number.NaN) || []).sort((a, b) => a - b)
  }

  #emptyName(flush: number): string {
    return `${this.#folder}/offsets/${this.#generation}-${String(flush).padStart(20, '0')}.json`
  }
}
