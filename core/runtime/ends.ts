import type { ConfigIssue } from '../contract/errors.ts'
import type { SinkConnector } from '../contract/sink.ts'
import type { SourceConnector } from '../contract/source.ts'
import type { Pins } from '../store/store.ts'
import { clientConfig, exactlyOnce, type WorkerClients } from './client-config.ts'
import type { PluginType, Registered, Registry } from './registry.ts'
import { noPins, versionKeyOf, wishOf } from './version-keys.ts'

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
 * (then `source.class`, keys under `source.`). An end with a prefix also sees the framework's plain keys that both ends share; one that holds
 * a Kafka client has the worker's client settings beneath its own. `pins`: versions to stay with. Returns the issues where a class is missing,
 * unknown, or not here in the version that is asked for.
 */
export function endsOf(
  raw: RawConfig,
  registry: Registry,
  clients: WorkerClients,
  pins: Pins = noPins,
): Ends | { readonly issues: readonly ConfigIssue[] } {
  const name = raw['connector.class']
  if (!name) return issue('connector.class', null, 'Missing required configuration "connector.class" which has no default value.')
  const type = typeOf(raw, registry)
  if (type !== undefined) return pair(type, name, raw, registry, clients, pins)
  return issue(
    'connector.class',
    name,
    `Failed to find any class that implements Connector and which name matches ${name}, available connectors are: ${registry.classes('source', 'sink').join(', ')}`,
  )
}

/** Whether `connector.class` names a source or a sink; undefined: neither. A name of both (`kafka`, `file`) is a sink if the config speaks like one. */
export function typeOf(raw: Readonly<Record<string, string | null>>, registry: Registry): 'source' | 'sink' | undefined {
  const name = raw['connector.class'] ?? ''
  const [source, sink] = [registry.named('source', name).length > 0, registry.named('sink', name).length > 0]
  const given = (key: string) => raw[key] !== undefined
  const speaksLikeSink = given('source.class') || (!given('sink.class') && (given('topics') || given('topics.regex')))
  if (source && !(sink && speaksLikeSink)) return 'source'
  return sink ? 'sink' : undefined
}

function pair(
  type: 'source' | 'sink',
  name: string,
  raw: RawConfig,
  registry: Registry,
  clients: WorkerClients,
  pins: Pins,
): ReturnType<typeof endsOf> {
  const other = type === 'source' ? 'sink' : 'source'
  const otherName = raw[`${other}.class`]
  const [sourceName, sinkName] = type === 'source' ? [name, otherName ?? 'kafka'] : [otherName ?? 'kafka', name]
  const keyOf = (end: 'source' | 'sink') => (end === type ? 'connector.class' : `${end}.class`)
  const source = registry.source(sourceName, wishOf(keyOf('source'), raw, pins))
  const sink = registry.sink(sinkName, wishOf(keyOf('sink'), raw, pins))
  const faults = [
    ...(source ? [] : unusable(keyOf('source'), 'source', sourceName, raw, registry)),
    ...(sink ? [] : unusable(keyOf('sink'), 'sink', sinkName, raw, registry)),
  ]
  if (faults.length > 0) return { issues: faults }
  if (!source || !sink) return missing(`${other}.class`, otherName, other, registry)
  const needed = Object.entries(sink.part.sourceDefaults ?? {}).filter(([key]) => Object.hasOwn(source.part.config, key))
  const own = (end: 'source' | 'sink') => (end === type ? raw : under(`${end}.`, raw))
  const once = exactlyOnce(type, raw, clients)
  const withClient = (client: 'consumer' | 'producer' | undefined, keys: RawConfig): RawConfig =>
    client === undefined ? keys : { ...clientConfig(client, raw, clients), ...keys, 'exactly.once.support': once }
  const sourceConfig = { ...Object.fromEntries(needed), ...withClient(source.part.client, own('source')) }
  const sinkConfig = withClient(sink.part.client, own('sink'))
  const [part, config] = type === 'source' ? [sink.part, sinkConfig] : [source.part, sourceConfig]
  if (kafkaIsNowhere(otherName, part.client, config)) return missing(`${other}.class`, undefined, other, registry)
  return { type, source, sourceConfig, sink, sinkConfig }
}

/** Kafka was not named but taken for granted, and this worker knows of none. */
function kafkaIsNowhere(named: string | undefined, client: string | undefined, config: RawConfig): boolean {
  return named === undefined && client !== undefined && config['bootstrap.servers'] === undefined
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

/** Keys of the framework, and those that mean the same for whichever end has them. */
export const shared: ReadonlySet<string> = new Set(['name', 'topics', 'topics.regex', 'tasks.max', 'errors.data.loss'])

function missing(
  key: string,
  given: string | undefined,
  type: 'source' | 'sink',
  registry: Registry,
): { readonly issues: readonly ConfigIssue[] } {
  const list = registry.classes(type).join(', ')
  const text =
    given === undefined
      ? `This worker has no Kafka: set "bootstrap.servers" in its settings, or name the other end with "${key}", one of: ${list}`
      : `Invalid value ${given} for configuration ${key}: no ${type} connector of that name; available are: ${list}`
  return issue(key, given ?? null, text)
}

/** Why a name that is known gives nothing: its version is not here, or several packages have it. */
export function unusable(
  key: string,
  type: PluginType,
  name: string,
  raw: Readonly<Record<string, string | null>>,
  registry: Registry,
): readonly ConfigIssue[] {
  const at = versionKeyOf(key)
  const range = raw[at] ?? null
  const version = registry.versionFault(type, name, range)
  if (version !== undefined) return [{ key: at, value: range, message: `Invalid value ${range} for configuration ${at}: ${version}` }]
  const ambiguous = registry.nameFault(type, name, { range })
  return ambiguous === undefined ? [] : [{ key, value: name, message: `Invalid value ${name} for configuration ${key}: ${ambiguous}` }]
}

function issue(key: string, value: string | null, message: string): { readonly issues: readonly ConfigIssue[] } {
  return { issues: [{ key, value, message }] }
}
