import { parseConfig, type ConfigDef } from '../contract/config-def.ts'
import { ConfigError, type ConfigIssue } from '../contract/errors.ts'
import type { WorkerClients } from './client-config.ts'
import { endsOf, type RawConfig } from './ends.ts'
import { checkIssues } from './plugin-answers.ts'
import type { Registry } from './registry.ts'
import { aliasesOf } from './stages.ts'
import { wishOf } from './version-keys.ts'

/**
 * Asks the plugins that a config names whether they can work with it: transforms, predicates and converters are made once, the ends' own
 * `validate` runs. The config is resolved and all its keys are fine. Runs plugin code: a worker calls this in a host.
 */
export async function checkParts(config: RawConfig, registry: Registry, clients: WorkerClients): Promise<readonly ConfigIssue[]> {
  const ends = endsOf(config, registry, clients)
  if ('issues' in ends) return ends.issues
  const issues: ConfigIssue[] = []
  for (const stage of ['transforms', 'predicates'] as const) {
    for (const alias of aliasesOf(config, stage)) {
      const prefix = `${stage}.${alias}.`
      const name = config[`${prefix}type`] ?? ''
      const wish = wishOf(`${prefix}type`, config)
      const found = stage === 'transforms' ? registry.transform(name, wish) : registry.predicate(name, wish)
      if (found) issues.push(...made(`${prefix}type`, name, prefix, config, found.part))
    }
  }
  for (const use of ['key', 'value', 'header'] as const) {
    const name = config[`${use}.converter`]
    const found = name === undefined ? undefined : registry.converter(name, wishOf(`${use}.converter`, config))
    if (!found) continue
    const create = (parsed: never) => found.part.create(parsed, use)
    issues.push(...made(`${use}.converter`, name!, `${use}.converter.`, config, { config: found.part.config, create }))
  }
  if (issues.length > 0) return issues
  const answers = await Promise.all([
    asked('connector.class', '', ends[ends.type].part, ends[`${ends.type}Config`]),
    ends.type === 'source'
      ? asked('sink.class', 'sink.', ends.sink.part, ends.sinkConfig)
      : asked('source.class', 'source.', ends.source.part, ends.sourceConfig),
  ])
  return answers.flat()
}

interface Makeable {
  readonly config: ConfigDef
  create(config: never): unknown
}

function made(key: string, name: string, prefix: string, config: RawConfig, part: Makeable): readonly ConfigIssue[] {
  const own = Object.fromEntries(
    Object.entries(config).flatMap(([at, value]) => (at.startsWith(prefix) ? [[at.slice(prefix.length), value]] : [])),
  )
  try {
    const { config: parsed, issues } = parseConfig(part.config, own)
    if (issues.length > 0) throw new ConfigError(issues)
    part.create(parsed as never)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map((issue) => ({ ...issue, key: `${prefix}${issue.key}` }))
    return [{ key, value: name, message: `Invalid value ${name} for configuration ${key}: ${messageOf(error)}` }]
  }
}

interface Asked {
  readonly class: string
  readonly config: ConfigDef
  validate?(config: never, given: RawConfig): Promise<readonly ConfigIssue[]>
}

async function asked(key: string, prefix: string, part: Asked, raw: RawConfig): Promise<readonly ConfigIssue[]> {
  try {
    const parsed = parseConfig(part.config, raw)
    // Known before, unless the worker has only the part's manifest: that holds no checks of single keys.
    if (parsed.issues.length > 0) throw new ConfigError(parsed.issues)
    if (!part.validate) return []
    const issues = checkIssues(await part.validate(parsed.config as never, raw), part.class)
    return issues.map((issue) => ({ ...issue, key: `${prefix}${issue.key}` }))
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map((issue) => ({ ...issue, key: `${prefix}${issue.key}` }))
    return [{ key, value: raw[key] ?? null, message: `The connector could not check its settings: ${messageOf(error)}` }]
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
