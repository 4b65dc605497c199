import { existsSync, readdirSync, lstatSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { carriesKeyword, isPlugin, readPackage, type PluginOrigin, type PluginPackage } from './plugin-package.ts'

/** Where a worker looks for plugin packages. Relative paths are those of its working folder. */
export interface PluginPlaces {
  /** Setting `plugins`: package names, folders of packages, or module files. */
  readonly plugins: readonly string[]
  /** Setting `plugin.path`: packages, folders of packages, folders of installs. */
  readonly path: readonly string[]
  /** Setting `plugin.install.path`: a folder of installs, each `<name>@<version>/node_modules/<name>`, the name's / as +. */
  readonly installPath: string
  /** The worker's working folder: plugins among the dependencies of its package.json are found, too. */
  readonly workingFolder: string
}

/** An unfinished install is swept when it is this old, in milliseconds: a younger one may still be under way. */
const unfinishedMs = 60 * 60_000

/** All packages of these places, in order, each folder once. Only reads files; never throws. */
export function findPackages(places: PluginPlaces): readonly PluginPackage[] {
  const found = [
    ...places.plugins.map((name) => named(name, places.workingFolder)),
    ...dependencies(places.workingFolder).map((folder) => readPackage(folder, 'dependency')),
    ...places.path.flatMap((folder) => within(resolve(places.workingFolder, folder), 'path')),
    ...within(resolve(places.workingFolder, places.installPath), 'installed'),
  ]
  const seen = new Set<string>()
  const versions = new Map<string, PluginPackage>()
  return found.flatMap((one) => {
    if (seen.has(one.folder)) return []
    seen.add(one.folder)
    const known = versions.get(`${one.name}@${one.version}`)
    if (one.fault !== null || one.version === null) return [one]
    if (known) return [{ ...one, fault: `The same version of it is taken from ${known.folder}` }]
    versions.set(`${one.name}@${one.version}`, one)
    return [one]
  })
}

/** Removes what an interrupted install left in the install folder: names that begin with a dot. */
export function sweepUnfinished({ installPath, workingFolder }: PluginPlaces): void {
  const folder = resolve(workingFolder, installPath)
  for (const name of namesIn(folder)) {
    const path = join(folder, name)
    if (!name.startsWith('.')) continue
    try {
      if (Date.now() - lstatSync(path).mtimeMs >= unfinishedMs) rmSync(path, { recursive: true, force: true })
    } catch {
      // Another worker sweeps it, or it is not ours to remove: it is passed over in any case.
    }
  }
}

/** What the setting `plugins` names. */
function named(name: string, workingFolder: string): PluginPackage {
  const single = { name, version: null, folder: name, origin: 'setting', api: null, module: null, parts: undefined, fault: null } as const
  try {
    if (/^[./]/.test(name)) {
      const path = resolve(workingFolder, name)
      if (existsSync(join(path, 'package.json'))) return readPackage(path, 'setting')
      return moduleFile(single, createRequire(join(workingFolder, 'package.json')).resolve(path))
    }
    const folder = installed(name, workingFolder)
    if (folder !== undefined) return readPackage(folder, 'setting')
    return moduleFile(single, createRequire(join(workingFolder, 'package.json')).resolve(name))
  } catch (error) {
    return { ...single, fault: (error as Error).message.split('\n', 1)[0]! }
  }
}

/** A module without a package of its own: its code says what it is. */
function moduleFile(single: Omit<PluginPackage, 'folder' | 'module'>, file: string): PluginPackage {
  const real = realpathSync(file)
  return { ...single, folder: real, module: pathToFileURL(real).href }
}

/** Folders of the dependencies of the working folder's package.json that carry the keyword. */
function dependencies(workingFolder: string): readonly string[] {
  const file = join(workingFolder, 'package.json')
  if (!existsSync(file)) return []
  let names: readonly string[]
  try {
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, object | undefined>>
    names = Object.keys({ ...dependencies, ...optionalDependencies })
  } catch {
    return [] // It is the program's that the worker runs beside, and not ours to judge.
  }
  return names.flatMap((name) => {
    const folder = installed(name, workingFolder)
    return folder !== undefined && carriesKeyword(folder) ? [folder] : []
  })
}

/** Where Node finds a package from a folder: in its `node_modules`, or in one above. */
function installed(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return candidate
    if (folder === dirname(folder)) return undefined
  }
}

/**
 * A package; where it is none of ours, what it depends on, as `npm install` in an empty folder leaves it; or the packages in a folder: beside each
 * other, under scopes, or installed each in a folder of its own. Others are passed over.
 */
function within(folder: string, origin: PluginOrigin, scope = false): readonly PluginPackage[] {
  if (existsSync(join(folder, 'package.json')))
    return (isPlugin(folder) ? [folder] : dependencies(folder)).map((one) => readPackage(one, origin))
  return namesIn(folder).flatMap((name): readonly PluginPackage[] => {
    const path = join(folder, name)
    if (name.startsWith('.')) return []
    if (existsSync(join(path, 'package.json')) && isPlugin(path)) return [readPackage(path, origin)]
    if (!scope && name.startsWith('@') && !existsSync(join(path, 'node_modules'))) return within(path, origin, true)
    const installedName = /^(.+)@[^@]+$/.exec(name)?.[1]?.replace('+', '/')
    const inner = installedName === undefined ? undefined : join(path, 'node_modules', installedName)
    return inner !== undefined && existsSync(join(inner, 'package.json')) ? [readPackage(inner, origin)] : []
  })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return [] // Connect's settings name folders that are not there on every machine.
  }
}
