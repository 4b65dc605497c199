import { FencedError, type Offsets } from '../../../core/index.ts'
import type { Storage } from '../storage.ts'

interface Begun {
  readonly files: readonly string[]
}

interface Done {
  readonly flush: number
  readonly offsets: Offsets | null
  /** True: the flush of this number was given up, and its files were deleted. */
  readonly void: boolean
  /** Those files: a write of one may be under way still, and come late. */
  readonly files?: readonly string[]
}

/**
 * What a task wrote, so that a flush is whole or nothing: the names of its files are written down before them (`begun`), its offsets after them
 * (`done`). A task that starts deletes the files of a flush that was not done, after it has taken the flush's number, so that a task that was thought
 * dead cannot finish it any more.
 */
export class Journal {
  readonly #storage: Storage
  readonly #folder: string
  readonly #generation: number
  readonly #connector: string
  #standing: Done = { flush: 0, offsets: null, void: false }
  #abandoned: readonly string[] = []
  #begun: { readonly flush: number; readonly files: string } | undefined

  constructor(storage: Storage, connector: string, task: number, generation: number) {
    this.#storage = storage
    this.#connector = connector
    this.#generation = generation
    this.#folder = `_millrace/${encodeURIComponent(connector).replaceAll('.', '%2E')}/${task}/files`
  }

  /** Number of the next flush. */
  get next(): number {
    return this.#standing.flush + 1
  }

  get offsets(): Offsets | undefined {
    return this.#standing.offsets ?? undefined
  }

  /** True for a file of a flush that was given up since the last one that was not: where it is there, it belongs to nobody. */
  isAbandoned(file: string): boolean {
    return this.#abandoned.includes(file)
  }

  /** Reads where the task stands, and undoes what was not finished. */
  async open(): Promise<void> {
    for (;;) {
      const entries = await this.#entries()
      const done = Math.max(0, ...entries.filter(({ kind }) => kind === 'done').map(({ flush }) => flush))
      if (done > 0) this.#standing = await this.#read<Done>(done, 'done')
      this.#abandoned = this.#standing.files ?? []
      const unfinished = entries.find(({ kind, flush }) => kind === 'begun' && flush > done)
      if (unfinished === undefined) return
      const { files } = await this.#read<Begun>(unfinished.flush, 'begun')
      const abandoned = [...new Set([...this.#abandoned, ...files])]
      const given: Done = { flush: unfinished.flush, offsets: this.#standing.offsets, void: true, files: abandoned }
      // False: the other task finished it after all; what it says is read in the next round.
      if (!(await this.#storage.putIfAbsent(this.#name(given.flush, 'done'), JSON.stringify(given)))) continue
      await Promise.all(files.map((file) => this.#storage.delete(file)))
      this.#standing = given
      this.#abandoned = abandoned
    }
  }

  /** Writes down the files that the next flush is about to write. Throws a FencedError where another task did. */
  async begin(files: readonly string[]): Promise<void> {
    const flush = this.next
    const content = JSON.stringify({ files } satisfies Begun)
    if (this.#begun?.flush === flush) {
      if (this.#begun.files === content) return
      // What was written down cannot be changed; the next task undoes it.
      throw new FencedError(`Flush ${flush} failed and is tried again with other files; the task must start again`)
    }
    if (!(await this.#storage.putIfAbsent(this.#name(flush, 'begun'), content))) throw this.#fenced(flush)
    this.#begun = { flush, files: content }
  }

  /** All files of the flush are durable. Throws a FencedError where another task gave it up. */
  async end(offsets: Offsets): Promise<void> {
    const done: Done = { flush: this.next, offsets, void: false }
    if (!(await this.#storage.putIfAbsent(this.#name(done.flush, 'done'), JSON.stringify(done)))) throw this.#fenced(done.flush)
    this.#standing = done
    for (const { flush, name } of await this.#entries()) if (flush < done.flush) await this.#storage.delete(`${this.#folder}/${name}`)
  }

  #fenced(flush: number): FencedError {
    return new FencedError(`Another task of connector ${this.#connector} wrote flush ${flush}`)
  }

  async #entries(): Promise<readonly { readonly name: string; readonly flush: number; readonly kind: string }[]> {
    const pattern = new RegExp(`^${this.#generation}-(\\d{20})\\.(begun|done)\\.json$`)
    return (await this.#storage.list(this.#folder)).flatMap((name) => {
      const match = pattern.exec(name)
      return match ? [{ name, flush: Number(match[1]), kind: match[2]! }] : []
    })
  }

  async #read<T>(flush: number, kind: string): Promise<T> {
    const name = this.#name(flush, kind)
    const content = await this.#storage.read(name)
    if (content === undefined)
      throw new FencedError(`${name} vanished while it was read: another task of connector ${this.#connector} is at work`)
    return JSON.parse(content.toString('utf8')) as T
  }

  #name(flush: number, kind: string): string {
    return `${this.#folder}/${this.#generation}-${String(flush).padStart(20, '0')}.${kind}.json`
  }
}
