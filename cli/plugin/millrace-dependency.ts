import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'

/**
 * What a new package says in `devDependencies` to get the Millrace that lies in the folder `own`: its version where npm fetched it from a registry,
 * else, as with a checkout or a tarball, the place where it lies: no registry need have that version.
 */
export function millraceDependency(own: string, version: string): string {
  return isFromRegistry(own) ? `^${version}` : `file:${own.split(sep).join('/')}`
}

/** npm notes where it took each package from, in a file beside them. Other installers fetch from a registry, as far as anybody can see. */
function isFromRegistry(own: string): boolean {
  const modules = dirname(own)
  if (basename(modules) !== 'node_modules') return false
  const file = join(modules, '.package-lock.json')
  if (!existsSync(file)) return true
  try {
    const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, { readonly resolved?: string } | undefined> }
    return /^https?:/.test(packages[`node_modules/${basename(own)}`]?.resolved ?? '')
  } catch {
    return true // A broken note says nothing.
  }
}
