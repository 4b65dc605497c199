import type { ConfigIssue } from '../contract/errors.ts'
import type { RawConfig } from './ends.ts'
import type { HostPool } from './host-pool.ts'
import { planConnector, type PlanParts } from './plan.ts'
import { partsNamed } from './plugins/config-versions.ts'
import type { ModuleName } from './protocol.ts'
import { mayHave, type Registry } from './registry.ts'
import { noPins } from './version-keys.ts'

/**
 * Has the plugins that a config names check it (`checkParts`), in a host. The config is resolved and all its keys are fine. No host is started where
 * none of them can have anything to say.
 */
export async function askPlugins(resolved: RawConfig, parts: PlanParts, pool: HostPool): Promise<readonly ConfigIssue[]> {
  const plan = planConnector(resolved, [], parts)
  const { source, sink } = plan.ends
  const named = ['key.converter', 'value.converter', 'header.converter', 'transforms', 'predicates']
  const checked = mayHave(source, 'validate') || mayHave(sink, 'validate')
  if (!checked && !named.some((key) => resolved[key] !== undefined)) return []
  const spec = plan.task(0, {}, { generation: 0, paused: true, level: 'OFF' })
  const steps = spec.steps.flatMap(({ transform, predicate }) => [transform, ...(predicate ? [predicate.part] : [])])
  const converters = Object.values(spec.converters).flatMap((part) => (part ? [part] : []))
  const modules = new Set([plan.source, plan.sink, ...steps, ...converters].map((part) => part.module))
  const taken = [...partsNamed(resolved, parts.registry, parts.defaults, noPins).values()]
  const names = [...modules].map((module) => ({
    ...nameOf(module, parts.registry),
    taken: taken.flatMap((entry) => (entry.module === module ? [{ type: entry.type, class: entry.class }] : [])),
  }))
  return (await pool.call(
    { kind: 'validate', config: resolved, clients: parts.clients, modules: names },
    plan.secrets,
  )) as readonly ConfigIssue[]
}

function nameOf(specifier: string, registry: Registry): Omit<ModuleName, 'taken'> {
  const module = registry.module(specifier)!
  if (!('plugin' in module)) return { specifier, package: module.package, version: module.version, builtIn: false }
  return {
    specifier,
    package: module.package ?? module.plugin.name,
    version: module.version ?? module.plugin.version,
    builtIn: module.builtIn ?? false,
  }
}
