import type { ConfigIssue } from '../contract/errors.ts'
import type { SinkConnector } from '../contract/sink.ts'
import type { SourceConnector } from '../contract/source.ts'
import type { Registered, Registry } from './registry.ts'

/** A connector's raw config: what a person wrote, every value a string. */
export type RawConfig = Readonly<Record<string, string>>

/** The two ends that a config names, each with the keys that are its own. */
export interface Ends {
  readonly type: 'source' | 'sink'
  readonly source: Registered<SourceConnector>
  readonly sourceConfig: RawConfig
  readonly sink: Registered<SinkConnector>
  readonly sinkConfig: RawConfig
}

/**
 * `connector.class` names a source (then `sink.class`, keys under `sink.`, names the other end; Kafka where it is absent) or a sink
 * (then `source.class`, keys under `source.`). An end with a prefix also sees the framework's plain keys that both ends share.
 * Returns the issues where a class is missing or unknown.
 */
export function endsOf(raw: RawConfig, registry: Registry): Ends | { readonly issues: readonly ConfigIssue[] } {
  const name = raw['connector.class']
  if (!name) return issue('connector.class', null, 'Missing required configuration "connector.class" which has no default value.')
  const asSource = registry.source(name)
  const asSink = registry.sink(name)
  // A name that both kinds answer to (`file`) is a source unless the config speaks like a sink.
  if (asSource && !(asSink && speaksLikeSink(raw))) {
    const sinkName = raw['sink.class'] ?? 'kafka'
    const sink = registry.sink(sinkName)
    if (!sink) return missing('sink.class', raw['sink.class'], 'sink', registry)
    return { type: 'source', source: asSource, sourceConfig: raw, sink, sinkConfig: under('sink.', raw) }
  }
  if (asSink) {
    const sourceName = raw['source.class'] ?? 'kafka'
    const source = registry.source(sourceName)
    if (!source) return missing('source.class', raw['source.class'], 'source', registry)
    return { type: 'sink', source, sourceConfig: under('source.', raw), sink: asSink, sinkConfig: raw }
  }
  const known = [...registry.entries()].filter(({ type }) => type === 'source' || type === 'sink')
  return issue(
    'connector.class',
    name,
    `Failed to find any class that implements Connector and which name matches ${name}, available connectors are: ${known.map((entry) => entry.class).join(', ')}`,
  )
}

function speaksLikeSink(raw: RawConfig): boolean {
  return raw['source.class'] !== undefined || raw['topics'] !== undefined || raw['topics.regex'] !== undefined
}

/** Keys under the prefix, without it, before the shared ones: a prefixed key wins over a plain one. */
function under(prefix: string, raw: RawConfig): RawConfig {
  const own: Record<string, string> = {}
  for (const [key, value] of Object.entries(raw)) {
    if (key.startsWith(prefix)) own[key.slice(prefix.length)] = value
    else if (shared.has(key)) own[key] ??= value
  }
  return own
}

const shared = new Set(['name', 'topics', 'topics.regex', 'tasks.max'])

function missing(
  key: string,
  given: string | undefined,
  type: 'source' | 'sink',
  registry: Registry,
): { readonly issues: readonly ConfigIssue[] } {
  const known = registry.entries().filter((entry) => entry.type === type)
  const list = known.map((entry) => entry.class).join(', ')
  const text =
    given === undefined
      ? `This worker has no Kafka ${type}: name the other end with "${key}", one of: ${list}`
      : `Invalid value ${given} for configuration ${key}: no ${type} connector of that name; available are: ${list}`
  return issue(key, given ?? null, text)
}

function issue(key: string, value: string | null, message: string): { readonly issues: readonly ConfigIssue[] } {
  return { issues: [{ key, value, message }] }
}
