import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '..')
const rooms = ['core', 'connectors', 'transforms', 'config', 'cli', 'testing', 'embed']

/** Every source file with the files of the tree that it imports, both relative to the root. */
const imports = new Map(
  rooms
    .flatMap((room) => readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((name) => join(room, name)))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name, importsOf(name)]),
)

test('the contract imports nothing but itself', () => {
  assert.deepEqual(
    breaches(
      (file) => inside(file, 'core/contract'),
      (_, target) => !inside(target, 'core/contract'),
    ),
    [],
  )
})

test('core imports only core, and downwards: rest to runtime to store and converter to contract', () => {
  const height = ['core/contract', 'core/converter', 'core/store', 'core/runtime', 'core/rest']
  const level = (file: string) => height.findIndex((room) => inside(file, room))
  assert.deepEqual(
    breaches(
      (file) => inside(file, 'core') && file !== 'core/index.ts',
      (file, target) => !inside(target, 'core') || target === 'core/index.ts' || level(target) > level(file),
    ),
    [],
  )
})

test('connectors and transforms import only core/index and their own folder', () => {
  const home = (file: string) =>
    file
      .split('/')
      .slice(0, inside(file, 'connectors') ? 2 : 1)
      .join('/')
  assert.deepEqual(
    breaches(
      (file) => inside(file, 'connectors') || inside(file, 'transforms'),
      (file, target) => target !== 'core/index.ts' && !inside(target, home(file)),
    ),
    [],
  )
})

test('the suites for plugins import only core, and only the command line imports them', () => {
  assert.deepEqual(
    breaches(
      (file) => inside(file, 'testing'),
      (_, target) => !inside(target, 'core') && !inside(target, 'testing'),
    ),
    [],
  )
  assert.deepEqual(
    breaches(
      (file) => !inside(file, 'testing') && !inside(file, 'cli'),
      (_, target) => inside(target, 'testing'),
    ),
    [],
  )
})

test('nobody imports config but what starts a worker: the command line, and embedding', () => {
  assert.deepEqual(
    breaches(
      (file) => !inside(file, 'config') && !inside(file, 'cli') && !inside(file, 'embed'),
      (_, target) => inside(target, 'config'),
    ),
    [],
  )
})

test('file names say what is inside', () => {
  const banned = /^(manager|helper|util|common|base|abstract|impl|handler|processor|data|info|service|misc)s?$/i
  const words = (name: string) => name.replace(/\.ts$/, '').split(/[/.-]/)
  assert.deepEqual(
    [...imports.keys()].filter((name) => words(name).some((word) => banned.test(word))),
    [],
  )
})

test('no file is longer than a sitting', () => {
  const long = [...imports.keys()]
    .map((name) => [name, readFileSync(join(root, name), 'utf8').split('\n').length] as const)
    .filter(([, lines]) => lines > 400)
  assert.deepEqual(long, [])
})

function inside(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`)
}

function breaches(from: (file: string) => boolean, wrong: (file: string, target: string) => boolean): readonly string[] {
  return [...imports].flatMap(([file, targets]) =>
    from(file) ? targets.filter((target) => wrong(file, target)).map((target) => `${file} -> ${target}`) : [],
  )
}

function importsOf(name: string): readonly string[] {
  const text = readFileSync(join(root, name), 'utf8')
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map((match) => match[1]!)
  return specifiers.map((specifier) => relative(root, resolve(join(root, dirname(name)), specifier)))
}
