import type { PartKind, PartManifest } from '../contract/manifest.ts'
import type { DescribedModule, PluginModule, PluginType, Registered } from './registry.ts'

type Part = Registered<unknown>['part']

/** The types under which a kind of part is listed: Connect lists converters twice. */
const typesOf: Readonly<Record<PartKind, readonly PluginType[]>> = {
  source: ['source'],
  sink: ['sink'],
  converter: ['converter', 'header_converter'],
  transform: ['transformation'],
  predicate: ['predicate'],
}

/** What a module offers to the registry, in Connect's order of types. */
export function entriesOf(module: PluginModule | DescribedModule): readonly Registered<unknown>[] {
  return 'plugin' in module ? ofCode(module) : ofManifest(module)
}

function ofCode({ specifier, plugin, package: name, version, builtIn = false }: PluginModule): readonly Registered<unknown>[] {
  const rest = { version: version ?? plugin.version, package: name ?? plugin.name, module: specifier, builtIn, code: true }
  const list = (kind: PartKind, parts: readonly Part[] | undefined) =>
    (parts ?? []).flatMap((part) => typesOf[kind].map((type) => ({ type, class: part.class, ...rest, part })))
  return [
    ...list('source', plugin.sources),
    ...list('sink', plugin.sinks),
    ...list('converter', plugin.converters),
    ...list('transform', plugin.transforms),
    ...list('predicate', plugin.predicates),
  ]
}

function ofManifest({ specifier, package: name, version, parts }: DescribedModule): readonly Registered<unknown>[] {
  const rest = { version, package: name, module: specifier, builtIn: false, code: false }
  const order: readonly PartKind[] = ['source', 'sink', 'converter', 'transform', 'predicate']
  return order.flatMap((kind) =>
    parts
      .filter((part) => part.kind === kind)
      .flatMap((part) => typesOf[kind].map((type) => ({ type, class: part.class, ...rest, part: withoutCode(part, name) }))),
  )
}

/** A part that nobody can run here: its code is for hosts. */
function withoutCode({ kind: _, ...part }: PartManifest, name: string): Part {
  const create = () => {
    throw new Error(`${part.class} of the package ${name} is known by its manifest here; its code runs in hosts alone`)
  }
  return { ...part, create } as Part
}
