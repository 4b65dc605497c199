import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { compareVersions } from '../../core/runtime/version-range.ts'
import { FailedError } from '../exit.ts'

/** One version of a plugin in the folder of installs. */
export interface InstalledPlugin {
  readonly name: string
  readonly version: string
  /** Its install: `node_modules` with the package and all it depends on. */
  readonly folder: string
  /** The package itself. */
  readonly root: string
}

/** A staging folder is swept after this long even where its process seems to live (its number may have been given to another). Milliseconds. */
const stagingMaxMs = 24 * 3_600_000

/**
 * The folder of installs (`plugin.install.path`): every version in a folder of its own, `<name with / as +>@<version>`. Folders whose names
 * begin with a dot do not count: installs that are being made, or were given up, and what is being removed.
 */
export class InstallFolder {
  readonly path: string

  /** `path` is absolute; it need not exist. */
  constructor(path: string) {
    this.path = path
  }

  /** All installs, by name and then newest last. */
  list(): readonly InstalledPlugin[] {
    if (!existsSync(this.path)) return []
    return readdirSync(this.path)
      .flatMap((entry) => this.#read(entry) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : compareVersions(a.version, b.version)))
  }

  versions(name: string): readonly InstalledPlugin[] {
    return this.list().filter((one) => one.name === name)
  }

  /** A new folder for an install that does not count yet. The caller removes it. */
  stage(): string {
    const folder = join(this.path, `.staging-${process.pid}-${randomBytes(6).toString('hex')}`)
    return this.#writing(() => {
      mkdirSync(folder, { recursive: true })
      return folder
    })
  }

  /** Makes a staged install count, in one step. False: that version is there already, and stays as it is. */
  accept(staged: string, name: string, version: string): InstalledPlugin | undefined {
    const folder = join(this.path, entryName(name, version))
    if (existsSync(folder)) return undefined
    try {
      renameSync(staged, folder)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return undefined // Another install of it was faster.
      throw error
    }
    return { name, version, folder, root: join(folder, 'node_modules', ...name.split('/')) }
  }

  /** Takes an install away: first out of sight in one step, then for good. */
  remove(installed: InstalledPlugin): void {
    const gone = join(this.path, `.removed-${process.pid}-${randomBytes(6).toString('hex')}`)
    this.#writing(() => {
      renameSync(installed.folder, gone)
      rmSync(gone, { recursive: true, force: true })
    })
  }

  /** Deletes what earlier calls that did not come to their end left behind. */
  sweep(): void {
    if (!existsSync(this.path)) return
    for (const entry of readdirSync(this.path)) {
      const owner = /^\.(?:staging|removed)-(\d+)-[0-9a-f]+$/.exec(entry)?.[1]
      if (owner === undefined || Number(owner) === process.pid) continue
      const folder = join(this.path, entry)
      const old = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0) > stagingMaxMs
      if (old || !lives(Number(owner))) rmSync(folder, { recursive: true, force: true })
    }
  }

  /** Says which folder it is that the system does not let be written. */
  #writing<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw new FailedError(`The folder of installs ${this.path} cannot be written: ${(error as Error).message}`, { cause: error })
    }
  }

  #read(entry: string): InstalledPlugin | undefined {
    const at = entry.lastIndexOf('@')
    if (entry.startsWith('.') || at <= 0) return undefined
    const name = entry.slice(0, at).replace('+', '/')
    const folder = join(this.path, entry)
    const root = join(folder, 'node_modules', ...name.split('/'))
    if (!existsSync(join(root, 'package.json'))) return undefined
    return { name, version: entry.slice(at + 1), folder, root }
  }
}

/** The name of an install's folder. */
export function entryName(name: string, version: string): string {
  return `${name.replace('/', '+')}@${version}`
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // It is another user's, and lives.
  }
}

/** A package's own description, as far as it can be read; undefined: it is none. */
export function readPackageJson(root: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined // Missing or no JSON: what asks says so with the package's name.
  }
}
