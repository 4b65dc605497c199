import { defineConfig, type ConfigDef } from '../contract/config-def.ts'
import { BadRequestError, type ConfigIssue } from '../contract/errors.ts'
import type { WorkerClients } from './client-config.ts'
import { shared, typeOf, type Ends, type RawConfig } from './ends.ts'
import { frameworkConfig } from './framework-config.ts'
import { stageSections } from './stages.ts'
import type { PluginType, Registered, Registry } from './registry.ts'
import { versionKeyOf, wishOf } from './version-keys.ts'

type Given = Readonly<Record<string, string | null>>

/** Keys that belong together, under the names that the connector's config gives them. */
export interface Section {
  readonly def: ConfigDef
  /** The values, under the same names. */
  readonly given: Given
  /** False: checked, but not shown among the keys. */
  readonly listed: boolean
  /** Replaces the keys' own groups (`Transforms: a`). */
  readonly group?: string
  /** Values to choose from, for keys whose definition does not list them. */
  readonly recommended?: Readonly<Record<string, readonly string[]>>
  /** Further names under which these keys are read. */
  readonly alsoRead?: readonly string[]
}

/** Most tasks and longest name that a connector may ask for: bounds where Connect has none. */
const tasksMax = 1_000
const nameCharsMax = 1_000

const endKeys = defineConfig({
  'sink.class': {
    type: 'class',
    importance: 'high',
    group: 'Pipeline',
    width: 'long',
    displayName: 'Sink class',
    doc: 'Names the sink that this source writes to; its keys carry the prefix "sink.". Absent: Kafka.',
  },
  'source.class': {
    type: 'class',
    importance: 'high',
    group: 'Pipeline',
    width: 'long',
    displayName: 'Source class',
    doc: 'Names the source that this sink reads from; its keys carry the prefix "source.". Absent: Kafka.',
  },
})

const endVersionKey = {
  type: 'string',
  default: null,
  importance: 'medium',
  group: 'Pipeline',
  width: 'short',
  doc: 'Version of the plugin of this end, or a Maven range such as [1.0,2.0). Default: the newest that is installed.',
} as const

/** Whether the config's `connector.class` is a source or a sink. Throws a BadRequestError, in Connect's words, where it is neither. */
export function namedType(given: Given, registry: Registry): 'source' | 'sink' {
  const name = given['connector.class']
  if (!name) throw new BadRequestError(`Connector config ${shown(given)} contains no connector type`)
  const type = typeOf(given, registry)
  if (type) return type
  const list = registry.classes('source', 'sink').join(', ')
  throw new BadRequestError(
    `Failed to find any class that implements Connector and which name matches ${name}, available connectors are: ${list}`,
  )
}

/** All keys that this config may have, in Connect's order: framework, transforms, predicates, converters, then the ends' own. */
export function sectionsOf(given: Given, type: 'source' | 'sink', ends: Ends | undefined, registry: Registry): readonly Section[] {
  const name = given['connector.class']!
  const connector = registry.nearest(type, name, wishOf('connector.class', given))!
  const [other, otherConfig, config] =
    type === 'source' ? [ends?.sink, ends?.sinkConfig, ends?.sourceConfig] : [ends?.source, ends?.sourceConfig, ends?.sinkConfig]
  const framework = frameworkSection(given, type, registry)
  const ownDef = Object.fromEntries(Object.entries(connector.part.config).filter(([key]) => !Object.hasOwn(framework.def, key)))
  const sections = [framework, ...stageSections(given, registry), { def: ownDef, given: { ...config, ...given }, listed: true }]
  return other ? [...sections, otherEnd(given, other, otherConfig!, type)] : sections
}

function frameworkSection(given: Given, type: 'source' | 'sink', registry: Registry): Section {
  const def = frameworkConfig(type)
  const endKey = type === 'source' ? 'sink.class' : 'source.class'
  const name = def['name']!
  const check = (value: string) =>
    [...value].length > nameCharsMax
      ? `String may have at most ${nameCharsMax} characters`
      : (name.check as ((value: string) => string | undefined) | undefined)?.(value)
  const flushKeys = Object.keys(def).filter((key) => key.startsWith('flush.'))
  // Flush keys may carry the prefix of a direct pipeline's sink; the plain one wins, as in the runtime.
  const prefixed = flushKeys.flatMap((key) => (given[key] === undefined && given[`sink.${key}`] !== undefined ? [key] : []))
  const otherType = type === 'source' ? 'sink' : 'source'
  return {
    def: {
      ...def,
      name: { ...name, check: check as never },
      'tasks.max': { ...def['tasks.max']!, max: tasksMax },
      ...versionChecks(def, given, type, registry),
      [endKey]: endKeys[endKey],
      ...endVersion(given, otherType, registry),
    },
    given: { ...given, ...Object.fromEntries(prefixed.map((key) => [key, given[`sink.${key}`]!])) },
    listed: true,
    recommended: {
      [endKey]: registry.classes(otherType),
    },
    alsoRead: flushKeys.map((key) => `sink.${key}`),
  }
}

/** The `*.plugin.version` keys, each checked against what this worker has. */
function versionChecks(def: ConfigDef, given: Given, type: 'source' | 'sink', registry: Registry): ConfigDef {
  const check = (key: string, of: PluginType) => {
    const at = versionKeyOf(key)
    return [at, { ...def[at]!, check: (range: string) => registry.versionFault(of, given[key]?.trim() ?? '', range) }] as const
  }
  const converters = ['key.converter', 'value.converter', 'header.converter'].map((key) => check(key, 'converter'))
  return Object.fromEntries([check('connector.class', type), ...converters]) as ConfigDef
}

/** The version of the other end, shown where one is named. */
function endVersion(given: Given, type: 'source' | 'sink', registry: Registry): ConfigDef {
  const name = given[`${type}.class`]
  if (name === undefined) return {}
  const check = (range: string) => registry.versionFault(type, name?.trim() ?? '', range)
  return { [`${type}.plugin.version`]: { ...endVersionKey, displayName: `${type === 'sink' ? 'Sink' : 'Source'} version`, check } }
}

/** The keys of the end that `connector.class` does not name, under its prefix. Kafka as the silent other end has none in Connect. */
function otherEnd(given: Given, end: Registered<unknown>, config: RawConfig, type: 'source' | 'sink'): Section {
  const prefix = type === 'source' ? 'sink.' : 'source.'
  const explicit = given[`${prefix}class`] !== undefined
  const def = Object.entries(end.part.config).map(([key, definition]) => [`${prefix}${key}`, definition] as const)
  const seen = Object.entries(config).flatMap(([key, value]) =>
    Object.hasOwn(end.part.config, key) ? [[`${prefix}${key}`, value] as const] : [],
  )
  const alsoRead = [...shared].filter((key) => Object.hasOwn(end.part.config, key))
  return { def: Object.fromEntries(def), given: { ...Object.fromEntries(seen), ...given }, listed: explicit, alsoRead }
}

/** Keys that Connect gives a meaning only where Kafka is the other end. */
const kafkaKeys = new Set([
  'topic.creation.groups',
  'exactly.once.support',
  'transaction.boundary',
  'transaction.boundary.interval.ms',
  'offsets.storage.topic',
])
const kafkaPrefixes = ['producer.override.', 'consumer.override.', 'admin.override.', 'topic.creation.']

/** Keys that are known and yet do nothing in this config, each with a sentence that says why. */
export function idleKeys(given: Given, ends: Ends | undefined, registry: Registry): readonly ConfigIssue[] {
  const direct =
    ends !== undefined && (ends.type === 'source' ? ends.sink !== registry.sink('kafka') : ends.source !== registry.source('kafka'))
  return Object.keys(given).flatMap((key): readonly ConfigIssue[] => {
    const kafka = kafkaKeys.has(key) || kafkaPrefixes.some((prefix) => key.startsWith(prefix))
    return direct && kafka
      ? [{ key, message: `The config key "${key}" has no effect: it is for Kafka, which is no end of this connector` }]
      : []
  })
}

/** Faults that lie between keys, in Connect's words. */
export function acrossKeys(raw: RawConfig, type: 'source' | 'sink', clients: WorkerClients): readonly ConfigIssue[] {
  if (type === 'source') return raw['sink.class'] === undefined ? exactlyOnce(raw, clients) : []
  return raw['source.class'] === undefined ? topicFaults(raw) : []
}

function topicFaults(raw: RawConfig): readonly ConfigIssue[] {
  const topics = (raw['topics'] ?? '').split(',').flatMap((topic) => (topic.trim() === '' ? [] : [topic.trim()]))
  const regex = (raw['topics.regex'] ?? '').trim()
  const both = (message: string) => ['topics', 'topics.regex'].map((key) => ({ key, value: raw[key] ?? null, message }))
  if (topics.length === 0 && regex === '') return both('Must configure one of topics or topics.regex')
  if (topics.length > 0 && regex !== '') return both('topics and topics.regex are mutually exclusive options, but both are set.')
  const dead = raw['errors.deadletterqueue.topic.name']?.trim() ?? ''
  if (dead === '' || !topics.includes(dead)) return []
  const message = `The DLQ topic '${dead}' may not be included in the list of topics ('topics=[${topics.join(', ')}]') consumed by the connector`
  return [{ key: 'topics', value: raw['topics'], message }]
}

/** Connect's workers refuse unless told otherwise; one of ours that has a Kafka refuses only where it was told to. */
function exactlyOnce(raw: RawConfig, clients: WorkerClients): readonly ConfigIssue[] {
  if (raw['exactly.once.support']?.trim().toLowerCase() !== 'required') return []
  const silent = clients['bootstrap.servers'] === undefined ? 'disabled' : 'enabled'
  if ((clients['exactly.once.source.support']?.trim().toLowerCase() ?? silent) === 'enabled') return []
  const message = 'This worker does not have exactly-once source support enabled.'
  return [{ key: 'exactly.once.support', value: raw['exactly.once.support'], message }]
}

/** A config as Java prints a map; what looks like a secret is hidden, as no definition says what is one. */
function shown(given: Given): string {
  const entries = Object.entries(given).map(([key, value]) => `${key}=${/pass|secret|token|key$/i.test(key) ? '[hidden]' : value}`)
  return `{${entries.join(', ')}}`
}
