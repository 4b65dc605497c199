import { parseKeys, type ConfigDef, type ParsedKey } from '../contract/config-def.ts'
import { ConfigError, type ConfigIssue } from '../contract/errors.ts'
import { checkParts } from './check-parts.ts'
import { overrideFaults, type WorkerClients } from './client-config.ts'
import type { ResolvedConfig } from './config-providers.ts'
import { endsOf, type RawConfig } from './ends.ts'
import { frameworkConfig } from './framework-config.ts'
import { KeyOrder, keyShape, valueShape, type ConfigInfos, type ConfigKeyInfo } from './key-shape.ts'
import { idleLetterKeys, letterFaults } from './letters/letter-faults.ts'
import { nearestKey } from './nearest-key.ts'
import type { Registered, Registry } from './registry.ts'
import { Scrubber } from './scrubber.ts'
import { acrossKeys, idleKeys, namedType, sectionsOf, type Section } from './sections.ts'
import { stageFaults } from './stages.ts'

export type { ConfigInfos, ConfigKeyInfo } from './key-shape.ts'

/** A config as it was sent: null values are faults. */
export type GivenConfig = Readonly<Record<string, string | null>>

export interface Validation {
  /** Connect's answer to validate. */
  readonly configInfos: ConfigInfos
  /** All faults, one for each message; empty: the connector may be created. */
  readonly issues: readonly ConfigIssue[]
  /** What is no fault and yet worth a word in the log: keys that nothing reads, with the nearest known one. */
  readonly warnings: readonly ConfigIssue[]
}

export interface ValidationParts {
  readonly registry: Registry
  /** The worker's Kafka client settings; default: none. */
  readonly clients?: WorkerClients
  /** Fills in config providers' values; they never leave this module. Throws a ConfigError where one is denied or missing. */
  readonly resolve?: (config: RawConfig) => Promise<ResolvedConfig>
  /**
   * Asks the plugins themselves, once all keys are fine: gets the resolved config. Default: here, in this process (`checkParts`); a worker
   * runs it in a host.
   */
  readonly ask?: (config: RawConfig) => Promise<readonly ConfigIssue[]>
  /** How long `ask` may take, in milliseconds; default 30,000. */
  readonly askTimeoutMs?: number
}

/**
 * Validates a whole connector config as Connect does: framework keys, the transforms' and predicates' own, both ends', the converters'.
 * Throws a BadRequestError where there is no `connector.class` or no plugin has that name: then there is nothing to list.
 */
export async function validateConnector(given: GivenConfig, parts: ValidationParts): Promise<Validation> {
  const raw = withoutNulls(given)
  const type = namedType(given, parts.registry)
  const issues: ConfigIssue[] = []
  const { config: resolved, secrets, complete } = await resolve(raw, parts, issues)
  const found = endsOf(resolved, parts.registry, parts.clients ?? {})
  const ends = 'issues' in found ? undefined : found
  if ('issues' in found) issues.push(...found.issues)
  const sections = sectionsOf({ ...given, ...resolved }, type, ends, parts.registry)
  const keys = sections.map((section) => ({ section, parsed: parseKeys(section.def, section.given) }))
  // Where a provider refused, its keys still hold their references: what those are worth cannot be judged.
  const judged = (key: ParsedKey) => complete || !given[key.name]?.includes('${')
  for (const { parsed } of keys) issues.push(...parsed.filter(judged).flatMap(issuesOf))
  issues.push(
    ...stageFaults(resolved, parts.registry),
    ...acrossKeys(resolved, type, parts.clients ?? {}),
    ...overrideFaults(resolved, parts.clients ?? {}),
  )
  issues.push(...strayNulls(given, sections))
  if (ends && issues.length === 0) issues.push(...(await letterFaults(resolved, ends, parts.registry, parts.clients ?? {})))
  if (issues.length === 0) issues.push(...(await ask(resolved, parts)))

  const passwords = passwordNames(sections)
  const scrubber = new Scrubber(given, passwords, [...secrets, ...[...passwords].flatMap((name) => resolved[name] ?? [])])
  const clean = onceEach(issues).map((issue) => scrubber.issue(issue))
  return {
    configInfos: listing(given, keys, clean, scrubber),
    issues: clean,
    warnings: [...unread(given, sections), ...idleKeys(given, ends, parts.registry), ...idleLetterKeys(given)],
  }
}

/** A plugin's settings as `GET /connector-plugins/{p}/config` lists them: its own, then for connectors the framework's that it does not redefine. */
export function pluginKeys({ type, part }: Registered<unknown>): readonly ConfigKeyInfo[] {
  const framework = type === 'source' || type === 'sink' ? frameworkConfig(type) : {}
  const order = new KeyOrder()
  return Object.entries({ ...part.config, ...without(framework, part.config) }).map(([name, key]) => keyShape(name, key, order))
}

/** `complete` is false where a provider refused: then the config still holds its references, and the issues say why. */
async function resolve(
  raw: RawConfig,
  parts: ValidationParts,
  issues: ConfigIssue[],
): Promise<ResolvedConfig & { readonly complete: boolean }> {
  const unresolved = { config: raw, secrets: [], complete: parts.resolve === undefined }
  if (!parts.resolve) return unresolved
  try {
    return { ...(await parts.resolve(raw)), complete: true }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    issues.push(...error.issues)
    return unresolved
  }
}

async function ask(resolved: RawConfig, parts: ValidationParts): Promise<readonly ConfigIssue[]> {
  const timeoutMs = parts.askTimeoutMs ?? 30_000
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly ConfigIssue[]>((done) => {
    const seconds = timeoutMs / 1000
    const message = `The connector's own checks took longer than ${seconds} s: see whether the systems it names can be reached`
    timer = setTimeout(() => done([{ key: 'connector.class', value: resolved['connector.class'], message }]), timeoutMs)
  })
  try {
    const asked = parts.ask ? parts.ask(resolved) : checkParts(resolved, parts.registry, parts.clients ?? {})
    return await Promise.race([asked, late])
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    const message = `The connector's own checks failed: ${error instanceof Error ? error.message : String(error)}`
    return [{ key: 'connector.class', value: resolved['connector.class'], message }]
  } finally {
    clearTimeout(timer)
  }
}

interface ListedSection {
  readonly section: Section
  readonly parsed: readonly ParsedKey[]
}

function listing(given: GivenConfig, keys: readonly ListedSection[], issues: readonly ConfigIssue[], scrubber: Scrubber): ConfigInfos {
  const errors = Map.groupBy(issues, (issue) => issue.key)
  const order = new KeyOrder()
  const shown = keys.filter(({ section }) => section.listed)
  const configs = shown.flatMap(({ section, parsed }) =>
    parsed.map((key) => {
      const definition = section.def[key.name]!
      const texts = (errors.get(key.name) ?? []).map((issue) => issue.message)
      errors.delete(key.name)
      return {
        definition: keyShape(key.name, definition, order, section.group ?? definition.group),
        value: valueShape({ ...key, text: scrubber.value(key.name, key.text) }, texts, section.recommended?.[key.name] ?? definition.oneOf),
      }
    }),
  )
  // Faults of keys that no definition has (nulls, keys of an end that is not listed) are told all the same.
  const rest = [...errors].map(([name, faults]) => ({
    definition: null,
    value: {
      name,
      value: scrubber.value(name, given[name] ?? null),
      recommended_values: [],
      errors: faults.map((issue) => issue.message),
      visible: true,
    },
  }))
  const groups = new Set(configs.flatMap(({ definition }) => (definition.group === null ? [] : [definition.group])))
  return { name: given['connector.class']!, error_count: issues.length, groups: [...groups], configs: [...configs, ...rest] }
}

/** A version that is not here is told by its key and by whoever looks for the class. */
function onceEach(issues: readonly ConfigIssue[]): readonly ConfigIssue[] {
  const told = new Map(issues.map((issue) => [`${issue.key}\n${issue.message}`, issue]))
  return [...told.values()]
}

function issuesOf(key: ParsedKey): readonly ConfigIssue[] {
  return key.errors.map((message) => ({ key: key.name, value: key.text, message }))
}

function strayNulls(given: GivenConfig, sections: readonly Section[]): readonly ConfigIssue[] {
  const defined = new Set(sections.flatMap(({ def }) => Object.keys(def)))
  return Object.entries(given)
    .filter(([key, value]) => value === null && !defined.has(key))
    .map(([key]) => ({ key, value: null, message: 'Null value can not be supplied as the configuration value.' }))
}

/** Keys under which others read what they like: Kafka clients, topics to be created. */
const openPrefixes = ['producer.override.', 'consumer.override.', 'admin.override.', 'topic.creation.']

/** Keys that no section reads, each with the known one that is near. */
export function unread(given: GivenConfig, sections: readonly Section[]): readonly ConfigIssue[] {
  const known = sections.flatMap((section) => [...Object.keys(section.def), ...(section.alsoRead ?? [])])
  const names = new Set(known)
  return Object.entries(given)
    .filter(([key]) => !names.has(key) && !openPrefixes.some((prefix) => key.startsWith(prefix)))
    .map(([key]) => {
      const near = nearestKey(key, known)
      return { key, message: `Nothing reads the config key "${key}"${near === undefined ? '' : `: did you mean "${near}"?`}` }
    })
}

function passwordNames(sections: readonly Section[]): ReadonlySet<string> {
  return new Set(sections.flatMap(({ def }) => Object.keys(def).filter((name) => def[name]!.type === 'password')))
}

function withoutNulls(given: GivenConfig): RawConfig {
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null))
}

function without(def: ConfigDef, other: ConfigDef): ConfigDef {
  return Object.fromEntries(Object.entries(def).filter(([name]) => !Object.hasOwn(other, name)))
}
