import { parseConfig, parseKeys, type ConfigDef } from '../../contract/config-def.ts'
import { BadRequestError, ConfigError, type ConfigIssue } from '../../contract/errors.ts'
import type { Pins } from '../../store/store.ts'
import { overrideFaults } from '../client-config.ts'
import type { ResolvedConfig } from '../config-providers.ts'
import { endsOf, type Ends, type RawConfig } from '../ends.ts'
import { runtimeSettings } from '../framework-config.ts'
import { planChain, type PlanParts } from '../plan.ts'
import type { PartSpec } from '../protocol.ts'
import { mayHave, type Registered, type Registry } from '../registry.ts'
import { Scrubber } from '../scrubber.ts'
import { passwordsOf } from '../secrets.ts'
import { stageFaults, stageSections } from '../stages.ts'
import { unread } from '../validation.ts'
import { noPins } from '../version-keys.ts'
import { previewLimits, type PreviewOrder, type PreviewSpec } from './preview-spec.ts'

export interface PreviewPlan {
  readonly spec: PreviewSpec
  readonly secrets: readonly string[]
}

/** Share of the time that reading live records may take; the rest is the chain's. */
const readingShare = 0.6

/**
 * Reads what was ordered, without asking any plugin: `given` is the config as people wrote it, `resolved` the same with providers' values.
 * Without `connector.class` only transforms and converters are looked at. Throws a ConfigError with all faults, a BadRequestError for an order
 * that cannot be.
 */
export function planPreview(
  order: PreviewOrder,
  given: RawConfig,
  { config: raw, secrets }: ResolvedConfig,
  parts: PlanParts,
  pins: Pins = noPins,
): PreviewPlan {
  const settings = runtimeSettings({ name: 'preview', 'connector.class': 'none', ...raw }, parts.defaults)
  const used: [ConfigDef, RawConfig][] = []
  const notes = checkStages(raw, given, secrets, parts)
  const { steps, converters } = planChain(raw, settings, parts, used, pins)
  const ends = raw['connector.class'] === undefined ? undefined : knownEnds(raw, parts, pins)
  if (ends) used.push([ends.source.part.config, ends.sourceConfig], [ends.sink.part.config, ends.sinkConfig])
  const sink = ends && mayHave(ends.sink, 'plan') ? part(ends.sink, ends.sinkConfig) : null
  if (sink) checkKeys(ends!.sink.part.config, ends!.sinkConfig)
  const kept = (['key', 'value', 'header'] as const).filter((use) => registers(converters[use], parts.registry))
  const quiet = (use: 'key' | 'value' | 'header') => {
    const spec = converters[use]
    return spec && kept.includes(use) ? { ...spec, config: { ...spec.config, 'auto.register.schemas': 'false' } } : spec
  }
  const spec: PreviewSpec = {
    connector: raw['name'] ?? 'preview',
    steps,
    converters: { key: quiet('key'), value: quiet('value'), header: quiet('header') },
    samples: order.samples,
    notes,
    live: order.live === null ? null : liveOf(order, order.live, ends),
    topic: raw['topics']?.split(',')[0]?.trim() || raw['topic'] || 'sample',
    bytes: sink === null,
    unregistered: kept,
    sink,
  }
  return { spec, secrets: [...secrets, ...used.flatMap(([def, config]) => passwordsOf(def, config))] }
}

/** Throws a ConfigError with the faults of the chain; tells of its keys that nothing reads. */
function checkStages(raw: RawConfig, given: RawConfig, secrets: readonly string[], { registry, clients }: PlanParts): readonly string[] {
  const sections = stageSections(raw, registry)
  const faults = sections.flatMap((section) =>
    parseKeys(section.def, section.given).flatMap(({ name, text, errors }) =>
      errors.map((message) => ({ key: name, value: text, message })),
    ),
  )
  const issues: readonly ConfigIssue[] = [...faults, ...stageFaults(raw, registry), ...overrideFaults(raw, clients)]
  if (issues.length === 0) {
    const staged = Object.entries(raw).filter(([key]) => /^(?:transforms|predicates)\./.test(key))
    return unread(Object.fromEntries(staged), sections).map(({ message }) => message)
  }
  const passwords = new Set(sections.flatMap(({ def }) => Object.keys(def).filter((name) => def[name]!.type === 'password')))
  const scrubber = new Scrubber(given, passwords, [...secrets, ...[...passwords].flatMap((name) => raw[name] ?? [])])
  throw new ConfigError(issues.map((issue) => scrubber.issue(issue)))
}

function checkKeys(def: ConfigDef, config: RawConfig): void {
  const { issues } = parseConfig(def, config)
  if (issues.length > 0) throw new ConfigError(issues)
}

function knownEnds(raw: RawConfig, { registry, clients }: PlanParts, pins: Pins): Ends {
  const ends = endsOf(raw, registry, clients, pins)
  if ('issues' in ends) throw new ConfigError(ends.issues)
  return ends
}

function registers(spec: PartSpec | null, registry: Registry): boolean {
  const def = spec && registry.converter(spec.class)?.part.config['auto.register.schemas']
  return def !== null && def !== undefined && (spec!.config['auto.register.schemas'] ?? 'true').toLowerCase() !== 'false'
}

function liveOf({ timeoutMs }: PreviewOrder, records: number, ends: Ends | undefined): PreviewSpec['live'] {
  if (!ends) throw new BadRequestError('Live records need a source: name a connector, or a config with "connector.class"')
  const { source, sourceConfig } = ends
  const { sampling } = source.part
  if (sampling === undefined) {
    throw new BadRequestError(
      `${source.class} does not say that it can be read without a trace, so no live records are taken from it. Give sample records with the request.`,
    )
  }
  if ('refused' in sampling) throw new BadRequestError(`${source.class} gives no live records. ${sampling.refused}`)
  checkKeys(source.part.config, { ...sourceConfig, ...sampling.overlay })
  return {
    source: part(source, { ...sourceConfig, ...sampling.overlay }),
    records: Math.min(records, previewLimits.records),
    timeoutMs: Math.floor(timeoutMs * readingShare),
  }
}

function part(entry: Registered<unknown>, config: RawConfig): PartSpec {
  return { module: entry.module, class: entry.class, config }
}
