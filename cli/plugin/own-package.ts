import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { entryOf } from '../../core/runtime/plugins/entry-file.ts'
import { UsageError } from '../exit.ts'

/** The plugin package that its author works on. */
export interface OwnPackage {
  /** Its folder, absolute and without links. */
  readonly folder: string
  readonly name: string
  readonly version: string
  /** package.json as it is written. */
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
  /** `package.json#millrace`; empty where there is none. */
  readonly manifest: Readonly<Record<string, unknown>>
}

/** Sources of the plugin's module, in the order in which they are looked for. */
const sources = ['src/index.ts', 'src/index.js', 'src/index.mjs', 'index.ts']
/** Files that say how the plugin is tested, unless `package.json#millrace.test` names one. */
const testFiles = ['millrace.test.ts', 'millrace.test.js', 'millrace.test.mjs']

/** Reads the package in a folder. Throws a UsageError where there is none. */
export function readOwnPackage(folder: string): OwnPackage {
  const path = join(resolve(folder), 'package.json')
  if (!existsSync(path)) throw new UsageError(`${resolve(folder)} is no package: there is no package.json. "millrace plugin new" makes one`)
  const text = readFileSync(path, 'utf8')
  let json: Record<string, unknown>
  try {
    json = JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw new UsageError(`${path} is not valid JSON: ${(error as Error).message}`, { cause: error })
  }
  const { name, version, millrace } = json
  if (typeof name !== 'string') throw new UsageError(`${path} has no "name"`)
  const manifest = typeof millrace === 'object' && millrace !== null ? (millrace as Record<string, unknown>) : {}
  return { folder: realpathSync(resolve(folder)), name, version: typeof version === 'string' ? version : '0.0.0', text, json, manifest }
}

/** The module whose default export is the plugin, as a file URL: its source, which Node runs as it is, or with `built` what is published. Throws a UsageError. */
export function moduleOf(own: OwnPackage, { built }: { readonly built: boolean }): string {
  const source = sources.find((file) => existsSync(join(own.folder, file)))
  if (!built && source !== undefined) return pathToFileURL(join(own.folder, source)).href
  try {
    return entryOf(own.folder, typeof own.manifest['entry'] === 'string' ? own.manifest['entry'] : undefined, own.json)
  } catch (error) {
    throw new UsageError(`${own.name}: ${(error as Error).message}`, { cause: error })
  }
}

/** The file that says how the plugin is tested, as a file URL; undefined: there is none. Throws a UsageError where a named one is missing. */
export function testFileOf(own: OwnPackage): string | undefined {
  const named = own.manifest['test']
  if (typeof named === 'string') {
    if (!existsSync(join(own.folder, named)))
      throw new UsageError(`package.json#millrace.test of ${own.name} names ${named}, which does not exist`)
    return pathToFileURL(join(own.folder, named)).href
  }
  const found = testFiles.find((file) => existsSync(join(own.folder, file)))
  return found === undefined ? undefined : pathToFileURL(join(own.folder, found)).href
}
