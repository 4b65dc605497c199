import type { ConverterDef } from './converter.ts'
import type { SinkConnector } from './sink.ts'
import type { SourceConnector } from './source.ts'
import type { PredicateDef, TransformDef } from './transform.ts'

/** An npm package's offer to a worker: its default export. `api` is the version of this contract. */
export interface Plugin {
  readonly name: string
  readonly version: string
  readonly api: 1
  readonly sources?: readonly SourceConnector[]
  readonly sinks?: readonly SinkConnector[]
  readonly transforms?: readonly TransformDef[]
  readonly predicates?: readonly PredicateDef[]
  readonly converters?: readonly ConverterDef[]
}

/** Declares a plugin. Throws a TypeError at import time where a part lacks its class or its config, naming the part. */
export function definePlugin(plugin: Plugin): Plugin {
  if (plugin.api !== 1) throw new TypeError(`Plugin ${plugin.name} asks for api ${String(plugin.api)}; this runtime offers 1`)
  const lists: readonly (readonly { readonly class: string; readonly config: object }[] | undefined)[] = [
    plugin.sources,
    plugin.sinks,
    plugin.transforms,
    plugin.predicates,
    plugin.converters,
  ]
  const parts = lists.flatMap((list) => list ?? [])
  for (const part of parts) {
    if (!part.class) throw new TypeError(`Plugin ${plugin.name} offers a part without a class name`)
    if (!part.config) throw new TypeError(`Plugin ${plugin.name}: ${part.class} has no config definition`)
  }
  return plugin
}
