import type { ConfigDef } from '../contract/config-def.ts'
import { ConfigError, type ConfigIssue } from '../contract/errors.ts'
import type { TransformDef } from '../contract/transform.ts'
import type { Pins } from '../store/store.ts'
import { clientConfig, type WorkerClients } from './client-config.ts'
import { endsOf, unusable, type Ends, type RawConfig } from './ends.ts'
import { runtimeSettings, type RuntimeSettings } from './framework-config.ts'
import { letterTopicOf } from './letters/letter-topic.ts'
import type { LevelName, PartSpec, StepSpec, TaskSpec } from './protocol.ts'
import type { PluginType, Registered, Registry } from './registry.ts'
import { passwordsOf } from './secrets.ts'
import { noPins, wishOf } from './version-keys.ts'

/** A connector's config, read: which parts its tasks are made of, and the runtime's settings. */
export interface Plan {
  readonly type: 'source' | 'sink'
  readonly version: string
  readonly settings: RuntimeSettings
  readonly source: PartSpec
  readonly sink: PartSpec
  readonly ends: Ends
  readonly deadLetters: TaskSpec['tolerance']['deadLetters']
  /** Values that no text that leaves a host may hold. */
  readonly secrets: readonly string[]
  /** What a host needs for one task. `overlay` is laid over the source's config. */
  task(
    number: number,
    overlay: RawConfig,
    run: { readonly generation: number; readonly paused: boolean; readonly level: LevelName },
  ): TaskSpec
}

export interface PlanParts {
  readonly registry: Registry
  /** The worker's defaults for connector keys (`key.converter`, `task.*`, `flush.*` ...). */
  readonly defaults: RawConfig
  /** The worker's Kafka client settings, under their own names. */
  readonly clients: WorkerClients
  /** Directory of the dead letters of connectors that name none. */
  readonly deadLetters: string
}

/**
 * Reads a config whose references are already resolved; `secrets` are what providers gave, `pins` the versions to stay with. Throws a ConfigError
 * with the faults.
 */
export function planConnector(
  raw: RawConfig,
  secrets: readonly string[],
  { registry, defaults, clients, deadLetters }: PlanParts,
  pins: Pins = noPins,
): Plan {
  const settings = runtimeSettings(raw, defaults)
  const ends = endsOf(raw, registry, clients, pins)
  if ('issues' in ends) throw new ConfigError(ends.issues)
  const source = partOf(ends.source, ends.sourceConfig)
  const sink = partOf(ends.sink, ends.sinkConfig)
  const used: [ConfigDef, RawConfig][] = [
    [ends.source.part.config, ends.sourceConfig],
    [ends.sink.part.config, ends.sinkConfig],
  ]
  const { steps, converters } = planChain(raw, settings, { registry, defaults, clients }, used, pins)
  const letterTopic = letterTopicOf(raw, ends, registry, clients)
  if (letterTopic && 'issue' in letterTopic) throw new ConfigError([letterTopic.issue])
  if (letterTopic) {
    used.push([registry.sink('kafka')!.part.config, letterTopic.sink.config])
    if (letterTopic.source) used.push([registry.source('kafka')!.part.config, letterTopic.source.config])
  }
  const letters = {
    folder: settings['errors.deadletterqueue.path'] ?? deadLetters,
    fileBytesMax: settings['errors.deadletterqueue.file.max.bytes'],
    topic: letterTopic,
  }
  const hidden = [...secrets, ...used.flatMap(([def, config]) => passwordsOf(def, config))]
  return {
    type: ends.type,
    version: ends.type === 'source' ? ends.source.version : ends.sink.version,
    settings,
    source,
    sink,
    ends,
    deadLetters: letters,
    secrets: hidden,
    task: (number, overlay, run) => ({
      connector: raw['name'] ?? '',
      task: number,
      generation: run.generation,
      source: { ...source, config: { ...source.config, ...overlay } },
      sink,
      steps,
      converters,
      limits: { ...flushLimits(raw, ends, settings), aheadBytes: settings['task.ahead.max.bytes'] },
      retry: retryOf(settings),
      tolerance: {
        all: settings['errors.tolerance'].toLowerCase() === 'all',
        log: settings['errors.log.enable'],
        logRecords: settings['errors.log.include.messages'],
        deadLetters: letters,
        redriveMax: settings['errors.redrive.max'],
      },
      secrets: hidden,
      level: run.level,
      paused: run.paused,
    }),
  }
}

/** The transforms and converters that a config names. Adds their definitions and configs to `used`. Throws a ConfigError for what does not exist. */
export function planChain(
  raw: RawConfig,
  { transforms, predicates: named }: { readonly transforms: readonly string[]; readonly predicates: readonly string[] },
  { registry, defaults, clients }: Pick<PlanParts, 'registry' | 'defaults' | 'clients'>,
  used: [ConfigDef, RawConfig][],
  pins: Pins = noPins,
): Pick<TaskSpec, 'steps' | 'converters'> {
  const parts = { registry, clients, used, pins }
  const predicates = new Map(named.map((alias) => [alias, predicateOf(alias, raw, parts)]))
  const steps = transforms.map((alias) => stepOf(alias, raw, { ...parts, predicates }))
  const converter = (use: string, fallback: string) => converterOf(use, fallback, raw, defaults, parts)
  return { steps, converters: { key: converter('key', 'Json'), value: converter('value', 'Json'), header: converter('header', 'Simple') } }
}

/** In a Kafka transaction a flush is its end, so `transaction.boundary` decides: each batch polled, or the time. A source's own transaction is never split. */
function flushLimits(raw: RawConfig, { sink, sinkConfig }: Ends, settings: RuntimeSettings): Omit<TaskSpec['limits'], 'aheadBytes'> {
  const limits = { rows: settings['flush.rows'], bytes: settings['flush.bytes'], intervalMs: settings['flush.interval.ms'] }
  if (sink.part.client !== 'producer' || sinkConfig['exactly.once.support'] !== 'required') return limits
  if (raw['transaction.boundary']?.toLowerCase() !== 'interval') return { ...limits, rows: 1 }
  const interval = raw['transaction.boundary.interval.ms']
  return interval === undefined ? limits : { ...limits, intervalMs: Number(interval) }
}

function retryOf(settings: RuntimeSettings): TaskSpec['retry'] {
  const timeoutMs = settings['errors.retry.timeout'] === 0 ? settings['task.retry.timeout.ms'] : settings['errors.retry.timeout']
  return { timeoutMs: timeoutMs < 0 ? null : timeoutMs, delayMaxMs: settings['errors.retry.delay.max.ms'] }
}

function partOf(entry: Registered<unknown>, config: RawConfig): PartSpec {
  return { module: entry.module, class: entry.class, config }
}

interface StageParts {
  readonly registry: Registry
  readonly clients: WorkerClients
  readonly used: [ConfigDef, RawConfig][]
  readonly pins: Pins
}

function stepOf(
  alias: string,
  raw: RawConfig,
  { predicates, ...parts }: StageParts & { readonly predicates: ReadonlyMap<string, PartSpec> },
): StepSpec {
  const { registry, clients, used } = parts
  const prefix = `transforms.${alias}.`
  const entry = find('transformation', `${prefix}type`, raw, parts) as Registered<TransformDef>
  const { type: _, 'plugin.version': __, predicate: test, negate, ...config } = keysUnder(prefix, raw)
  used.push([entry.part.config, config])
  const part = test === undefined ? undefined : predicates.get(test)
  if (test !== undefined && !part) {
    fail(`${prefix}predicate`, test, `Transform "${alias}" names the predicate "${test}", which the key "predicates" does not list.`)
  }
  const predicate = part ? { alias: test!, part } : null
  const sources = (entry.part.sources ?? []).flatMap((name) => {
    const source = registry.source(name)
    if (!source) return []
    const client = source.part.client === undefined ? {} : clientConfig(source.part.client, raw, clients)
    used.push([source.part.config, client])
    return [[name, partOf(source, client)] as const]
  })
  const step = { alias, transform: partOf(entry, config), predicate, negate: negate?.toLowerCase() === 'true' }
  return { ...step, sources: Object.fromEntries(sources) }
}

function predicateOf(alias: string, raw: RawConfig, parts: StageParts): PartSpec {
  const prefix = `predicates.${alias}.`
  const entry = find('predicate', `${prefix}type`, raw, parts)
  const { type: _, 'plugin.version': __, ...config } = keysUnder(prefix, raw)
  parts.used.push([entry.part.config, config])
  return partOf(entry, config)
}

/** As in Connect: a connector that names a converter takes none of the worker's options for it. */
function converterOf(use: string, fallback: string, raw: RawConfig, defaults: RawConfig, parts: StageParts): PartSpec | null {
  const key = `${use}.converter`
  const from = raw[key] === undefined ? defaults : raw
  const entry = from[key] === undefined ? parts.registry.converter(fallback) : find('converter', key, from, parts)
  if (!entry) return null
  const { 'plugin.version': _, ...config } = keysUnder(`${key}.`, defaults === from ? { ...defaults, ...raw } : raw)
  parts.used.push([entry.part.config, config])
  return partOf(entry, config)
}

function find(type: PluginType, key: string, raw: RawConfig, { registry, pins }: StageParts): Registered<unknown> {
  const name = raw[key]
  if (name === undefined) return fail(key, null, `Missing required configuration "${key}" which has no default value.`)
  const found = registry.find(type, name.trim(), wishOf(key, raw, pins))
  if (found) return found
  const [fault] = unusable(key, type, name.trim(), raw, registry)
  if (fault) throw new ConfigError([fault])
  return fail(key, name, `Invalid value ${name} for configuration ${key}: Class ${name} could not be found.`)
}

function fail(key: string, value: string | null, message: string): never {
  const issue: ConfigIssue = { key, value, message }
  throw new ConfigError([issue])
}

function keysUnder(prefix: string, raw: RawConfig): Record<string, string> {
  return Object.fromEntries(
    Object.entries(raw).flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [])),
  )
}
