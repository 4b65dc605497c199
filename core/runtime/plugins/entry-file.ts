import { existsSync, realpathSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Conditions under which `import` reads a package's `exports`, as Node does. */
const conditions = new Set(['node', 'import', 'module-sync', 'default'])

/**
 * The module of a package whose default export is the plugin, as a file URL: the manifest's `entry`, else what importing the package gives
 * (`exports["."]`, `main`, `index.js`). The package's folder is real (no link in it). Throws an Error that names the file where there is none,
 * or where it lies outside the package.
 */
export function entryOf(folder: string, entry: string | undefined, packageJson: Readonly<Record<string, unknown>>): string {
  const named =
    entry ?? exported(packageJson['exports']) ?? (packageJson['exports'] === undefined ? mainOf(folder, packageJson['main']) : undefined)
  if (named === undefined) throw new Error('Nothing says which module the plugin is: add "entry" to "millrace" in its package.json')
  const path = join(folder, named)
  if (!isInside(folder, path)) throw new Error(`Its entry ${named} lies outside the package`)
  if (!existsSync(path) || !statSync(path).isFile())
    throw new Error(`Its entry ${named} does not exist in ${folder}: was the package built?`)
  const real = realpathSync(path)
  if (!isInside(folder, real)) throw new Error(`Its entry ${named} is a link to ${real}, outside the package`)
  return pathToFileURL(real).href
}

function isInside(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function mainOf(folder: string, main: unknown): string | undefined {
  const tries = typeof main === 'string' && main !== '' ? [main, `${main}.js`, join(main, 'index.js')] : ['index.js']
  return tries.find((path) => existsSync(join(folder, path)) && statSync(join(folder, path)).isFile()) ?? tries[0]
}

/** What `exports` gives for the package itself (nodejs.org/api/packages.html, "Conditional exports"). */
function exported(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(exported).find((path) => path !== undefined)
  if (typeof value !== 'object' || value === null) return undefined
  const own = Object.entries(value)
  if (own.some(([key]) => key.startsWith('.'))) return exported(own.find(([key]) => key === '.')?.[1])
  for (const [condition, target] of own) {
    if (!conditions.has(condition)) continue
    const path = exported(target)
    if (path !== undefined) return path
  }
  return undefined
}
