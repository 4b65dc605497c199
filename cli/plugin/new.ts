import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PartManifest } from '../../core/index.ts'
import { builtinPlugins } from '../../config/plugins.ts'
import { Registry } from '../../core/runtime/registry.ts'
import { UsageError } from '../exit.ts'
import { note, printLines } from '../output/print.ts'
import { describeModule } from './describe-module.ts'
import { millraceDependency } from './millrace-dependency.ts'
import { pluginKeyword } from './manifest.ts'
import { moduleOf, readOwnPackage } from './own-package.ts'

/** The kinds of plugin that there is a template for. */
export const templateKinds = ['source', 'sink', 'transform', 'converter'] as const
export type TemplateKind = (typeof templateKinds)[number]

const templates = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../templates/' : '../../../templates/', import.meta.url))
const prefix = 'millrace-plugin-'
const nameMax = 214

const about: Readonly<Record<TemplateKind, { readonly about: string; readonly tried: string; readonly key: string }>> = {
  source: {
    about:
      'A source connector for Millrace. As it is, it reads items from a file; put the calls to your system in the place of `itemsAfter`.',
    tried: 'an upstream with a known number of records',
    key: 'connector.class',
  },
  sink: {
    about:
      'A sink connector for Millrace. As it is, it writes files into a folder, exactly once; put your system in the place of the files.',
    tried: 'an empty place, and a way to read it',
    key: 'connector.class',
  },
  transform: {
    about: 'A transform for Millrace. As it is, it trims the text of a field.',
    tried: 'sample records',
    key: 'transforms.<alias>.type',
  },
  converter: {
    about: 'A converter for Millrace. As it is, it reads and writes web forms.',
    tried: 'sample values',
    key: 'value.converter',
  },
}

/**
 * Writes a complete plugin package into a new folder (default: named after the package, in the working folder). Throws a UsageError where the name is
 * no npm name or the folder exists; then nothing is written.
 */
export async function newPlugin(kind: TemplateKind, name: string, options: { readonly dir?: string }): Promise<void> {
  const fault = nameFault(name)
  if (fault !== undefined) throw new UsageError(`"${name}" cannot be the name of a package: ${fault}`)
  const bare = name.slice(name.indexOf('/') + 1)
  const folder = resolve(options.dir ?? bare)
  if (existsSync(folder)) throw new UsageError(`${folder} exists already: name another folder with --dir, or another package`)
  if (bare === name && !name.startsWith(prefix)) note(`Packages that are found easily are called ${prefix}${bare}; ${name} works as well.`)
  const words = wordsOf(bare, kind)
  const replacements: Readonly<Record<string, string>> = {
    package: name,
    kind,
    class: [...words, kind].map((word) => word[0]!.toUpperCase() + word.slice(1)).join(''),
    alias: words.join('-'),
    ...about[kind],
  }
  const own = [replacements['class']!, replacements['alias']!].map((one) => ownClass(kind, one)).find((one) => one !== undefined)
  if (own !== undefined) {
    const wayOut = `add a word that tells the two apart, such as ${prefix}acme-${words.join('-')}`
    throw new UsageError(`"${name}" would be called as ${own} of Millrace itself: ${wayOut}`)
  }
  const millrace = millraceDependency(dirname(templates), ownVersion())
  const files = [...filesIn(join(templates, 'package')), ...filesIn(join(templates, kind))]
  // Made beside its place and moved there in one step: whoever sees the folder sees all of it.
  const staging = join(dirname(folder), `.${bare}-${process.pid}`)
  try {
    for (const { path, text } of files) write(join(staging, path === 'gitignore' ? '.gitignore' : path), filled(text, replacements))
    write(join(staging, 'package.json'), packageJson(kind, name, [], millrace))
    const { parts } = await describeModule(moduleOf(readOwnPackage(staging), { built: false }))
    write(join(staging, 'package.json'), packageJson(kind, name, parts, millrace))
    renameSync(staging, folder)
  } catch (error) {
    rmSync(staging, { recursive: true, force: true })
    throw error
  }
  const shown = relative(process.cwd(), folder) || '.'
  printLines([
    `Wrote ${name} to ${shown}: a ${kind} with tests that pass. Next:`,
    '',
    `  cd ${shown}`,
    '  npm install',
    '  npm run dev      # runs it in a worker; saving a file runs the new code',
    '  npm test',
    '  npm run build',
  ])
  if (millrace.startsWith('file:'))
    note(
      'Its package.json takes Millrace from where this one lies, as it does not come from a registry; name a version there before you share it.',
    )
}

/** The class of Millrace itself that a config means by this name; undefined: none. */
function ownClass(kind: TemplateKind, name: string): string | undefined {
  return new Registry(builtinPlugins).named(kind === 'transform' ? 'transformation' : kind, name)[0]?.class
}

/** What npm says against a name (docs.npmjs.com, package.json "name"); undefined: nothing. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name.length > nameMax) return `it is longer than ${nameMax} characters`
  if (name !== name.toLowerCase()) return 'it has capital letters; npm takes lower case alone'
  const [scope, bare] = name.startsWith('@')
    ? [name.slice(1, Math.max(1, name.indexOf('/'))), name.slice(name.indexOf('/') + 1)]
    : ['x', name]
  if (name.startsWith('@') && (!name.includes('/') || scope === '')) return 'a scope is written @scope/name'
  const parts = [scope, bare]
  if (parts.some((part) => !/^[a-z0-9~-][a-z0-9._~-]*$/.test(part)))
    return 'it may hold a-z, 0-9, "-", ".", "_" and "~", and begins with a letter or a digit'
  if (bare === 'node_modules' || bare === 'favicon.ico') return 'npm does not allow it'
  if (!/[a-z]/.test(bare.replace(prefix, ''))) return 'it has no letter to name a class after'
  return undefined
}

/** The words of a name that is left without prefix and kind: `millrace-plugin-acme-orders-source` -> acme, orders. */
function wordsOf(bare: string, kind: TemplateKind): readonly string[] {
  const words = bare
    .replace(prefix, '')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  const own = words.length > 1 && words.at(-1) === kind ? words.slice(0, -1) : words
  // A class cannot begin with a digit.
  return /^[a-z]/.test(own[0]!) ? own : ['x', ...own]
}

function packageJson(kind: TemplateKind, name: string, parts: readonly PartManifest[], millrace: string): string {
  const version = ownVersion()
  const json = {
    name,
    version: '0.1.0',
    description: about[kind].about.split('. ')[0]!.replace(/\.$/, ''),
    keywords: [pluginKeyword],
    license: 'UNLICENSED',
    type: 'module',
    engines: { node: '>=22.22' },
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
    files: ['dist', 'README.md'],
    millrace: { api: 1, parts },
    scripts: {
      build: 'tsc -p tsconfig.build.json && millrace plugin manifest',
      test: 'tsc -p tsconfig.json && node --disable-warning=ExperimentalWarning --test "test/*.test.ts"',
      dev: 'millrace plugin dev',
      prepack: 'npm run build',
    },
    peerDependencies: { millrace: `>=${version}` },
    devDependencies: { '@types/node': '^24.0.0', millrace, typescript: '>=5.9' },
  }
  return `${JSON.stringify(json, null, 2)}\n`
}

function filesIn(folder: string): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(folder, path), text: readFileSync(path, 'utf8') }))
}

/** Throws where a template has a gap that nothing fills: a fault of the template. */
function filled(text: string, replacements: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (gap, key: string) => {
    if (!Object.hasOwn(replacements, key)) throw new Error(`The template has the gap ${gap}, which nothing fills`)
    return replacements[key]!
  })
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** The version of this Millrace: what the package is written for. */
function ownVersion(): string {
  return (JSON.parse(readFileSync(join(templates, '../package.json'), 'utf8')) as { version: string }).version
}
