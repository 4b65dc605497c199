import type { ConfigKey } from './config-def.ts'

/** The kinds of part that a plugin package can offer. */
export type PartKind = 'source' | 'sink' | 'transform' | 'predicate' | 'converter'

/** One setting as a manifest holds it: a `ConfigKey` without its `check`, which is code and runs where the part runs. */
export type ManifestKey = Omit<ConfigKey, 'check'>

/** One part of a plugin as its package describes it: what lists and forms need, without a line of the package's code being run. */
export interface PartManifest {
  readonly kind: PartKind
  /** The name that configs and listings use, for example `com.acme.PollSource`. */
  readonly class: string
  readonly aliases?: readonly string[]
  readonly doc?: string
  readonly config: Readonly<Record<string, ManifestKey>>
  /** As in `SourceConnector.client` and `SinkConnector.client`. */
  readonly client?: 'consumer' | 'producer'
  /** As in `SinkConnector.sourceDefaults`. */
  readonly sourceDefaults?: Readonly<Record<string, string>>
  /** As in `TransformDef.sources`. */
  readonly sources?: readonly string[]
  /** As in `SourceConnector.sampling`. */
  readonly sampling?: { readonly overlay: Readonly<Record<string, string>> } | { readonly refused: string }
}

/**
 * `package.json#millrace` of a plugin package (keyword `millrace-plugin`). `millrace plugin manifest` writes it from the code.
 * A package with one part may put that part's keys beside `api` instead of in `parts`.
 */
export interface PluginManifest {
  /** Versions of the contract that the package works with: `1`, or a range such as `^1` or `>=1 <3`. */
  readonly api: string | number
  /** The module whose default export is the plugin, relative to the package; absent: what importing the package gives. */
  readonly entry?: string
  /** Absent: the worker asks the package's code in a process of its own when it starts. */
  readonly parts?: readonly PartManifest[]
}
