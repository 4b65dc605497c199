import type { Pins } from '../../store/store.ts'
import { typeOf, type RawConfig } from '../ends.ts'
import type { PluginType, Registered, Registry } from '../registry.ts'
import { aliasesOf } from '../stages.ts'
import { wishOf } from '../version-keys.ts'

/** What a config's classes come to now, each under the key that names it. Classes that are not found are left out. */
export function partsNamed(raw: RawConfig, registry: Registry, defaults: RawConfig, pins: Pins): ReadonlyMap<string, Registered<unknown>> {
  const found = new Map<string, Registered<unknown>>()
  const look = (key: string, type: PluginType, from: RawConfig = raw) => {
    const entry = from[key] === undefined ? undefined : registry.find(type, from[key].trim(), wishOf(key, from, pins))
    if (entry) found.set(key, entry)
  }
  const type = typeOf(raw, registry)
  if (type !== undefined) look('connector.class', type)
  const other = type === 'sink' ? 'source' : 'sink'
  look(`${other}.class`, other)
  for (const alias of aliasesOf(raw, 'transforms')) look(`transforms.${alias}.type`, 'transformation')
  for (const alias of aliasesOf(raw, 'predicates')) look(`predicates.${alias}.type`, 'predicate')
  for (const key of ['key.converter', 'value.converter', 'header.converter'])
    look(key, 'converter', raw[key] === undefined ? defaults : raw)
  return found
}

/** The versions of npm packages that a config means now. What belongs to Millrace itself has no other version here. */
export function versionsNamed(raw: RawConfig, registry: Registry, defaults: RawConfig, pins: Pins): Pins {
  const named = [...partsNamed(raw, registry, defaults, pins)].filter(([, entry]) => !entry.builtIn)
  return Object.fromEntries(
    named.map(([key, { package: name, class: className, version }]) => [key, { package: name, class: className, version }]),
  )
}
