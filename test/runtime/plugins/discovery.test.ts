import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { apiInRange } from '../../../core/runtime/plugins/api-range.ts'
import { findPackages, sweepUnfinished } from '../../../core/runtime/plugins/discovery.ts'
import { describePlugin } from '../../../core/runtime/plugins/describe.ts'
import { readManifest } from '../../../core/runtime/plugins/read-manifest.ts'
import { builtinPlugins } from '../../../config/plugins.ts'
import { tempFolder, ticker, tickerPackage } from './packages.ts'

const places = (workingFolder: string, more = {}) => ({ plugins: [], path: [], installPath: './installs', workingFolder, ...more })

test('packages are found among dependencies, by name, by file, in plugin.path with scopes, and where they were installed', () => {
  using folder = tempFolder()
  folder.file('package.json', JSON.stringify({ dependencies: { dep: '1', other: '1' }, optionalDependencies: { opt: '1', gone: '1' } }))
  tickerPackage(folder, 'node_modules/dep', { name: 'dep' })
  tickerPackage(folder, 'node_modules/opt', { name: 'opt' })
  tickerPackage(folder, 'node_modules/other', { name: 'other', keyword: false })
  tickerPackage(folder, 'node_modules/named', { name: 'named', keyword: false, millrace: null })
  folder.file('single.mjs', 'export default 1')
  tickerPackage(folder, 'path/one', { name: 'one' })
  tickerPackage(folder, 'path/@acme/two', { name: '@acme/two' })
  folder.file('path/java/lib.jar', '')
  for (const name of ['@a', '@b', '@c']) symlinkSync(join(folder.path, 'path'), join(folder.path, 'path', name))
  tickerPackage(folder, 'path/.git', { name: 'hidden' })
  tickerPackage(folder, 'installs/@acme+three@1.0.0/node_modules/@acme/three', { name: '@acme/three' })
  tickerPackage(folder, 'installs/@acme+three@2.0.0/node_modules/@acme/three', { name: '@acme/three', version: '2.0.0' })
  tickerPackage(folder, 'installs/.staged/node_modules/@acme/three', { name: '@acme/three', version: '3.0.0' })
  const found = findPackages(places(folder.path, { plugins: ['named', './single.mjs', './nowhere.mjs'], path: ['path', 'absent'] }))
  assert.deepEqual(
    found.map(({ name, version, origin, parts, fault }) => [name, version, origin, parts?.length, fault && 'fault']),
    [
      ['named', '1.0.0', 'setting', undefined, null],
      ['./single.mjs', null, 'setting', undefined, null],
      ['./nowhere.mjs', null, 'setting', undefined, 'fault'],
      ['dep', '1.0.0', 'dependency', 1, null],
      ['opt', '1.0.0', 'dependency', 1, null],
      ['one', '1.0.0', 'path', 1, null],
      ['@acme/two', '1.0.0', 'path', 1, null],
      ['@acme/three', '1.0.0', 'installed', 1, null],
      ['@acme/three', '2.0.0', 'installed', 1, null],
    ],
  )
  assert.match(found[2]!.fault!, /Cannot find module/)
})

test('a folder of plugin.path in which npm installed plugins has them', () => {
  using folder = tempFolder()
  folder.file('mine/package.json', JSON.stringify({ dependencies: { 'acme-ticker': '1', plain: '1' } }))
  tickerPackage(folder, 'mine/node_modules/acme-ticker')
  tickerPackage(folder, 'mine/node_modules/not-asked-for', { name: 'not-asked-for' })
  folder.file('mine/node_modules/plain/package.json', JSON.stringify({ name: 'plain', version: '1.0.0' }))
  const found = findPackages(places(folder.path, { path: ['mine'] }))
  assert.deepEqual(
    found.map(({ name, fault, origin }) => [name, fault, origin]),
    [['acme-ticker', null, 'path']],
  )
})

test('what code says of itself and no JSON can hold is refused with a sentence, and costs no time', () => {
  const circle: Record<string, unknown> = { type: 'string', doc: 'x' }
  circle['default'] = circle
  const part = (more: object) => ({ api: 1, parts: [{ ...ticker, ...more }] })
  assert.throws(() => readManifest(part({ config: { a: { type: 'long', doc: 'x', default: 5n } } })), /default is 5n, which is no long/)
  assert.throws(() => readManifest(part({ config: { a: circle } })), /default is .*Circular.*, which is no string/)
  const aliases: string[] = []
  aliases.length = 4e9
  assert.throws(() => readManifest(part({ aliases })), /aliases has 4000000000 entries; at most 2000 are read/)
})

test('each broken package is refused by itself, with what is wrong and where', () => {
  using folder = tempFolder()
  const manifest = (parts: unknown, more = {}) => ({ api: 1, entry: './index.mjs', parts, ...more })
  const withConfig = (config: unknown) => manifest([{ ...ticker, config }])
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['api2', manifest([ticker], { api: '^2' }), /works with version \^2 of the plugin contract; this Millrace offers version 1/],
    ['api-none', { parts: [ticker] }, /millrace\.api is missing/],
    ['api-odd', manifest([ticker], { api: 'one' }), /millrace\.api is "one", which is no version range/],
    ['number', 7, /millrace is 7, not an object/],
    ['parts', manifest({}), /millrace\.parts is \{\}, not a list/],
    ['kind', manifest([{ ...ticker, kind: 'sauce' }]), /millrace\.parts\[0\]\.kind is "sauce"; it is one of source, sink/],
    ['class', manifest([{ ...ticker, class: '../x' }]), /\.class is "\.\.\/x"/],
    ['twice', manifest([ticker, ticker]), /names the source com\.acme\.Ticker twice/],
    ['config', manifest([{ ...ticker, config: null }]), /\.config is null, not an object/],
    [
      'proto',
      JSON.parse(`{"api":1,"parts":[{"kind":"source","class":"A","config":{"__proto__":{"type":"int","doc":"x"}}}]}`),
      /a setting named "__proto__"/,
    ],
    ['type', withConfig({ a: { type: 'integer', doc: 'x' } }), /\["a"\]\.type is "integer"; it is one of string, int/],
    ['doc', withConfig({ a: { type: 'int' } }), /\["a"\]\.doc is missing, not a text/],
    ['default', withConfig({ a: { type: 'int', doc: 'x', default: 'y' } }), /default is "y", which is no int/],
    ['bounds', withConfig({ a: { type: 'int', doc: 'x', default: 0, min: 1 } }), /a default that is wrong by its own rules: .*at least 1/],
    ['many', withConfig(Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [`k${n}`, { type: 'int', doc: 'x' }]))), /2001 settings/],
    ['up', manifest([ticker], { entry: '../good/index.mjs' }), /lies outside the package/],
    ['absolute', manifest([ticker], { entry: '/etc/passwd' }), /does not exist in/],
    ['missing', manifest([ticker], { entry: './dist/none.js' }), /does not exist in .*: was the package built\?/],
    ['link', manifest([ticker], { entry: './link.mjs' }), /is a link to .*, outside the package/],
  ]
  tickerPackage(folder, 'path/good', { name: 'good' })
  for (const [name, millrace] of cases) tickerPackage(folder, `path/${name}`, { name, millrace })
  symlinkSync(join(folder.path, 'path/good/index.mjs'), join(folder.path, 'path/link/link.mjs'))
  tickerPackage(folder, 'path/no-version', { name: 'no-version', version: '' })
  tickerPackage(folder, 'path/bad-name', { name: 'no name' })
  mkdirSync(join(folder.path, 'path/pipe'))
  execFileSync('mkfifo', [join(folder.path, 'path/pipe/package.json')])
  folder.file('path/garbage/package.json', '{"keywords": ["millrace-plugin"')
  folder.file('path/huge/package.json', `{"name":"huge","x":"${'x'.repeat(5_000_000)}"}`)
  tickerPackage(folder, 'path/good-copy', { name: 'good' })
  const found = findPackages(places(folder.path, { path: ['path'] }))
  const faults = new Map(found.map((one) => [one.folder.split('/').at(-1)!, one.fault]))
  assert.equal(faults.get('good'), null)
  for (const [name, , fault] of cases) assert.match(faults.get(name) ?? 'taken', fault, name)
  assert.match(faults.get('no-version')!, /"version" in its package\.json is "", which is no version/)
  assert.match(faults.get('bad-name')!, /"name" in its package\.json is "no name"/)
  assert.match(faults.get('garbage')!, /package\.json is not valid JSON/)
  assert.match(faults.get('pipe')!, /package\.json is no file/)
  assert.match(faults.get('huge')!, /has 5\d+ bytes; at most 4194304 are read/)
  assert.match(faults.get('good-copy')!, /The same version of it is taken from .*good$/)
})

test('a package with one part may be flat, and its entry is what importing it gives', () => {
  using folder = tempFolder()
  const { kind, class: name, config } = ticker
  folder.file('p/lib/a.mjs', '')
  for (const [at, exports, found] of [
    ['string', './lib/a.mjs', 'lib/a.mjs'],
    ['dot', { '.': './lib/a.mjs', './x': './x.mjs' }, 'lib/a.mjs'],
    ['conditions', { types: './t.d.ts', import: { node: './lib/a.mjs' }, default: './b.mjs' }, 'lib/a.mjs'],
    ['main', undefined, 'index.mjs'],
  ] as const) {
    tickerPackage(folder, `path/${at}`, { name: at, millrace: { api: '>=1 <3', kind, class: name, config } })
    folder.file(`path/${at}/lib/a.mjs`, '')
    folder.file(
      `path/${at}/package.json`,
      JSON.stringify({ name: at, version: '1.0.0', main: './index.mjs', exports, millrace: { api: '>=1 <3', kind, class: name, config } }),
    )
    const [one] = findPackages(places(folder.path, { path: [`path/${at}`] }))
    assert.equal(one!.fault, null, at)
    assert.ok(one!.module!.endsWith(`path/${at}/${found}`), `${at}: ${one!.module}`)
    assert.deepEqual(
      one!.parts!.map((part) => part.class),
      ['com.acme.Ticker'],
    )
  }
})

test('what built-in plugins say of themselves is a manifest that is read back the same', () => {
  for (const { plugin } of builtinPlugins) {
    const { api, parts } = JSON.parse(JSON.stringify(describePlugin(plugin))) as { api: number; parts: unknown }
    assert.deepEqual(JSON.parse(JSON.stringify(readManifest({ api, parts }).parts)), parts, plugin.name)
  }
})

test('api ranges', () => {
  for (const range of [1, '1', '^1', '~1.2', '1.x', '>=1 <3', '>= 1', '*', '2 || 1'])
    assert.equal(apiInRange(1, range), true, String(range))
  for (const range of [2, '^2', '>1', '<1', '>=2 <3', '2 || 3']) assert.equal(apiInRange(1, range), false, String(range))
  for (const range of ['', 'one', '1 - 2', '>=', 'latest']) assert.equal(apiInRange(1, range), undefined, range)
})

test('an interrupted install is passed over, and swept when it is old', () => {
  using folder = tempFolder()
  for (const name of ['.old', '.new', 'kept@1.0.0']) mkdirSync(join(folder.path, 'installs', name), { recursive: true })
  utimesSync(join(folder.path, 'installs/.old'), 0, 0)
  sweepUnfinished(places(folder.path))
  assert.throws(() => utimesSync(join(folder.path, 'installs/.old'), 0, 0))
  utimesSync(join(folder.path, 'installs/.new'), 0, 0)
  utimesSync(join(folder.path, 'installs/kept@1.0.0'), 0, 0)
})

test('whatever a manifest holds is read or refused with a sentence', () => {
  const names = [
    'api',
    'entry',
    'kind',
    'class',
    'aliases',
    'doc',
    'config',
    'client',
    'sourceDefaults',
    'sources',
    'sampling',
    'type',
    'default',
    'oneOf',
    'min',
  ]
  const name = fc.oneof(fc.constantFrom(...names, '__proto__', 'constructor', 'a'), fc.string())
  const leaf = fc.oneof(fc.constantFrom('source', 'int', 'A', '1', 1, null, true, '../x'), fc.string(), fc.double(), fc.constant([]))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(name, tie('tree'), { maxKeys: 6 })),
  }))
  const part = fc
    .tuple(tree, fc.dictionary(name, tree, { maxKeys: 6 }))
    .map(([config, more]) => ({ kind: 'source', class: 'A', config, ...more }))
  const keys = fc.dictionary(name, tree, { maxKeys: 5 }).map((key) => ({ ...ticker, config: { a: { type: 'int', doc: 'x', ...key } } }))
  fc.assert(
    fc.property(
      fc.oneof(
        tree,
        fc.array(fc.oneof(part, keys), { maxLength: 3 }).map((parts) => ({ api: 1, parts })),
      ),
      (value) => {
        try {
          const { parts } = readManifest(JSON.parse(JSON.stringify(value)))
          assert.deepEqual(
            JSON.parse(JSON.stringify(readManifest({ api: 1, parts }).parts ?? null)),
            JSON.parse(JSON.stringify(parts ?? null)),
          )
        } catch (error) {
          assert.match((error as Error).message, /^(millrace|It works with)/, (error as Error).stack)
        }
        assert.equal(({} as { polluted?: unknown }).polluted, undefined)
      },
    ),
    { numRuns: 2000 },
  )
})
