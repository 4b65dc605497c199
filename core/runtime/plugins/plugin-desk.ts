import { realpathSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { Logger } from '../../contract/context.ts'
import { ConflictError, NotFoundError } from '../../contract/errors.ts'
import type { Pins } from '../../store/store.ts'
import type { PluginControl, RefreshView, ShownPlugin, ShownPlugins } from '../control.ts'
import type { HostPool } from '../host-pool.ts'
import type { Catalog } from './catalog.ts'
import type { PluginPackage } from './plugin-package.ts'

/** A connector as far as it uses plugin packages. */
export interface PluginUser {
  readonly name: string
  versions(): { readonly versions: Pins }
}

/** How long a plugin's code may take to be imported when it is asked what it offers, in milliseconds. */
const describeMs = 10_000

/** What a worker does with plugin packages while it runs: lists, looks again, removes. Orders come one after another. */
export class PluginDesk implements PluginControl {
  readonly #catalog: Catalog | undefined
  readonly #pool: HostPool
  readonly #users: () => Iterable<PluginUser>
  readonly #log: Logger
  #last: Promise<unknown> = Promise.resolve()
  #complete: Promise<void> | undefined

  /** `catalog` absent: there are no packages, only modules that the worker was made with. */
  constructor(catalog: Catalog | undefined, pool: HostPool, users: () => Iterable<PluginUser>, log: Logger) {
    this.#catalog = catalog
    this.#pool = pool
    this.#users = users
    this.#log = log
  }

  /** At a start, once: asks the packages whose manifest does not say what they offer; tells of those that are not taken. Never rejects. */
  complete(): Promise<void> {
    this.#complete ??= this.#next(async () => {
      await this.#catalog?.complete((module) => this.#describe(module))
      this.#tellFaults(this.#catalog?.packages() ?? [])
    })
    return this.#complete
  }

  list(): ShownPlugins {
    return {
      installPath: this.#catalog?.installPath ?? null,
      plugins: (this.#catalog?.packages() ?? []).map((one) => this.#shown(one)),
    }
  }

  refresh(): Promise<RefreshView> {
    return this.#next(async () => {
      if (!this.#catalog) return { added: [], removed: [], refused: [] }
      const { added, removed, refused } = await this.#catalog.refresh((module) => this.#describe(module))
      // Also where nothing seems to have changed: a package may have been built anew in its place.
      this.#pool.forgetModules()
      const name = (one: PluginPackage) => `${one.name}@${one.version}`
      this.#log.info({ added: added.map(name), removed: removed.map(name) }, 'Plugin packages were looked for again')
      this.#tellFaults(refused)
      const shown = (list: readonly PluginPackage[]) => list.map((one) => this.#shown(one))
      return { added: shown(added), removed: shown(removed), refused: shown(refused) }
    })
  }

  async remove(name: string, version: string, { force }: { readonly force: boolean }): Promise<void> {
    await this.#next(async () => {
      const catalog = this.#catalog
      const found = catalog?.packages().find((one) => one.origin === 'installed' && one.name === name && one.version === version)
      if (!catalog || !found)
        throw new NotFoundError(`No plugin ${name} ${version} was installed into ${catalog?.installPath ?? 'this worker'}`)
      const users = this.#usersOf(found)
      if (users.length > 0 && !force) {
        const text = `Plugin ${name} ${version} is in use by ${users.join(', ')}: give those another version, stop and delete them, or remove it by force`
        throw new ConflictError(text)
      }
      const root = realpathSync(catalog.installPath)
      const [install = ''] = relative(root, found.folder).split(sep)
      // Nothing but what an install makes is removed: a folder of its own, with the package in its node_modules.
      if (install.startsWith('.') || found.folder !== join(root, install, 'node_modules', ...name.split('/'))) {
        throw new ConflictError(`${found.folder} is no install of its own in ${catalog.installPath}: remove it by hand, and refresh`)
      }
      // Gone in one step for whoever looks; a dot in front is what an unfinished install has, too, and is swept.
      const doomed = join(root, `.removed-${install}-${Date.now()}`)
      renameSync(join(root, install), doomed)
      await rm(doomed, { recursive: true, force: true })
      await catalog.refresh((module) => this.#describe(module))
      this.#log.info({ plugin: name, version, users }, `Plugin ${name} ${version} was removed`)
    })
  }

  #describe(module: string): Promise<unknown> {
    return this.#pool.callAlone({ kind: 'describe', module }, [], describeMs)
  }

  #tellFaults(packages: readonly PluginPackage[]): void {
    for (const { name, folder, fault } of packages) {
      if (fault !== null) this.#log.error({ plugin: name, folder }, `Plugin ${name} was not taken: ${fault}`)
    }
  }

  #shown(one: PluginPackage): ShownPlugin {
    const { name, version, folder, origin, api, fault } = one
    const parts = (one.parts ?? []).map(({ kind, class: className, aliases, doc }) => ({
      kind,
      class: className,
      aliases: aliases ?? [],
      doc: doc ?? null,
    }))
    return { name, version, folder, origin, api: api === null ? null : String(api), parts, fault, usedBy: this.#usersOf(one) }
  }

  #usersOf({ name, version, fault }: PluginPackage): readonly string[] {
    if (fault !== null) return []
    const uses = (user: PluginUser) =>
      Object.values(user.versions().versions).some((pin) => pin.package === name && pin.version === version)
    return [...this.#users()].filter(uses).map((user) => user.name)
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    // Whoever ordered it hears of its fault.
    this.#last = turn.catch(() => {})
    return turn
  }
}
