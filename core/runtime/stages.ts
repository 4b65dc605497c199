import { defineConfig, type ConfigDef } from '../contract/config-def.ts'
import type { ConfigIssue } from '../contract/errors.ts'
import { unusable, type RawConfig } from './ends.ts'
import type { PluginType, Registry } from './registry.ts'
import type { Section } from './sections.ts'
import { wishOf } from './version-keys.ts'

type Given = Readonly<Record<string, string | null>>

const pluginVersion = {
  type: 'string',
  default: null,
  importance: 'medium',
  doc: 'Version of the plugin, or a Maven range such as [1.0,2.0). Default: the newest that is installed.',
} as const

const transformKeys = defineConfig({
  predicate: {
    type: 'string',
    default: null,
    importance: 'medium',
    doc: 'The alias of a predicate used to determine whether to apply this transformation.',
  },
  negate: {
    type: 'boolean',
    default: false,
    importance: 'medium',
    doc: 'Whether the configured predicate should be negated.',
  },
})

/** The aliases of a stage, without empty ones and repetitions: what is wrong with them the key `transforms` or `predicates` tells. */
export function aliasesOf(given: Given, stage: 'transforms' | 'predicates'): readonly string[] {
  const listed = (given[stage] ?? '').split(',').map((alias) => alias.trim())
  return [...new Set(listed.filter((alias) => alias !== ''))]
}

/** The keys of every transform, predicate and converter that the config names. */
export function stageSections(given: Given, registry: Registry): readonly Section[] {
  const predicates = aliasesOf(given, 'predicates')
  return [
    ...aliasesOf(given, 'transforms').map((alias) =>
      aliasSection(given, registry, 'transformation', `transforms.${alias}.`, `Transforms: ${alias}`, predicates),
    ),
    ...predicates.map((alias) => aliasSection(given, registry, 'predicate', `predicates.${alias}.`, `Predicates: ${alias}`, [])),
    ...(['key', 'value', 'header'] as const).map((use) => converterSection(given, registry, use)),
  ]
}

function aliasSection(
  given: Given,
  registry: Registry,
  type: 'transformation' | 'predicate',
  prefix: string,
  group: string,
  predicates: readonly string[],
): Section {
  const name = given[`${prefix}type`]?.trim()
  const wish = wishOf(`${prefix}type`, given)
  const found = name ? registry.nearest(type, name, wish) : undefined
  const own = {
    type: {
      type: 'class',
      required: true,
      importance: 'high',
      doc: `Class for the '${group.slice(group.indexOf(' ') + 1)}' ${type}.`,
      check: (value: string) =>
        registry.named(type, value).length > 0 ? registry.nameFault(type, value, wish) : `Class ${value} could not be found.`,
    },
    'plugin.version': { ...pluginVersion, check: (range: string) => registry.versionFault(type, name ?? '', range) },
    ...(type === 'transformation' && {
      ...transformKeys,
      predicate: { ...transformKeys.predicate, check: (value: string) => undefinedAlias(value, predicates) },
    }),
    ...found?.part.config,
  } as ConfigDef
  return { def: under(prefix, own), given, listed: true, group, recommended: { [`${prefix}type`]: classes(registry, type) } }
}

/** Refused here, while Connect lets the task fail: a transform whose predicate does not exist cannot run. */
function undefinedAlias(value: string, predicates: readonly string[]): string | undefined {
  return predicates.includes(value) ? undefined : `No predicate of that alias is defined: add ${value} to "predicates"`
}

/** Options of a converter that this connector names itself; the worker's own are checked where the worker starts. */
function converterSection(given: Given, registry: Registry, use: 'key' | 'value' | 'header'): Section {
  const name = given[`${use}.converter`]?.trim()
  const found = name ? registry.nearest('converter', name, wishOf(`${use}.converter`, given)) : undefined
  return { def: under(`${use}.converter.`, found?.part.config ?? {}), given, listed: true }
}

/** Faults of the stages that lie between keys, and converters that do not exist. */
export function stageFaults(raw: RawConfig, registry: Registry): readonly ConfigIssue[] {
  const faults: ConfigIssue[] = []
  for (const key of ['key.converter', 'value.converter', 'header.converter']) {
    const name = raw[key]?.trim()
    if (name === undefined || registry.converter(name, wishOf(key, raw))) continue
    const known = registry.named('converter', name).length > 0
    if (known) faults.push(...unusable(key, 'converter', name, raw, registry))
    else faults.push({ key, value: name, message: `Invalid value ${name} for configuration ${key}: Class ${name} could not be found.` })
  }
  for (const alias of aliasesOf(raw, 'transforms')) {
    const [negate, predicate] = [`transforms.${alias}.negate`, `transforms.${alias}.predicate`]
    if (raw[negate] === undefined || raw[predicate] !== undefined) continue
    const message = `Config '${negate}' was provided but there is no config '${predicate}' defining a predicate to be negated.`
    faults.push({ key: negate, value: raw[negate], message })
  }
  return faults
}

function classes(registry: Registry, type: PluginType): readonly string[] {
  return registry.classes(type)
}

function under(prefix: string, def: ConfigDef): ConfigDef {
  return Object.fromEntries(Object.entries(def).map(([key, definition]) => [`${prefix}${key}`, definition]))
}
