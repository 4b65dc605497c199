import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FailedError } from '../exit.ts'
import { readPackageJson } from './install-folder.ts'
import { npmInstall } from './npm.ts'
import { nameFault, type PackageSpec } from './package-spec.ts'

/** A package that lies in a staging folder with all that it depends on. Nothing in it was run or looked at. */
export interface StagedPackage {
  readonly name: string
  readonly root: string
  /** Packages that wanted to run a script when they were installed, `name@version`; none was run. */
  readonly scripts: readonly string[]
}

/** Its own package and that of Millrace: plugins get the contract of the Millrace that installs them, never another from the registry. */
const millrace = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../' : '../../../', import.meta.url))
const tarball = 'package.tgz'

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}

/** Has npm put a package into the folder, which is empty. Rejects with a FailedError where npm fails or brings something of unknown origin. */
export async function stagePackage(
  folder: string,
  spec: PackageSpec,
  options: { readonly registry?: string | undefined; readonly signal: AbortSignal },
): Promise<StagedPackage> {
  const own = { millrace: `file:${millrace}` }
  const wanted = spec.kind === 'registry' ? { ...own, [spec.name]: spec.range ?? 'latest' } : own
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: wanted }))
  // An empty one ends npm's search for the folder that it works on.
  mkdirSync(join(folder, 'node_modules'))
  const npmrc = join(folder, '.npmrc')
  if (existsSync('.npmrc')) copyFileSync(resolve('.npmrc'), npmrc) // Where a project names its registry, plugins come from there, too.
  try {
    if (spec.kind === 'tarball') copyFileSync(spec.file, join(folder, tarball))
    await npmInstall(folder, spec.kind === 'tarball' ? [`./${tarball}`] : [], options)
  } finally {
    rmSync(npmrc, { force: true }) // It may hold a token.
    rmSync(join(folder, tarball), { force: true })
  }
  const name = spec.kind === 'registry' ? spec.name : nameOfTarball(folder)
  const locked = lockedPackages(folder)
  const foreign = Object.entries(locked).filter(([place, one]) => place.startsWith('node_modules/') && isForeign(place, one))
  if (foreign.length > 0) {
    const list = foreign.map(([place, { resolved }]) => `${place.replace(/^.*node_modules\//, '')} (${resolved ?? 'a link'})`)
    throw new FailedError(`${name} depends on packages that come from outside the registry: ${list.join(', ')}. They are not taken.`)
  }
  const scripts = Object.entries(locked)
    .filter(([place, { hasInstallScript }]) => place.startsWith('node_modules/') && hasInstallScript)
    .map(([place, { version }]) => `${place.replace(/^.*node_modules\//, '')}@${version ?? '?'}`)
  return { name, root: join(folder, 'node_modules', ...name.split('/')), scripts }
}

/** npm notes in the folder's package.json what it took from the tarball. */
function nameOfTarball(folder: string): string {
  const { dependencies } = readPackageJson(folder) as { dependencies?: Readonly<Record<string, string>> }
  const name = Object.keys(dependencies ?? {}).find((one) => one !== 'millrace')
  if (name === undefined) throw new FailedError('The tarball holds no package that can be installed beside Millrace.')
  const fault = nameFault(name)
  if (fault) throw new FailedError(`The tarball's package cannot be installed: ${fault}.`)
  return name
}

function lockedPackages(folder: string): Readonly<Record<string, LockedPackage>> {
  const text = readFileSync(join(folder, 'node_modules', '.package-lock.json'), 'utf8')
  return (JSON.parse(text) as { packages?: Record<string, LockedPackage> }).packages ?? {}
}

/** An npm that does not know the flags that forbid it may have fetched from anywhere. */
function isForeign(place: string, { resolved, link }: LockedPackage): boolean {
  if (place === 'node_modules/millrace') return false
  return link === true || (resolved !== undefined && !/^https?:/.test(resolved) && resolved !== `file:${tarball}`)
}
