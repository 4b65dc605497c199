import type { ConfigDef } from '../contract/config-def.ts'
import type { ConverterDef } from '../contract/converter.ts'
import type { PartManifest } from '../contract/manifest.ts'
import type { Plugin } from '../contract/plugin.ts'
import type { SinkConnector } from '../contract/sink.ts'
import type { SourceConnector } from '../contract/source.ts'
import type { PredicateDef, TransformDef } from '../contract/transform.ts'
import type { Pin } from '../store/store.ts'
import { entriesOf } from './registered.ts'
import { compareVersions, isPreRelease, versionInRange } from './version-range.ts'

/** Connect's words for the kinds of plugin, as `GET /connector-plugins` lists them. */
export type PluginType = 'source' | 'sink' | 'converter' | 'header_converter' | 'transformation' | 'predicate'

/** A plugin whose code is here: a built-in one, one that is embedded, or in a host. */
export interface PluginModule {
  /** What `import()` takes: a file URL or a package name. */
  readonly specifier: string
  readonly plugin: Plugin
  /** The npm package and its version; default: what the plugin says itself. */
  readonly package?: string
  readonly version?: string
  /** It belongs to Millrace itself: its names cannot be taken by others. */
  readonly builtIn?: boolean
}

/** A plugin that is known by its manifest alone: a host imports its module when a task names it. */
export interface DescribedModule {
  readonly specifier: string
  readonly package: string
  readonly version: string
  readonly parts: readonly PartManifest[]
}

/** One thing that a config can name by class. */
export interface Registered<P> {
  readonly type: PluginType
  readonly class: string
  readonly version: string
  /** The npm package that offers it. */
  readonly package: string
  /** Module that offers it; a host imports only the modules that its task names. */
  readonly module: string
  readonly builtIn: boolean
  /** False: known by its manifest alone. Then `part` has no hooks, and whether it really has none is asked in a host (`mayHave`). */
  readonly code: boolean
  readonly part: P & { readonly class: string; readonly config: ConfigDef; readonly aliases?: readonly string[] }
}

/** What a config asks of a class besides its name. */
export interface Wish {
  /** The value of its `*.plugin.version` key: a version, a Maven range or `latest`. */
  readonly range?: string | null
  /** Taken, before newer ones, where it is there and in the range. Where packages share the class, its package is meant. */
  readonly pin?: Pin | undefined
}

/** Whether the part may have this hook: a part that is known by its manifest alone may have any. */
export function mayHave<P>(entry: Registered<P>, hook: keyof P & string): boolean {
  return !entry.code || entry.part[hook] !== undefined
}

/**
 * Finds plugins by what a config calls them: full class name, `package:class`, an alias, the simple name, the simple name without its type suffix. A
 * class may be here in several versions; the newest that is wished for is found, pre-releases only where there is nothing else.
 */
export class Registry {
  #modules: ReadonlyMap<string, PluginModule | DescribedModule> = new Map()
  #entries: readonly Registered<unknown>[] = []
  /** By rank of the name: classes, then aliases, then short names. */
  #names: readonly ReadonlyMap<string, readonly Registered<unknown>[]>[] = []

  constructor(modules: readonly (PluginModule | DescribedModule)[]) {
    this.replace(modules)
  }

  /** Takes these modules instead. What runs is not touched: tasks know the module that they run with. */
  replace(modules: readonly (PluginModule | DescribedModule)[]): void {
    this.#modules = new Map(modules.map((module) => [module.specifier, module]))
    this.#entries = modules.flatMap(entriesOf)
    const qualified = (entry: Registered<unknown>) => [entry.class, `${entry.package}:${entry.class}`]
    const ranks = [qualified, (entry: Registered<unknown>) => entry.part.aliases ?? [], shortNames]
    this.#names = ranks.map((names) => {
      const found = new Map<string, Registered<unknown>[]>()
      for (const entry of this.#entries) {
        for (const name of new Set(names(entry))) {
          const key = `${entry.type}:${name}`
          found.set(key, [...(found.get(key) ?? []), entry])
        }
      }
      return found
    })
  }

  /** All entries of all types, in the order of the plugins. */
  entries(): readonly Registered<unknown>[] {
    return this.#entries
  }

  /** The classes of these types, each once. */
  classes(...types: readonly PluginType[]): readonly string[] {
    return [...new Set(this.#entries.flatMap((entry) => (types.includes(entry.type) ? [entry.class] : [])))]
  }

  /** Whether a module has a class of a type. */
  offers(module: string, type: string, name: string): boolean {
    return this.#entries.some((entry) => entry.module === module && entry.type === type && entry.class === name)
  }

  /** What is known of a module. */
  module(specifier: string): PluginModule | DescribedModule | undefined {
    return this.#modules.get(specifier)
  }

  source(name: string, wish?: Wish): Registered<SourceConnector> | undefined {
    return this.find('source', name, wish) as Registered<SourceConnector> | undefined
  }
  sink(name: string, wish?: Wish): Registered<SinkConnector> | undefined {
    return this.find('sink', name, wish) as Registered<SinkConnector> | undefined
  }
  transform(name: string, wish?: Wish): Registered<TransformDef> | undefined {
    return this.find('transformation', name, wish) as Registered<TransformDef> | undefined
  }
  predicate(name: string, wish?: Wish): Registered<PredicateDef> | undefined {
    return this.find('predicate', name, wish) as Registered<PredicateDef> | undefined
  }
  converter(name: string, wish?: Wish): Registered<ConverterDef> | undefined {
    return this.find('converter', name, wish) as Registered<ConverterDef> | undefined
  }

  /** Undefined: nothing has the name, no version of it is in the range, or several packages have it; `fault` says which. */
  find(type: PluginType, name: string, wish: Wish = {}): Registered<unknown> | undefined {
    const known = this.named(type, name)
    const inRange = known.filter((entry) => isWished(entry, wish.range))
    const pinned = this.#pinned(type, name, wish)
    const choice = pinned.length > 0 ? pinned : inRange
    if (offers(choice).size > 1) return undefined
    return pinned.find((entry) => entry.version === wish.pin?.version) ?? newest(choice)
  }

  /** What the pin means, also where another package has taken the name since by a class: who ran with the one is not given the other. */
  #pinned(type: PluginType, name: string, { pin, range }: Wish): readonly Registered<unknown>[] {
    if (!pin || this.named(type, name).some((entry) => entry.builtIn)) return []
    const found = new Set(this.#ranked(type, name).flat())
    return [...found].filter((entry) => entry.package === pin.package && entry.class === pin.class && isWished(entry, range))
  }

  /** As `find`, or what comes nearest: for forms, which have to show something while `fault` says what is wrong. */
  nearest(type: PluginType, name: string, wish: Wish = {}): Registered<unknown> | undefined {
    return this.find(type, name, wish) ?? newest(this.named(type, name))
  }

  /** What has this name, in all versions and of all packages. A name of a built-in class, whatever its rank, is never another's. */
  named(type: PluginType, name: string): readonly Registered<unknown>[] {
    const ranks = this.#ranked(type, name)
    const own = ranks.flat().filter((entry) => entry.builtIn)
    // Two built-in classes of one short name: the first, as ever.
    if (own.length > 0) return own.filter((entry) => entry.class === own[0]!.class)
    return ranks.find((found) => found.length > 0) ?? []
  }

  /** What has this name as its class, as an alias, as a short name. */
  #ranked(type: PluginType, name: string): readonly (readonly Registered<unknown>[])[] {
    return this.#names.map((names) => names.get(`${type}:${name}`) ?? [])
  }

  /** Why several packages cannot be told apart by this name, with the way out; undefined: they can. */
  nameFault(type: PluginType, name: string, wish: Wish = {}): string | undefined {
    if (this.find(type, name, wish)) return undefined
    const found = [...offers(this.named(type, name).filter((entry) => isWished(entry, wish.range)))]
    if (found.length < 2) return undefined
    return `${found.length} plugins are called ${name}: name one of them in full, ${found.join(' or ')}`
  }

  /** What is wrong with a `*.plugin.version`: it is no range, or no version that is here lies in it. undefined: nothing. */
  versionFault(type: PluginType, name: string, range: string | null | undefined): string | undefined {
    const known = this.named(type, name)
    if (known.length === 0 || isAny(range)) return undefined
    if (versionInRange('0', range!) === undefined) return 'It is no version and no Maven range such as [1.0,2.0)'
    if (known.some((entry) => versionInRange(entry.version, range!))) return undefined
    const versions = [...new Set(known.map((entry) => entry.version))].sort(compareVersions)
    const list = versions.length === 1 ? `version ${versions[0]} alone` : `versions ${versions.join(', ')}`
    return `This worker has ${known[0]!.class} in ${list}`
  }
}

function isAny(range: string | null | undefined): boolean {
  return range === undefined || range === null || range.trim() === '' || range.trim().toLowerCase() === 'latest'
}

function isWished({ version }: Registered<unknown>, range: string | null | undefined): boolean {
  return isAny(range) || versionInRange(version, range!) === true
}

/** Who offers what: the full names of different things. */
function offers(entries: readonly Registered<unknown>[]): ReadonlySet<string> {
  return new Set(entries.map((entry) => `${entry.package}:${entry.class}`))
}

function newest(entries: readonly Registered<unknown>[]): Registered<unknown> | undefined {
  const released = entries.filter((entry) => !isPreRelease(entry.version))
  return (released.length > 0 ? released : entries).toSorted((a, b) => compareVersions(b.version, a.version))[0]
}

const suffixes: Readonly<Record<PluginType, string>> = {
  source: 'Connector',
  sink: 'Connector',
  converter: 'Converter',
  header_converter: 'Converter',
  transformation: 'Transformation',
  predicate: 'Predicate',
}

/** Connect drops nested classes (`InsertField$Value`) from its aliases: they answer to their full name alone. */
function shortNames({ type, class: name }: Registered<unknown>): readonly string[] {
  const simple = name.slice(name.lastIndexOf('.') + 1)
  if (simple.includes('$')) return []
  const suffix = suffixes[type]
  return simple.endsWith(suffix) && simple.length > suffix.length ? [simple, simple.slice(0, -suffix.length)] : [simple]
}
