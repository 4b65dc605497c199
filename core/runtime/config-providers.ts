import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { isAbsolute, join, resolve as absolute, sep } from 'node:path'
import { RE2JS } from 're2js'
import { ConfigError, type ConfigIssue } from '../contract/errors.ts'
import { parseProperties } from './properties.ts'

/** A config with its `${provider:path:key}` replaced, and what they were replaced with: never to be logged or shown. */
export interface ResolvedConfig {
  readonly config: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
}

/** Looks up one reference. Throws an Error whose message may be shown: it never holds content. */
type Provider = (path: string, key: string) => Promise<string>

/** Largest file that a provider reads, in bytes. */
const fileBytesMax = 1024 * 1024

/**
 * Kafka Connect's config providers (KIP-297) with its worker keys `config.providers`, `config.providers.<name>.class` and
 * `config.providers.<name>.param.*`. None exists unless the worker's config names it, and each reads only what its allow-list names:
 * `allowed.paths` (KIP-993) for files and folders, `allowlist.pattern` (KIP-887) for the environment; both are required here.
 */
export class ConfigProviders {
  readonly #providers: ReadonlyMap<string, Provider>

  /** Throws a ConfigError with every fault of the `config.providers*` keys at once. */
  constructor(worker: Readonly<Record<string, string>>, environment: Readonly<Record<string, string | undefined>> = process.env) {
    const issues: ConfigIssue[] = []
    const names = listOf(worker['config.providers'])
    const duplicate = names.find((name, index) => names.indexOf(name) !== index)
    if (duplicate !== undefined)
      issues.push({ key: 'config.providers', value: duplicate, message: `config.providers names "${duplicate}" twice` })
    this.#providers = new Map(names.flatMap((name) => configured(name, worker, environment, issues)))
    if (issues.length > 0) throw new ConfigError(issues)
  }

  /**
   * Replaces every reference in the values, once: what a provider returns is not looked at again. Throws a ConfigError with one issue
   * per reference that is unknown, denied or empty-handed; it names the key and the reference, never a content.
   */
  async resolve(config: Readonly<Record<string, string>>): Promise<ResolvedConfig> {
    const issues: ConfigIssue[] = []
    const secrets = new Set<string>()
    const resolved: [string, string][] = []
    for (const [key, value] of Object.entries(config)) {
      let text = ''
      for (const part of splitReferences(value)) {
        if (typeof part === 'string') text += part
        else text += await this.#look(part, key, issues, secrets)
      }
      resolved.push([key, text])
    }
    if (issues.length > 0) throw new ConfigError(issues)
    return { config: Object.fromEntries(resolved), secrets: [...secrets] }
  }

  async #look(reference: Reference, configKey: string, issues: ConfigIssue[], secrets: Set<string>): Promise<string> {
    const refuse = (reason: string) => {
      issues.push({ key: configKey, message: `Configuration ${configKey} holds ${reference.text}, which cannot be resolved: ${reason}` })
      return ''
    }
    const provider = this.#providers.get(reference.provider)
    // Templates of transforms are written alike (`${field:a}`): what names no provider is theirs, as Connect leaves it, too.
    if (provider === undefined && /^(transforms|predicates)\./.test(configKey)) return reference.text
    if (provider === undefined) {
      return refuse(`this worker has no config provider "${reference.provider}". Name it under config.providers in the worker's config.`)
    }
    try {
      const content = await provider(reference.path, reference.key)
      if (content !== '') secrets.add(content)
      return content
    } catch (error) {
      if (error instanceof Denied) return refuse(error.message)
      throw error
    }
  }
}

/** True where a value holds something that a provider would replace. */
export function hasReference(value: string): boolean {
  return splitReferences(value).some((part) => typeof part !== 'string')
}

class Denied extends Error {}

interface Reference {
  readonly text: string
  readonly provider: string
  readonly path: string
  readonly key: string
}

// As Connect's pattern \$\{([^}]*?):(([^}]*?):)?([^}]*?)\}: the first colon ends the provider, the second one the path.
function splitReferences(value: string): readonly (string | Reference)[] {
  const parts: (string | Reference)[] = []
  let from = 0
  for (let start = value.indexOf('${'); start >= 0; start = value.indexOf('${', start + 2)) {
    const end = value.indexOf('}', start)
    if (end < 0) break
    const inside = value.slice(start + 2, end)
    const first = inside.indexOf(':')
    if (first < 0) continue
    const second = inside.indexOf(':', first + 1)
    parts.push(value.slice(from, start), {
      text: value.slice(start, end + 1),
      provider: inside.slice(0, first),
      path: second < 0 ? '' : inside.slice(first + 1, second),
      key: inside.slice((second < 0 ? first : second) + 1),
    })
    from = end + 1
    start = end - 1
  }
  parts.push(value.slice(from))
  return parts
}

function configured(
  name: string,
  worker: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
  issues: ConfigIssue[],
): readonly (readonly [string, Provider])[] {
  const key = `config.providers.${name}.class`
  const className = worker[key]
  const kind = kinds.get(className?.split('.').at(-1) ?? '')
  if (className === undefined || kind === undefined) {
    const message = className === undefined ? `${key} is missing` : `${key}: there is no config provider ${className}`
    issues.push({ key, value: className ?? null, message: `${message}. Known ones: ${[...kinds.keys()].join(', ')}` })
    return []
  }
  const parameter = `config.providers.${name}.param.${kind === 'env' ? 'allowlist.pattern' : 'allowed.paths'}`
  const allowed = worker[parameter]?.trim() ?? ''
  const fault = (message: string) => {
    issues.push({ key: parameter, value: allowed, message })
    return []
  }
  if (kind === 'env') {
    if (allowed === '') return fault(`${parameter} is required: a pattern that the whole name of an allowed variable matches`)
    try {
      return [[name, environmentProvider(RE2JS.compile(allowed), environment)]]
    } catch (error) {
      return fault(`${parameter} is not a regular expression: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const roots = listOf(allowed)
  if (roots.length === 0) return fault(`${parameter} is required: the folders or files that may be read, separated by commas`)
  const relative = roots.find((root) => !isAbsolute(root))
  if (relative !== undefined) return fault(`${parameter}: "${relative}" is not an absolute path`)
  return [[name, kind === 'file' ? fileProvider(roots) : directoryProvider(roots)]]
}

const kinds = new Map([
  ['FileConfigProvider', 'file'],
  ['DirectoryConfigProvider', 'dir'],
  ['EnvVarConfigProvider', 'env'],
] as const) as ReadonlyMap<string, 'file' | 'dir' | 'env'>

/** `${env:NAME}`. */
function environmentProvider(pattern: RE2JS, environment: Readonly<Record<string, string | undefined>>): Provider {
  return async (path, key) => {
    if (path !== '') throw new Denied('an environment variable has no path')
    if (!pattern.matches(key)) throw new Denied('the name does not match allowlist.pattern')
    const content = Object.hasOwn(environment, key) ? environment[key] : undefined
    if (content === undefined) throw new Denied('the variable is not set')
    return content
  }
}

/** `${file:/path/of.properties:key}`. */
function fileProvider(roots: readonly string[]): Provider {
  return async (path, key) => {
    if (path === '') throw new Denied('it has no path; write ${provider:path:key}')
    const entries = parseProperties(await readAllowed(path, roots))
    if (!Object.hasOwn(entries, key)) throw new Denied('the file has no such key')
    return entries[key]!
  }
}

/** `${dir:/path:file}`: the whole content of the file, as it is. */
function directoryProvider(roots: readonly string[]): Provider {
  return async (path, key) => {
    if (path === '') throw new Denied('it has no path; write ${provider:path:file}')
    if (key === '' || key === '.' || key === '..' || key.includes('/') || key.includes(sep))
      throw new Denied('the key must be the name of a file')
    return readAllowed(join(path, key), roots)
  }
}

/** Reads a regular file whose real path, all links followed, lies under one of the roots. */
async function readAllowed(path: string, roots: readonly string[]): Promise<string> {
  if (!isAbsolute(path)) throw new Denied('the path is not absolute')
  // Said alike whether or not it exists: a reference must not tell what is on the disk elsewhere.
  const outside = new Denied('the path is not under allowed.paths')
  const named = roots.some((root) => isUnder(absolute(path), absolute(root)))
  if (!named) throw outside
  let real: string
  try {
    real = await realpath(path)
  } catch (cause) {
    throw new Denied(`the file cannot be opened (${errorCode(cause)})`, { cause })
  }
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => absolute(root))))
  if (!realRoots.some((root) => isUnder(real, root))) throw outside
  try {
    await using file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (!stat.isFile()) throw new Denied('it is not a regular file')
    if (stat.size > fileBytesMax) throw new Denied(`the file is larger than ${fileBytesMax} bytes`)
    return await file.readFile('utf8')
  } catch (cause) {
    if (cause instanceof Denied) throw cause
    throw new Denied(`the file cannot be read (${errorCode(cause)})`, { cause })
  }
}

function isUnder(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}

function listOf(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
