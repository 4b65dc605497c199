import { defineConfig, parseConfig, type ConfigDef, type ConfigOf } from '../contract/config-def.ts'
import { ConfigError } from '../contract/errors.ts'
import type { RawConfig } from './ends.ts'
import { letterConfig, letterTopicConfig } from './letters/letter-config.ts'

/** Keys of every connector, with Connect's names, defaults and order (Apache Kafka 4.3 `ConnectorConfig`). */
export const connectorConfig = defineConfig({
  name: {
    type: 'string',
    required: true,
    importance: 'high',
    group: 'Common',
    width: 'medium',
    displayName: 'Connector name',
    doc: 'Globally unique name to use for this connector.',
    check: nameFault,
  },
  'connector.class': {
    type: 'string',
    required: true,
    importance: 'high',
    group: 'Common',
    width: 'long',
    displayName: 'Connector class',
    doc: 'Name or alias of the class for this connector. It names a source or a sink; the other end is Kafka unless sink.class or source.class names another.',
  },
  'connector.plugin.version': {
    type: 'string',
    default: null,
    importance: 'medium',
    group: 'Common',
    width: 'short',
    displayName: 'Connector version',
    doc: 'Version of the connector.',
  },
  'tasks.max': {
    type: 'int',
    default: 1,
    min: 1,
    importance: 'high',
    group: 'Common',
    width: 'short',
    displayName: 'Tasks max',
    doc: 'Maximum number of tasks to use for this connector.',
  },
  'tasks.max.enforce': {
    type: 'boolean',
    default: true,
    importance: 'low',
    group: 'Common',
    width: 'short',
    displayName: 'Enforce tasks max',
    doc: '(Deprecated) Whether to enforce that the tasks.max property is respected by the connector: a connector that asks for more tasks fails.',
  },
  'key.converter': converterKey('Key', 'the keys of records', 'low'),
  'key.converter.plugin.version': versionKey('Key converter version', 'key converter'),
  'value.converter': converterKey('Value', 'the values of records', 'low'),
  'value.converter.plugin.version': versionKey('Value converter version', 'value converter'),
  'header.converter': converterKey('Header', 'the header values of records', 'low'),
  'header.converter.plugin.version': versionKey('Header converter version', 'header converter'),
  transforms: {
    type: 'list',
    default: [],
    importance: 'low',
    group: 'Transforms',
    width: 'long',
    displayName: 'Transforms',
    doc: 'Aliases for the transformations to be applied to records.',
    check: aliasFault,
  },
  predicates: {
    type: 'list',
    default: [],
    importance: 'low',
    group: 'Predicates',
    width: 'long',
    displayName: 'Predicates',
    doc: 'Aliases for the predicates used by transformations.',
    check: aliasFault,
  },
  'config.action.reload': {
    type: 'string',
    default: 'restart',
    oneOf: ['none', 'restart'],
    importance: 'low',
    group: 'Common',
    width: 'medium',
    displayName: 'Reload Action',
    doc: 'What to do when changes in external configuration providers change the configuration properties of the connector.',
  },
  'errors.retry.timeout': {
    type: 'long',
    default: 0,
    importance: 'medium',
    group: 'Error Handling',
    width: 'medium',
    displayName: 'Retry Timeout for Errors',
    doc: 'Milliseconds during which a failed operation is tried again; 0: task.retry.timeout.ms decides; -1: for ever.',
    min: -1,
  },
  'errors.retry.delay.max.ms': {
    type: 'long',
    default: 60_000,
    min: 0,
    importance: 'medium',
    group: 'Error Handling',
    width: 'medium',
    displayName: 'Maximum Delay Between Retries for Errors',
    doc: 'The maximum duration in milliseconds between consecutive retry attempts; jitter is added to the delay once this limit is reached.',
  },
  'errors.tolerance': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'all'],
    importance: 'medium',
    group: 'Error Handling',
    width: 'short',
    displayName: 'Error Tolerance',
    doc: 'none: a record that cannot pass fails the task. all: it goes to the dead letter queue and work goes on.',
  },
  'errors.log.enable': {
    type: 'boolean',
    default: false,
    importance: 'medium',
    group: 'Error Handling',
    width: 'short',
    displayName: 'Log Errors',
    doc: 'If true, each rejected record is logged with its error.',
  },
  'errors.log.include.messages': {
    type: 'boolean',
    default: false,
    importance: 'medium',
    group: 'Error Handling',
    width: 'short',
    displayName: 'Log Error Details',
    doc: 'Whether to include in the log the record that resulted in a failure: its topic, key, value and headers.',
  },
})

/** Connect's keys that only source connectors have. */
export const sourceConnectorConfig = defineConfig({
  'topic.creation.groups': {
    type: 'list',
    default: [],
    importance: 'low',
    group: 'Topic Creation',
    width: 'long',
    displayName: 'Topic Creation Groups',
    doc: 'Groups of configurations for topics created by source connectors.',
  },
  'exactly.once.support': {
    type: 'string',
    default: 'requested',
    oneOf: ['requested', 'required'],
    importance: 'medium',
    group: 'Exactly Once Support',
    width: 'short',
    displayName: 'Exactly once support',
    doc: 'Whether exactly-once delivery is requested or required of this connector.',
  },
  'transaction.boundary': {
    type: 'string',
    default: 'poll',
    oneOf: ['poll', 'interval', 'connector'],
    importance: 'medium',
    group: 'Exactly Once Support',
    width: 'short',
    displayName: 'Transaction Boundary',
    doc: 'What begins and ends a Kafka transaction of this connector.',
  },
  'transaction.boundary.interval.ms': {
    type: 'long',
    default: null,
    min: 0,
    importance: 'low',
    group: 'Exactly Once Support',
    width: 'short',
    displayName: 'Transaction boundary interval',
    doc: 'Milliseconds between transactions if transaction.boundary is interval.',
  },
  'offsets.storage.topic': {
    type: 'string',
    default: null,
    importance: 'low',
    group: 'offsets.topic',
    width: 'long',
    displayName: 'Offsets topic',
    doc: 'The name of a separate offsets topic to use for this connector.',
  },
})

/** Connect's keys that only sink connectors have. */
export const sinkConnectorConfig = defineConfig({
  topics: {
    type: 'list',
    default: [],
    importance: 'high',
    group: 'Common',
    width: 'long',
    displayName: 'Topics',
    doc: 'List of topics to consume, separated by commas.',
  },
  'topics.regex': {
    type: 'string',
    default: '',
    importance: 'high',
    group: 'Common',
    width: 'long',
    displayName: 'Topics regex',
    doc: 'Regular expression giving topics to consume. Only one of topics and topics.regex may be given.',
  },
  ...letterTopicConfig,
})

/** Keys of the runtime itself, with Millrace's names; a worker's settings may give other defaults for them. */
export const runtimeConfig = defineConfig({
  'flush.rows': flushKey('long', 500_000, 'Flush after this many records'),
  'flush.bytes': flushKey('long', 128 * 1024 * 1024, "Flush after this many bytes, by the source's estimate"),
  'flush.interval.ms': flushKey('long', 5_000, 'Flush at the latest this many milliseconds after the first record that is not flushed'),
  'task.ahead.max.bytes': {
    ...supervision('long', 16 * 1024 * 1024, 0),
    displayName: 'Poll-ahead bytes',
    doc: 'The next batch is read while one is written, unless that one is larger than this many bytes; 0: never.',
  },
  'task.hosting': {
    type: 'string',
    default: null,
    oneOf: ['process', 'shared', 'inline'],
    importance: 'low',
    group: 'Supervision',
    width: 'short',
    displayName: 'Hosting',
    doc: "Where tasks run: a process of their own (process), one with other connectors' tasks (shared), or the worker's own process (inline: no isolation; for tests and embedding). Default: as the worker is set.",
  },
  'task.heap.max.mb': {
    ...supervision('int', 512, 32),
    displayName: 'Heap limit',
    doc: "Largest JavaScript heap of a task's process, in mebibytes. In shared hosting the worker's own setting decides.",
  },
  'task.memory.max.bytes': {
    ...supervision('long', 1024 * 1024 * 1024, 0),
    displayName: 'Memory limit',
    doc: 'A task whose process holds more resident memory than this many bytes fails; 0: no limit.',
  },
  'task.heartbeat.timeout.ms': {
    ...supervision('long', 10_000, 1_000),
    displayName: 'Heartbeat timeout',
    doc: 'A task whose process gives no sign of life for this long (it spins) fails.',
  },
  'task.stall.timeout.ms': {
    ...supervision('long', 60_000, 1_000),
    displayName: 'Stall timeout',
    doc: 'A task that stays in one step of its loop for this long without reporting progress (it hangs) fails. Waiting for input is no hang.',
  },
  'task.shutdown.graceful.timeout.ms': {
    ...supervision('long', 5_000, 0),
    displayName: 'Graceful stop timeout',
    doc: 'How long a stopping task may drain before its process is killed, in milliseconds.',
  },
  'task.retry.timeout.ms': {
    ...supervision('long', 60_000, -1),
    displayName: 'Retry timeout',
    doc: 'How long reading, writing, flushing and acknowledging are tried again in place after a retriable error, before the task fails; -1: for ever. errors.retry.timeout replaces it where it is not 0.',
  },
  'task.restart.max.attempts': {
    ...supervision('int', 10, 0),
    displayName: 'Restart attempts',
    doc: 'How often a failed task is started again by itself; 0: never. Wrong settings, wrong records and gaps upstream never restart by themselves.',
  },
  'task.restart.backoff.ms': {
    ...supervision('long', 1_000, 0),
    displayName: 'Restart back-off',
    doc: 'Milliseconds before the first restart; doubled for every further one, with jitter.',
  },
  'task.restart.backoff.max.ms': {
    ...supervision('long', 60_000, 0),
    displayName: 'Longest restart back-off',
    doc: 'Most milliseconds between a failure and the restart.',
  },
  'task.restart.reset.ms': {
    ...supervision('long', 300_000, 0),
    displayName: 'Restart reset',
    doc: 'After running this long without a failure, restarts are counted from zero again.',
  },
  ...letterConfig,
})

/** All framework keys of a connector type in the order in which Connect lists them: common, type, then the runtime's own. */
export function frameworkConfig(type: 'source' | 'sink'): ConfigDef {
  const own = type === 'source' ? sourceConnectorConfig : sinkConnectorConfig
  return { ...connectorConfig, ...own, ...runtimeConfig, ...letterTopicConfig }
}

/** The runtime's settings of one connector. */
export type RuntimeSettings = ConfigOf<typeof runtimeConfig> & ConfigOf<typeof connectorConfig>

/**
 * Settings as the config gives them, then the worker's defaults, then ours. The flush keys may carry the prefix `sink.` of a direct
 * pipeline. Throws a ConfigError with all faults.
 */
export function runtimeSettings(raw: RawConfig, defaults: RawConfig = {}): RuntimeSettings {
  const given: Record<string, string> = {}
  for (const key of Object.keys(runtimeConfig)) {
    const value = raw[key] ?? (key.startsWith('flush.') ? raw[`sink.${key}`] : undefined) ?? defaults[key]
    if (value !== undefined) given[key] = value
  }
  const { config, issues } = parseConfig({ ...connectorConfig, ...runtimeConfig }, { ...raw, ...given })
  if (issues.length > 0) throw new ConfigError(issues)
  return config
}

function nameFault(name: string): string | undefined {
  if (name === '') return 'String may not be empty'
  const control = [...name].filter((char) => char.codePointAt(0)! < 32 || char.codePointAt(0) === 127)
  if (control.length === 0) return undefined
  return `String may not contain control sequences but had the following ASCII chars: ${control.map((char) => char.codePointAt(0)).join(', ')}`
}

function aliasFault(aliases: readonly string[]): string | undefined {
  if (aliases.some((alias) => alias === '')) return 'Alias may not be empty.'
  return new Set(aliases).size < aliases.length ? 'Duplicate alias provided.' : undefined
}

function converterKey(use: string, what: string, importance: 'low') {
  return {
    type: 'class',
    default: null,
    importance,
    group: 'Common',
    width: 'short',
    displayName: `${use} converter class`,
    doc: `Converter for ${what}, for ends that speak bytes (Kafka, files). Default: the worker's.`,
  } as const
}

function versionKey(displayName: string, what: string) {
  return {
    type: 'string',
    default: null,
    importance: 'low',
    group: 'Common',
    width: 'short',
    displayName,
    doc: `Version of the ${what}.`,
  } as const
}

function flushKey<const T extends 'long', const V extends number>(type: T, value: V, doc: string) {
  return {
    type,
    default: value,
    min: 1,
    importance: 'medium',
    group: 'Flush',
    width: 'short',
    displayName: doc.split(',')[0]!,
    doc: `${doc}; whichever of the three comes first.`,
  } as const
}

function supervision<const T extends 'long' | 'int', const V extends number>(type: T, value: V, min: number) {
  return { type, default: value, min, importance: 'low', group: 'Supervision', width: 'short' } as const
}
