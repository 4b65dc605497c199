import type { ConfigDef } from '../contract/config-def.ts'
import type { ConverterDef } from '../contract/converter.ts'
import type { Plugin } from '../contract/plugin.ts'
import type { SinkConnector } from '../contract/sink.ts'
import type { SourceConnector } from '../contract/source.ts'
import type { PredicateDef, TransformDef } from '../contract/transform.ts'

/** Connect's words for the kinds of plugin, as `GET /connector-plugins` lists them. */
export type PluginType = 'source' | 'sink' | 'converter' | 'header_converter' | 'transformation' | 'predicate'

/** A plugin package and the module that a host imports to get it. */
export interface PluginModule {
  /** What `import()` takes: a file URL or a package name. */
  readonly specifier: string
  readonly plugin: Plugin
}

/** One thing that a config can name by class. */
export interface Registered<P> {
  readonly type: PluginType
  readonly class: string
  readonly version: string
  /** Module that offers it; a host imports only the modules that its task names. */
  readonly module: string
  readonly part: P & { readonly class: string; readonly config: ConfigDef }
}

/** Finds plugins by what a config calls them: full class name, simple name, simple name without its type suffix, or an alias. */
export class Registry {
  readonly #modules: readonly PluginModule[]
  readonly #entries: readonly Registered<unknown>[]
  readonly #names = new Map<string, Registered<unknown> | 'ambiguous'>()

  constructor(modules: readonly PluginModule[]) {
    this.#modules = modules
    this.#entries = modules.flatMap(entriesOf)
    for (const entry of this.#entries) {
      const aliases = (entry.part as { readonly aliases?: readonly string[] }).aliases ?? []
      for (const name of new Set([entry.class, ...aliases])) this.#names.set(`${entry.type}:${name}`, entry)
    }
    for (const entry of this.#entries) {
      for (const name of shortNames(entry)) {
        const key = `${entry.type}:${name}`
        const known = this.#names.get(key)
        if (known === undefined) this.#names.set(key, entry)
        else if (known !== entry && known !== 'ambiguous' && known.class !== name) this.#names.set(key, known)
      }
    }
  }

  /** All entries of all types, in the order of the plugins. */
  entries(): readonly Registered<unknown>[] {
    return this.#entries
  }

  /** The plugin that a module offers. */
  module(specifier: string): PluginModule | undefined {
    return this.#modules.find((module) => module.specifier === specifier)
  }

  source(name: string): Registered<SourceConnector> | undefined {
    return this.#find('source', name) as Registered<SourceConnector> | undefined
  }
  sink(name: string): Registered<SinkConnector> | undefined {
    return this.#find('sink', name) as Registered<SinkConnector> | undefined
  }
  transform(name: string): Registered<TransformDef> | undefined {
    return this.#find('transformation', name) as Registered<TransformDef> | undefined
  }
  predicate(name: string): Registered<PredicateDef> | undefined {
    return this.#find('predicate', name) as Registered<PredicateDef> | undefined
  }
  converter(name: string): Registered<ConverterDef> | undefined {
    return this.#find('converter', name) as Registered<ConverterDef> | undefined
  }

  #find(type: PluginType, name: string): Registered<unknown> | undefined {
    const entry = this.#names.get(`${type}:${name}`)
    return entry === 'ambiguous' ? undefined : entry
  }
}

function entriesOf({ specifier, plugin }: PluginModule): readonly Registered<unknown>[] {
  const entry = (type: PluginType) => (part: { readonly class: string; readonly config: ConfigDef }) => ({
    type,
    class: part.class,
    version: plugin.version,
    module: specifier,
    part,
  })
  return [
    ...(plugin.sources ?? []).map(entry('source')),
    ...(plugin.sinks ?? []).map(entry('sink')),
    ...(plugin.converters ?? []).flatMap((part) => [entry('converter')(part), entry('header_converter')(part)]),
    ...(plugin.transforms ?? []).map(entry('transformation')),
    ...(plugin.predicates ?? []).map(entry('predicate')),
  ]
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
