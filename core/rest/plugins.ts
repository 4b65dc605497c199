import { BadRequestError, NotFoundError } from '../contract/errors.ts'
import type { Registered, Registry, Wish } from '../runtime/registry.ts'
import { pluginKeys, type ConfigInfos } from '../runtime/validation.ts'
import { sentConfig, type SentConfig } from './connector-body.ts'
import { flag, ok, type Answer, type Call, type Route } from './route.ts'
import { versionInRange } from '../runtime/version-range.ts'

export interface PluginParts {
  readonly registry: Registry
  validate(config: SentConfig): Promise<ConfigInfos>
}

/** /connector-plugins: what this worker can run, its settings, and whether a config would pass. */
export function pluginRoutes(parts: PluginParts): readonly Route[] {
  return [
    { method: 'GET', path: '/connector-plugins', answer: ({ query }) => ok(list(parts.registry, flag(query, 'connectorsOnly', true))) },
    { method: 'GET', path: '/connector-plugins/:plugin/config', answer: (call) => ok(settings(parts.registry, call)) },
    { method: 'PUT', path: '/connector-plugins/:plugin/config/validate', answer: (call) => validate(parts, call) },
  ]
}

function list(registry: Registry, connectorsOnly: boolean): unknown {
  return registry
    .entries()
    .filter(({ type }) => !connectorsOnly || type === 'source' || type === 'sink')
    .map(({ class: name, type, version }) => ({ class: name, type, version }))
}

function settings(registry: Registry, call: Call): unknown {
  const name = call.param('plugin')
  const range = call.query.get('version')
  if (range !== null && range !== 'latest' && versionInRange('0', range) === undefined) {
    throw new BadRequestError(`Invalid version range ${range}: write it as Maven does, for example [1.0,2.0)`)
  }
  const found = find(registry, name, { range })
  if (found) return pluginKeys(found)
  const ambiguous = types.map((type) => registry.nameFault(type, name, { range })).find((fault) => fault !== undefined)
  throw ambiguous === undefined ? new NotFoundError(`Unknown plugin ${name}.`) : new BadRequestError(ambiguous)
}

async function validate(parts: PluginParts, call: Call): Promise<Answer> {
  const plugin = call.param('plugin')
  const config = sentConfig(call.body())
  const included = config['connector.class']
  if (included !== undefined && included !== null && !matches(parts.registry, included, plugin)) {
    throw new BadRequestError(`Included connector type ${included} does not match request type ${plugin}`)
  }
  return ok(await parts.validate(config))
}

/**
 * Connect's rule: the name in the config ends with the one in the path, each without the suffix Connector. Beyond it, an alias of ours in
 * the path (`postgres`) matches every name of the same plugin.
 */
function matches(registry: Registry, included: string, plugin: string): boolean {
  if (withoutSuffix(included).endsWith(withoutSuffix(plugin))) return true
  if (plugin.includes('.')) return false
  const classes = (name: string) => (['source', 'sink'] as const).flatMap((type) => registry.named(type, name).map((entry) => entry.class))
  const meant = new Set(classes(plugin))
  return classes(included).some((name) => meant.has(name))
}

function withoutSuffix(name: string): string {
  return name.endsWith('Connector') && name.length > 'Connector'.length ? name.slice(0, -'Connector'.length) : name
}

const types = ['source', 'sink', 'converter', 'transformation', 'predicate'] as const

function find(registry: Registry, name: string, wish: Wish): Registered<unknown> | undefined {
  return types.map((type) => registry.find(type, name, wish)).find((found) => found !== undefined)
}
