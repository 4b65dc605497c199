import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { PartManifest } from '../../contract/manifest.ts'
import { entryOf } from './entry-file.ts'
import { readManifest } from './read-manifest.ts'

/** How the worker came to a package: the setting `plugins`, a dependency of its working folder, `plugin.path`, or `millrace plugin install`. */
export type PluginOrigin = 'setting' | 'dependency' | 'path' | 'installed'

/** A package that was found, taken or not. */
export interface PluginPackage {
  readonly name: string
  /** null: neither its package.json nor its code says one. */
  readonly version: string | null
  /** The package's folder; of a single module its file. */
  readonly folder: string
  readonly origin: PluginOrigin
  /** Versions of the contract that it works with; null: unknown. */
  readonly api: string | number | null
  /** File URL of the module whose default export is the plugin; null: there is none. */
  readonly module: string | null
  /** undefined: its manifest does not say, and its code was not asked yet. */
  readonly parts: readonly PartManifest[] | undefined
  /** Why nothing of it is offered, as a sentence; null: it is. */
  readonly fault: string | null
}

/** Word in a package's `keywords` by which it is a plugin. */
export const pluginKeyword = 'millrace-plugin'

/** A package.json larger than this is not read, in bytes. */
const packageJsonMax = 4 * 1024 * 1024

/** What a package.json may call itself (npm's rules for names, docs.npmjs.com/cli/configuring-npm/package-json). */
const packageName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i
const packageVersion = /^[\w][\w.+-]{0,100}$/

/** Whether a folder's package.json says that it is a plugin. A broken one says nothing: that is told when it is read. */
export function isPlugin(folder: string): boolean {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return false
  try {
    const { keywords, millrace } = readPackageJson(file)
    return (typeof millrace === 'object' && millrace !== null) || hasKeyword(keywords)
  } catch {
    return true // Somebody put a package here that cannot be read: it is shown, with its fault.
  }
}

/** Whether a dependency carries the keyword; false where it is not installed or cannot be read. */
export function carriesKeyword(folder: string): boolean {
  try {
    return hasKeyword(readPackageJson(join(folder, 'package.json'))['keywords'])
  } catch {
    return false // Most dependencies are no plugins and none of our business.
  }
}

/** Reads a package's manifest; runs none of its code. Never throws: what is wrong with it is its `fault`. */
export function readPackage(folder: string, origin: PluginOrigin): PluginPackage {
  let found: PluginPackage = { name: folder, version: null, folder, origin, api: null, module: null, parts: undefined, fault: null }
  try {
    const real = realpathSync(folder)
    const packageJson = readPackageJson(join(real, 'package.json'))
    const { name, version, millrace } = packageJson
    if (typeof name !== 'string' || name.length > 214 || !packageName.test(name)) {
      throw new Error(`"name" in its package.json is ${shown(name)}, which is no name of an npm package`)
    }
    found = { ...found, folder: real, name }
    if (typeof version !== 'string' || !packageVersion.test(version)) {
      throw new Error(`"version" in its package.json is ${shown(version)}, which is no version such as 1.0.0`)
    }
    found = { ...found, version }
    const manifest = millrace === undefined ? undefined : readManifest(millrace)
    const module = entryOf(real, manifest?.entry, packageJson)
    return { ...found, api: manifest?.api ?? null, module, parts: manifest?.parts }
  } catch (error) {
    return { ...found, fault: (error as Error).message }
  }
}

function readPackageJson(file: string): Readonly<Record<string, unknown>> {
  const found = statSync(file)
  // A named pipe would hold the worker for ever.
  if (!found.isFile()) throw new Error(`${file} is no file`)
  const { size } = found
  if (size > packageJsonMax) throw new Error(`${file} has ${size} bytes; at most ${packageJsonMax} are read`)
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    throw new Error(`${file} is not valid JSON: ${(error as Error).message}`, { cause: error })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error(`${file} holds no JSON object`)
  return parsed as Readonly<Record<string, unknown>>
}

function hasKeyword(keywords: unknown): boolean {
  return Array.isArray(keywords) && keywords.includes(pluginKeyword)
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 100)
}
