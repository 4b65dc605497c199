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
  /** Those files, and of flushes given up before: a write of one may be under way still, and come late. */
  readonly abandoned?: readonly Claimed[]
}

interface Claimed {
  readonly file: string
  readonly claim: string
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
  #abandoned: readonly Claimed[] = []
  /** Of the flush that began. */
  #files: readonly string[] = []
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

  /** The claim under which the flush that began makes this file. */
  claimOf(file: string): string {
    return this.#claim(this.next, this.#files.indexOf(file))
  }

  /** Removes a file that a flush wrote late which was given up since the last one that was not; one that somebody else made stays. */
  async clear(file: string): Promise<void> {
    for (const one of this.#abandoned) if (one.file === file) await this.#storage.deleteClaimed(file, one.claim)
  }

  /** Reads where the task stands, and undoes what was not finished. */
  async open(): Promise<void> {
    for (;;) {
      const entries = await this.#entries()
      const done = Math.max(0, ...entries.filter(({ kind }) => kind === 'done').map(({ flush }) => flush))
      if (done > 0) this.#standing = await this.#read<Done>(done, 'done')
      this.#abandoned = this.#standing.abandoned ?? []
      // The task that gave them up may have died over it.
      await this.#clearAll()
      const unfinished = entries.find(({ kind, flush }) => kind === 'begun' && flush > done)
      if (unfinished === undefined) return
      const { files } = await this.#read<Begun>(unfinished.flush, 'begun')
      const claimed = files.map((file, index) => ({ file, claim: this.#claim(unfinished.flush, index) }))
      const abandoned = [...this.#abandoned, ...claimed]
      const given: Done = { flush: unfinished.flush, offsets: this.#standing.offsets, void: true, abandoned }
      // False: the other task finished it after all; what it says is read in the next round.
      if (!(await this.#storage.putIfAbsent(this.#name(given.flush, 'done'), JSON.stringify(given)))) continue
      this.#standing = given
      this.#abandoned = abandoned
      await this.#clearAll()
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
    this.#files = files
  }

  /** All files of the flush are durable. Throws a FencedError where another task gave it up. */
  async end(offsets: Offsets): Promise<void> {
    const done: Done = { flush: this.next, offsets, void: false }
    if (!(await this.#storage.putIfAbsent(this.#name(done.flush, 'done'), JSON.stringify(done)))) throw this.#fenced(done.flush)
    this.#standing = done
    for (const { flush, kind, name } of await this.#entries()) {
      if (flush < done.flush || (flush === done.flush && kind === 'claim')) await this.#storage.delete(`${this.#folder}/${name}`)
    }
  }

  async #clearAll(): Promise<void> {
    await Promise.all(this.#abandoned.map(({ file, claim }) => this.#storage.deleteClaimed(file, claim)))
  }

  #claim(flush: number, index: number): string {
    return `${this.#folder}/${this.#generation}-${String(flush).padStart(20, '0')}.${index}.claim`
  }

  #fenced(flush: number): FencedError {
    return new FencedError(`Another task of connector ${this.#connector} wrote flush ${flush}`)
  }

  async #entries(): Promise<readonly { readonly name: string; readonly flush: number; readonly kind: string }[]> {
    const pattern = new RegExp(`^${this.#generation}-(\\d{20})\\.(?:(begun|done)\\.json|\\d+\\.claim)$`)
    return (await this.#storage.list(this.#folder)).flatMap((name) => {
      const match = pattern.exec(name)
      return match ? [{ name, flush: Number(match[1]), kind: match[2] ?? 'claim' }] : []
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
