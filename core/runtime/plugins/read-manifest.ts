import { inspect } from 'node:util'
import { parseKeys, type ConfigDef } from '../../contract/config-def.ts'
import type { ManifestKey, PartKind, PartManifest } from '../../contract/manifest.ts'
import { apiInRange, contractApi } from './api-range.ts'

/** A manifest that was read and found right: rebuilt key by key, so nothing else of what the package wrote is in it. */
export interface ReadManifest {
  readonly api: string | number
  readonly entry: string | undefined
  /** undefined: the manifest does not say; the package's code has to be asked. */
  readonly parts: readonly PartManifest[] | undefined
}

const partsMax = 500
const keysMax = 2_000
const textMax = 64 * 1024
const nameMax = 500

const kinds: ReadonlySet<string> = new Set<PartKind>(['source', 'sink', 'transform', 'predicate', 'converter'])
const types = new Set(['string', 'int', 'short', 'long', 'double', 'boolean', 'list', 'class', 'password'])

/** Reads `package.json#millrace`, or what a package's code says of itself. Throws an Error that names the place and the fault. */
export function readManifest(value: unknown): ReadManifest {
  const manifest = object(value, 'millrace')
  const api = manifest['api']
  if (typeof api !== 'string' && typeof api !== 'number')
    throw new Error('millrace.api is missing: the version of the contract, for example 1')
  const fits = apiInRange(contractApi, api)
  if (fits === undefined) throw new Error(`millrace.api is ${shown(api)}, which is no version range such as 1, ^1 or >=1 <3`)
  if (!fits) {
    throw new Error(
      `It works with version ${api} of the plugin contract; this Millrace offers version ${contractApi}. Install a version of the package that works with ${contractApi}, or another Millrace`,
    )
  }
  const entry = optional(manifest, 'entry', 'string', 'millrace') as string | undefined
  if (manifest['parts'] !== undefined) return { api, entry, parts: readParts(manifest['parts']) }
  return { api, entry, parts: manifest['kind'] === undefined ? undefined : [readPart(manifest, 'millrace')] }
}

function readParts(value: unknown): readonly PartManifest[] {
  const list = array(value, 'millrace.parts')
  if (list.length > partsMax) throw new Error(`millrace.parts has ${list.length} entries; at most ${partsMax} are read`)
  const parts = list.map((part, at) => readPart(object(part, `millrace.parts[${at}]`), `millrace.parts[${at}]`))
  const seen = new Set<string>()
  for (const { kind, class: name } of parts) {
    if (seen.has(`${kind} ${name}`)) throw new Error(`millrace.parts names the ${kind} ${name} twice`)
    seen.add(`${kind} ${name}`)
  }
  return parts
}

function readPart(part: Readonly<Record<string, unknown>>, at: string): PartManifest {
  const { kind } = part
  if (typeof kind !== 'string' || !kinds.has(kind)) throw new Error(`${at}.kind is ${shown(kind)}; it is one of ${[...kinds].join(', ')}`)
  const name = className(part['class'], `${at}.class`)
  const aliases = part['aliases'] === undefined ? undefined : texts(part['aliases'], `${at}.aliases`)
  const client = part['client']
  if (client !== undefined && client !== 'consumer' && client !== 'producer')
    throw new Error(`${at}.client is ${shown(client)}; it is consumer or producer`)
  const doc = optional(part, 'doc', 'string', at) as string | undefined
  const sources = part['sources'] === undefined ? undefined : texts(part['sources'], `${at}.sources`)
  return {
    kind: kind as PartKind,
    class: name,
    ...(aliases && { aliases: aliases.map((alias, index) => className(alias, `${at}.aliases[${index}]`)) }),
    ...(doc !== undefined && { doc }),
    config: readConfig(part['config'], `${at}.config`),
    ...(client && { client }),
    ...(part['sourceDefaults'] !== undefined && { sourceDefaults: textMap(part['sourceDefaults'], `${at}.sourceDefaults`) }),
    ...(sources && { sources }),
    ...(part['sampling'] !== undefined && { sampling: readSampling(part['sampling'], `${at}.sampling`) }),
  }
}

function readSampling(value: unknown, at: string): NonNullable<PartManifest['sampling']> {
  const sampling = object(value, at)
  if (sampling['overlay'] !== undefined) return { overlay: textMap(sampling['overlay'], `${at}.overlay`) }
  const refused = optional(sampling, 'refused', 'string', at) as string | undefined
  if (refused === undefined) throw new Error(`${at} has neither "overlay" nor "refused"`)
  return { refused }
}

function readConfig(value: unknown, at: string): Readonly<Record<string, ManifestKey>> {
  const entries = Object.entries(object(value, at))
  if (entries.length > keysMax) throw new Error(`${at} has ${entries.length} settings; at most ${keysMax} are read`)
  const config = Object.fromEntries(
    entries.map(([name, key]) => {
      if (name === '__proto__' || name === '' || name.length > nameMax) throw new Error(`${at} has a setting named ${shown(name)}`)
      return [name, readKey(object(key, `${at}[${shown(name)}]`), `${at}[${shown(name)}]`)] as const
    }),
  )
  checkDefaults(config, at)
  return config
}

function readKey(key: Readonly<Record<string, unknown>>, at: string): ManifestKey {
  const { type } = key
  if (typeof type !== 'string' || !types.has(type)) throw new Error(`${at}.type is ${shown(type)}; it is one of ${[...types].join(', ')}`)
  const fields: Record<string, unknown> = { type, doc: text(key['doc'], `${at}.doc`) }
  if (key['default'] !== undefined) fields['default'] = defaultOf(key['default'], type, `${at}.default`)
  for (const [name, kind] of [
    ['required', 'boolean'],
    ['min', 'number'],
    ['max', 'number'],
    ['group', 'string'],
    ['displayName', 'string'],
    ['unsupported', 'string'],
  ] as const) {
    const value = optional(key, name, kind, at)
    if (value !== undefined) fields[name] = value
  }
  for (const [name, allowed] of [
    ['importance', ['high', 'medium', 'low']],
    ['width', ['none', 'short', 'medium', 'long']],
  ] as const) {
    const value = key[name]
    if (value === undefined) continue
    if (!(allowed as readonly unknown[]).includes(value))
      throw new Error(`${at}.${name} is ${shown(value)}; it is one of ${allowed.join(', ')}`)
    fields[name] = value
  }
  if (key['oneOf'] !== undefined) fields['oneOf'] = texts(key['oneOf'], `${at}.oneOf`)
  return fields as unknown as ManifestKey
}

function defaultOf(value: unknown, type: string, at: string): ManifestKey['default'] {
  if (value === null) return null
  const numeric = type === 'int' || type === 'short' || type === 'long' || type === 'double'
  if (type === 'list') return texts(value, at)
  const wanted = numeric ? 'number' : type === 'boolean' ? 'boolean' : 'string'
  if (typeof value !== wanted || (numeric && !Number.isFinite(value))) throw new Error(`${at} is ${shown(value)}, which is no ${type}`)
  return typeof value === 'string' ? text(value, at) : (value as number | boolean)
}

/** A default has to pass as a given value would: else the form offers what the worker refuses. */
function checkDefaults(config: ConfigDef, at: string): void {
  const given = Object.entries(config).flatMap(([name, key]) => {
    const value = key.default
    return value === undefined || value === null || key.unsupported !== undefined
      ? []
      : [[name, Array.isArray(value) ? value.join(',') : String(value)] as const]
  })
  const names = new Set(given.map(([name]) => name))
  const wrong = parseKeys(config, Object.fromEntries(given)).find((key) => names.has(key.name) && key.errors.length > 0)
  if (wrong) throw new Error(`${at} has a default that is wrong by its own rules: ${wrong.errors[0]}`)
}

function className(value: unknown, at: string): string {
  if (typeof value !== 'string' || value.length > nameMax || !/^[\w$][\w$.\-/@]*$/.test(value)) {
    throw new Error(`${at} is ${shown(value)}; a class name has letters, digits, dots, $, - and _`)
  }
  return value
}

function object(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${at} is ${shown(value)}, not an object`)
  return value as Readonly<Record<string, unknown>>
}

function array(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${at} is ${shown(value)}, not a list`)
  return value as readonly unknown[]
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string') throw new Error(`${at} is ${shown(value)}, not a text`)
  if (value.length > textMax) throw new Error(`${at} has ${value.length} characters; at most ${textMax} are read`)
  return value
}

function texts(value: unknown, at: string): readonly string[] {
  const list = array(value, at)
  if (list.length > keysMax) throw new Error(`${at} has ${list.length} entries; at most ${keysMax} are read`)
  return list.map((one, index) => text(one, `${at}[${index}]`))
}

function textMap(value: unknown, at: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(object(value, at)).map(([key, one]) => [key, text(one, `${at}[${shown(key)}]`)]))
}

function optional(from: Readonly<Record<string, unknown>>, name: string, kind: 'string' | 'number' | 'boolean', at: string): unknown {
  const value = from[name]
  if (value === undefined || value === null) return undefined
  if (kind === 'string') return text(value, `${at}.${name}`)
  if (typeof value !== kind) throw new Error(`${at}.${name} is ${shown(value)}, not a ${kind}`)
  return value
}

/** A value in an error: short, whatever it is. */
function shown(value: unknown): string {
  const full = value === undefined ? 'missing' : inspected(value)
  return full.length > 100 ? `${full.slice(0, 100)}…` : full
}

/** What code says of itself may hold what JSON cannot. */
function inspected(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return typeof value === 'bigint' ? `${value}n` : inspect(value, { depth: 1, breakLength: Infinity })
  }
}
