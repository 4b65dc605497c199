import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const folderPrefix = 'millrace-s3-'

/** Copies of a store's files in the temporary folder, where DuckDB reads and writes them. Files of a lake never change, so a copy is as good. */
export class LocalCopies implements AsyncDisposable {
  readonly #folder: string
  readonly #bytesMax: number
  /** Size by name, the ones used longest ago first. */
  readonly #sizes = new Map<string, number>()
  readonly #coming = new Map<string, Promise<void>>()

  private constructor(folder: string, bytesMax: number) {
    this.#folder = folder
    this.#bytesMax = bytesMax
  }

  static async open(bytesMax: number): Promise<LocalCopies> {
    await removeAbandoned()
    return new LocalCopies(await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`)), bytesMax)
  }

  /** Where the copy of a file is, or would be. */
  path(name: string): string {
    return join(this.#folder, name)
  }

  /** A path for a file that is being written; its folder exists. */
  async newPath(name: string): Promise<string> {
    const path = this.path(`${name}.${randomUUID()}.tmp`)
    await mkdir(dirname(path), { recursive: true })
    return path
  }

  /** Makes a finished file, made at a `newPath`, the copy of `name`. */
  async keep(name: string, written: string): Promise<void> {
    await rename(written, this.path(name))
    this.#sizes.delete(name)
    this.#sizes.set(name, (await stat(this.path(name))).size)
  }

  /** Sees to it that there is a copy: `fetch` writes it where there is none. */
  async need(name: string, fetch: (path: string) => Promise<void>): Promise<void> {
    const size = this.#sizes.get(name)
    if (size !== undefined) {
      this.#sizes.delete(name)
      this.#sizes.set(name, size)
      return
    }
    let coming = this.#coming.get(name)
    if (!coming) {
      coming = this.#fetch(name, fetch).finally(() => this.#coming.delete(name))
      this.#coming.set(name, coming)
    }
    await coming
  }

  async drop(name: string): Promise<void> {
    this.#sizes.delete(name)
    await rm(this.path(name), { force: true })
  }

  /** Drops what exceeds the bound, the least recently used first. Only while nothing is read. */
  async trim(): Promise<void> {
    let bytes = 0
    for (const size of this.#sizes.values()) bytes += size
    for (const [name, size] of this.#sizes) {
      if (bytes <= this.#bytesMax) return
      bytes -= size
      await this.drop(name)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #fetch(name: string, fetch: (path: string) => Promise<void>): Promise<void> {
    const path = await this.newPath(name)
    try {
      await fetch(path)
      await this.keep(name, path)
    } finally {
      await rm(path, { force: true })
    }
  }
}

/** Removes the copies of processes that were killed: the folders' names carry the process id. */
async function removeAbandoned(): Promise<void> {
  for (const folder of await readdir(tmpdir())) {
    const pid = folder.startsWith(folderPrefix) ? Number.parseInt(folder.slice(folderPrefix.length), 10) : Number.NaN
    if (!Number.isNaN(pid) && pid !== process.pid && !isAlive(pid)) await rm(join(tmpdir(), folder), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
