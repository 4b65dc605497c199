import type { ConfigDef } from '../../contract/config-def.ts'
import type { ManifestKey, PartKind, PartManifest } from '../../contract/manifest.ts'
import type { Plugin } from '../../contract/plugin.ts'
import { contractApi } from './api-range.ts'

/** What a plugin's code says of itself: the name and version that it gives, and what its manifest would hold. Plain JSON. */
export interface PluginDescription {
  readonly name: string
  readonly version: string
  readonly api: number
  readonly parts: readonly PartManifest[]
}

/**
 * Describes a plugin that was imported, as `package.json#millrace` would. Runs none of its hooks. Throws an Error where the export is no plugin of a
 * contract version that this runtime offers.
 */
export function describePlugin(plugin: Plugin | undefined): PluginDescription {
  if (typeof plugin !== 'object' || plugin === null) throw new Error('It has no default export made by definePlugin')
  if (plugin.api !== contractApi) {
    throw new Error(`It works with version ${String(plugin.api)} of the plugin contract; this Millrace offers version ${contractApi}`)
  }
  return { name: String(plugin.name), version: String(plugin.version), api: plugin.api, parts: partsOf(plugin) }
}

/** The parts of a plugin as a manifest lists them: without code. */
export function partsOf(plugin: Plugin): readonly PartManifest[] {
  const list = (kind: PartKind, parts: readonly Described[] | undefined) => (parts ?? []).map((part) => describePart(kind, part))
  return [
    ...list('source', plugin.sources),
    ...list('sink', plugin.sinks),
    ...list('transform', plugin.transforms),
    ...list('predicate', plugin.predicates),
    ...list('converter', plugin.converters),
  ]
}

type Described = Omit<PartManifest, 'kind' | 'config'> & { readonly config: ConfigDef }

function describePart(kind: PartKind, part: Described): PartManifest {
  const { aliases, doc, client, sourceDefaults, sources, sampling } = part
  return {
    kind,
    class: part.class,
    ...(aliases && aliases.length > 0 && { aliases }),
    ...(doc !== undefined && { doc }),
    config: Object.fromEntries(Object.entries(part.config).map(([name, { check: _, ...key }]) => [name, key satisfies ManifestKey])),
    ...(client && { client }),
    ...(sourceDefaults && { sourceDefaults }),
    ...(sources && { sources }),
    ...(sampling && { sampling }),
  }
}
