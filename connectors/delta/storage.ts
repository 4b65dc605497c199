import { randomUUID } from 'node:crypto'
import { link, lstat, mkdir, open, readFile, readdir, realpath, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { ConfigError } from '../../core/index.ts'
import { folderFault } from './folder.ts'
import { sameFiles } from './same-content.ts'

/**
 * Where the lake's files lie. Names are relative to the lake's folder, with `/` between their parts, as `table-path.ts` and the log make them.
 * The two writes that matter are atomic: `putIfAbsent` has exactly one winner, `put` is seen whole or not at all; both are durable when they
 * resolve. An object store implements `putIfAbsent` by a conditional put (`If-None-Match: *`).
 */
export interface Storage extends AsyncDisposable {
  /** Names in a folder (not below it), unsorted; empty where the folder does not exist. */
  list(folder: string): Promise<readonly string[]>
  /** The whole content; undefined where there is no such file. */
  read(name: string): Promise<Buffer | undefined>
  /** False: the name was taken, nothing was written. */
  putIfAbsent(name: string, content: string | Uint8Array): Promise<boolean>
  /** Writes or replaces. */
  put(name: string, content: string | Uint8Array): Promise<void>
  /** Lets `write` fill a local file that becomes `name` at once and whole; resolves to its size in bytes when it is durable. A rejection leaves nothing. */
  create(name: string, write: (localPath: string) => Promise<void>): Promise<number>
  /**
   * As `create`, but never replaces: true where `name` has this content now (it may have had it before), false where it holds another. A file
   * that it made is found by its claim (`deleteClaimed`), until somebody else makes the same one: then it belongs to both, and stays.
   */
  createOnce(name: string, write: (localPath: string) => Promise<void>, marks: Marks): Promise<boolean>
  /** Removes what `createOnce` made under that claim; what others made of that name stays. May be repeated. */
  deleteClaimed(name: string, claim: string): Promise<void>
  /** A path under which the Parquet reader finds the file, after `fetch`. */
  readable(name: string): string
  /** Makes files `readable`; they stay so until `tidy`. */
  fetch(names: readonly string[]): Promise<void>
  /** Gives back the space of local copies that exceed their bound. Only while nothing is read. */
  tidy(): Promise<void>
  /** Removes; a name that is not there is no fault. */
  delete(name: string): Promise<void>
}

/** What a file that is made once is known by. */
export interface Marks {
  /** A name in the store that nothing else uses; kept beside the file (a folder) or with it (an object). Printable ASCII. */
  readonly claim: string
  /** For people and rules of the bucket; a folder has none. */
  readonly tags?: Readonly<Record<string, string>>
}

/** A lake in a local folder (or one that behaves so: link() must fail for a taken name). */
export class LocalStorage implements Storage {
  readonly #root: string
  /** Folders known to exist inside the root, with no symbolic link on the way to them. */
  readonly #checked = new Set<string>()

  private constructor(root: string) {
    this.#root = root
  }

  /** Makes the folder where it is missing. Throws a ConfigError where there can be none. */
  static async open(root: string): Promise<LocalStorage> {
    const fault = await folderFault(root)
    if (fault !== undefined) throw new ConfigError([{ key: 'path', value: root, message: fault }])
    await mkdir(root, { recursive: true })
    return new LocalStorage(await realpath(root))
  }

  /** The lake in a folder that is there; undefined: there is none. */
  static async find(root: string): Promise<LocalStorage | undefined> {
    try {
      return new LocalStorage(await realpath(root))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return await readdir(this.#path(folder))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw error
    }
  }

  async read(name: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#path(name))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async putIfAbsent(name: string, content: string | Uint8Array): Promise<boolean> {
    const path = this.#path(name)
    await this.#folder(dirname(path))
    const temporary = await writeBeside(path, content)
    try {
      // open('wx') alone would show other readers a half-written file; link() publishes a complete one or fails.
      await link(temporary, path)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    } finally {
      await unlink(temporary)
    }
    await syncFolder(dirname(path))
    return true
  }

  async put(name: string, content: string | Uint8Array): Promise<void> {
    const path = this.#path(name)
    await this.#folder(dirname(path))
    await rename(await writeBeside(path, content), path)
    await syncFolder(dirname(path))
  }

  async create(name: string, write: (localPath: string) => Promise<void>): Promise<number> {
    return await this.#written(name, write, async (temporary, path, size) => {
      await rename(temporary, path)
      return size
    })
  }

  async createOnce(name: string, write: (localPath: string) => Promise<void>, { claim }: Marks): Promise<boolean> {
    const mark = this.#path(claim)
    await this.#folder(dirname(mark))
    return await this.#written(name, write, async (temporary, path) => {
      // An attempt before this one came that far.
      if (await isSameFile(mark, path)) return true
      // The claim is a link to the same file, there before it: whoever undoes this removes the name only while it is that file.
      await rm(mark, { force: true })
      await link(temporary, mark)
      await syncFolder(dirname(mark))
      try {
        await link(temporary, path)
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        await rm(mark, { force: true })
        if (!(await sameFiles(temporary, path))) return false
        // Another file of the same content, which is no claim's.
        await rename(temporary, path)
      }
      return true
    })
  }

  async deleteClaimed(name: string, claim: string): Promise<void> {
    if (await isSameFile(this.#path(claim), this.#path(name))) await this.delete(name)
    await this.delete(claim)
  }

  readable(name: string): string {
    return this.#path(name)
  }

  async fetch(): Promise<void> {}

  async tidy(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async delete(name: string): Promise<void> {
    try {
      await unlink(this.#path(name))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }

  /** Under another name until it is whole: a half-written checkpoint would stop every reader of the table. */
  async #written<T>(
    name: string,
    write: (localPath: string) => Promise<void>,
    publish: (temporary: string, path: string, size: number) => Promise<T>,
  ): Promise<T> {
    const path = this.#path(name)
    await this.#folder(dirname(path))
    const temporary = join(dirname(path), `.${randomUUID()}.tmp`)
    try {
      await write(temporary)
      const outcome = await publish(temporary, path, await syncFile(temporary))
      await syncFolder(dirname(path))
      return outcome
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Refuses names that leave the root; the checks against symbolic links are in `#folder`, before anything is written. */
  #path(name: string): string {
    const path = resolve(this.#root, name)
    if (name.includes('\0') || (path !== this.#root && !path.startsWith(this.#root + sep))) {
      throw new Error(`File name ${JSON.stringify(name)} leaves the lake's folder ${this.#root}`)
    }
    return path
  }

  async #folder(path: string): Promise<void> {
    if (this.#checked.has(path)) return
    await mkdir(path, { recursive: true })
    for (let part = path; part !== this.#root; part = dirname(part)) {
      const entry = await lstat(part)
      if (!entry.isDirectory()) throw new Error(`${part} is a link or a file; Millrace writes only into real folders under ${this.#root}`)
    }
    const parts = relative(this.#root, path).split(sep)
    for (let index = 0; index <= parts.length; index++) await syncFolder(join(this.#root, ...parts.slice(0, index)))
    this.#checked.add(path)
  }
}

/** Whether both are names of one file; false where one is missing. */
async function isSameFile(path: string, other: string): Promise<boolean> {
  try {
    const [one, two] = await Promise.all([lstat(path), lstat(other)])
    return one.ino === two.ino && one.dev === two.dev
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

async function writeBeside(path: string, content: string | Uint8Array): Promise<string> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`)
  const file = await open(temporary, 'wx')
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (error) {
    await unlink(temporary)
    throw error
  } finally {
    await file.close()
  }
  return temporary
}

/** Resolves to the file's size. */
async function syncFile(path: string): Promise<number> {
  const file = await open(path, 'r')
  try {
    await file.sync()
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
