import { resolve } from 'node:path'
import type { PartKind, PartManifest } from '../../contract/manifest.ts'
import { Registry, type DescribedModule, type PluginModule, type PluginType } from '../registry.ts'
import { findPackages, sweepUnfinished, type PluginPlaces } from './discovery.ts'
import type { PluginPackage } from './plugin-package.ts'
import { readManifest } from './read-manifest.ts'

/** Imports a module in a host and describes it (`describePlugin`): the answer is foreign. */
export type AskPlugin = (module: string) => Promise<unknown>

/** What a refresh found otherwise than the look before it. */
export interface RefreshReport {
  readonly added: readonly PluginPackage[]
  readonly removed: readonly PluginPackage[]
  /** All that are not taken now, with their faults. */
  readonly refused: readonly PluginPackage[]
}

/** How many packages are asked at the same time: each in a process of its own. */
const askedTogether = 2

/** The plugin packages that a worker knows, and the registry of what they and Millrace itself offer. Imports no package. */
export class Catalog {
  /** Stays the same object: a refresh changes what is in it. */
  readonly registry: Registry
  readonly #places: PluginPlaces
  readonly #builtIn: readonly PluginModule[]
  /** Millrace itself: its names belong to it. */
  readonly #own: Registry
  #packages: readonly PluginPackage[]

  /** Looks at the places at once: reading files alone. Packages whose manifest does not say what they offer are asked by `complete`. */
  constructor(places: PluginPlaces, builtIn: readonly PluginModule[]) {
    this.#places = places
    this.#builtIn = builtIn
    this.#own = new Registry(builtIn)
    sweepUnfinished(places)
    this.#packages = this.#look()
    this.registry = new Registry([...builtIn, ...this.#packages.flatMap(moduleOf)])
  }

  /** Where `millrace plugin install` puts packages: an absolute path. */
  get installPath(): string {
    return resolve(this.#places.workingFolder, this.#places.installPath)
  }

  /** All that were found, with those that are not taken. */
  packages(): readonly PluginPackage[] {
    return this.#packages
  }

  /** Asks the code of the packages whose manifest does not say what they offer. Never rejects: one that fails is refused. */
  async complete(ask: AskPlugin): Promise<void> {
    this.#take(await this.#completed(this.#packages, ask))
  }

  /** Looks at all places again. Never rejects. */
  async refresh(ask: AskPlugin): Promise<RefreshReport> {
    const before = this.#packages
    this.#take(await this.#completed(this.#look(), ask))
    const now = this.#packages
    const missing = (from: readonly PluginPackage[], others: readonly PluginPackage[]) => {
      const known = new Set(others.filter((one) => one.fault === null).map(identity))
      return from.filter((one) => one.fault === null && !known.has(identity(one)))
    }
    return { added: missing(now, before), removed: missing(before, now), refused: now.filter((one) => one.fault !== null) }
  }

  #look(): readonly PluginPackage[] {
    return findPackages(this.#places).map((one) => this.#checked(one))
  }

  #take(packages: readonly PluginPackage[]): void {
    this.#packages = packages
    this.registry.replace([...this.#builtIn, ...packages.flatMap(moduleOf)])
  }

  async #completed(packages: readonly PluginPackage[], ask: AskPlugin): Promise<readonly PluginPackage[]> {
    const completed = [...packages]
    const waiting = packages.flatMap((one, at) => (one.fault === null && one.parts === undefined ? [at] : []))
    const lane = async () => {
      for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
        completed[at] = this.#checked(await asked(completed[at]!, ask))
      }
    }
    await Promise.all(Array.from({ length: askedTogether }, lane))
    return completed
  }

  /** Nobody takes a class, an alias or a short name of Millrace itself for a class: existing configs would change their meaning. */
  #checked(one: PluginPackage): PluginPackage {
    if (one.fault !== null || !one.parts) return one
    const fault = takenName(one.parts, this.#own)
    return fault === undefined ? one : { ...one, fault }
  }
}

/** Why a plugin with these parts is refused: a class of it has a name of Millrace itself. undefined: none has. */
export function takenName(parts: readonly Pick<PartManifest, 'kind' | 'class'>[], own: Registry): string | undefined {
  for (const { kind, class: name } of parts) {
    const taken = own.named(typeOf[kind], name)[0]?.class
    if (taken === undefined) continue
    const what = taken === name ? 'which Millrace itself has' : `which is a name of ${taken} of Millrace itself`
    return `It offers the ${kind} ${name}, ${what}: its class needs another name`
  }
  return undefined
}

const typeOf: Readonly<Record<PartKind, PluginType>> = {
  source: 'source',
  sink: 'sink',
  transform: 'transformation',
  predicate: 'predicate',
  converter: 'converter',
}

async function asked(one: PluginPackage, ask: AskPlugin): Promise<PluginPackage> {
  try {
    const said = (await ask(one.module!)) as Readonly<Record<string, unknown>>
    const { api, parts } = readManifest(said)
    const [name, version] = [said['name'], said['version']]
    if (one.version !== null) return { ...one, api, parts }
    // A module without a package: it is called what its code says.
    if (typeof name !== 'string' || name === '' || typeof version !== 'string' || version === '') {
      throw new Error('Its definePlugin gives no name or no version')
    }
    return { ...one, name, version, api, parts }
  } catch (error) {
    return { ...one, fault: `It could not be loaded: ${(error as Error).message}` }
  }
}

function moduleOf({ name, version, module, parts, fault }: PluginPackage): readonly DescribedModule[] {
  return fault === null && parts && module !== null && version !== null ? [{ specifier: module, package: name, version, parts }] : []
}

function identity({ name, version, folder }: PluginPackage): string {
  return `${name}@${version} ${folder}`
}
