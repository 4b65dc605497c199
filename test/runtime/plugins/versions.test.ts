import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PartManifest } from '../../../core/index.ts'
import { ConnectorVersions } from '../../../core/runtime/plugins/connector-versions.ts'
import { Registry, type DescribedModule } from '../../../core/runtime/registry.ts'
import { compareVersions, isPreRelease } from '../../../core/runtime/version-range.ts'

const part = (kind: PartManifest['kind'], name: string, aliases: readonly string[] = []): PartManifest => ({
  kind,
  class: name,
  aliases,
  config: {},
})
const module = (name: string, version: string, parts = [part('source', 'com.acme.Poll', ['poll'])]): DescribedModule => ({
  specifier: `file:///${name}/${version}`,
  package: name,
  version,
  parts,
})
const builtIn = {
  specifier: 'file:///own',
  package: 'millrace',
  builtIn: true,
  plugin: { name: 'own', version: '1', api: 1, sinks: [{ class: 'own.Sink', aliases: ['sink'], config: {}, create: () => fail() }] },
} as const

test('versions are ordered as npm orders them', () => {
  const ordered = [
    '0.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2',
    '1.10.0',
    '2.0.0',
  ]
  for (const [at, version] of ordered.entries()) {
    for (const [other, against] of ordered.entries())
      assert.equal(Math.sign(compareVersions(version, against)), Math.sign(at - other), `${version} ${against}`)
  }
  assert.equal(compareVersions('1.0', '1.0.0+build.5'), 0)
  assert.deepEqual(['1.0.0', '1.0.0+x-y', '1.0.0-x'].map(isPreRelease), [false, false, true])
  const piece = fc.oneof(fc.nat(3).map(String), fc.constantFrom('a', 'rc'))
  const version = fc
    .tuple(fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }), fc.array(piece, { maxLength: 2 }))
    .map(([numbers, before]) => numbers.join('.') + (before.length > 0 ? `-${before.join('.')}` : ''))
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0)
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0, `${a} ${b} ${c}`)
    }),
  )
})

test('a name finds the newest version in the range, pre-releases only where there is nothing else', () => {
  const registry = new Registry([
    builtIn,
    module('acme', '1.0.0'),
    module('acme', '1.10.0'),
    module('acme', '1.9.0'),
    module('acme', '2.0.0-rc.1'),
  ])
  const found = (name: string, range?: string) => registry.source(name, { range })?.version
  for (const name of ['com.acme.Poll', 'acme:com.acme.Poll', 'poll', 'Poll']) assert.equal(found(name), '1.10.0', name)
  for (const [range, version] of [
    ['latest', '1.10.0'],
    ['1.9', '1.9.0'],
    ['[1.0,1.10)', '1.9.0'],
    ['[2.0.0-a,)', '2.0.0-rc.1'],
    ['[3,)', undefined],
  ] as const) {
    assert.equal(found('poll', range), version, range)
  }
  const pin = { package: 'acme', class: 'com.acme.Poll', version: '1.9.0' }
  assert.equal(registry.source('poll', { pin })?.version, '1.9.0')
  assert.equal(registry.source('poll', { pin, range: '[1.10,)' })?.version, '1.10.0', 'the config is stronger than the pin')
  assert.equal(registry.source('poll', { pin: { ...pin, class: 'com.acme.Other' } })?.version, '1.10.0')
})

test('nobody takes a name of a built-in plugin, and a name of two packages means neither', () => {
  const registry = new Registry([
    builtIn,
    module('acme', '1.0.0', [part('sink', 'com.acme.Sink', ['sink'])]),
    module('acme', '2.0.0'),
    module('other', '3.0.0'),
  ])
  assert.equal(registry.sink('sink')?.class, 'own.Sink')
  const taken = new Registry([builtIn, module('thief', '1.0.0', [part('sink', 'sink'), part('sink', 'Sink')])])
  assert.deepEqual([taken.sink('sink')?.class, taken.sink('Sink')?.class], ['own.Sink', 'own.Sink'], 'not by a class of that name, either')
  assert.equal(taken.sink('thief:sink')?.package, 'thief')
  assert.equal(registry.sink('com.acme.Sink')?.package, 'acme')
  assert.equal(registry.source('poll'), undefined)
  assert.match(
    registry.nameFault('source', 'poll')!,
    /2 plugins are called poll: name one of them in full, acme:com\.acme\.Poll or other:com\.acme\.Poll/,
  )
  assert.equal(registry.source('other:com.acme.Poll')?.version, '3.0.0')
  assert.equal(registry.source('poll', { range: '[3,)' })?.package, 'other', 'a range that only one of them has')
  const pin = { package: 'acme', class: 'com.acme.Poll', version: '1.0.0' }
  assert.equal(registry.source('poll', { pin })?.version, '2.0.0', 'who ran with one package is not disturbed by another')
  const louder = new Registry([module('acme', '2.0.0'), module('other', '3.0.0', [part('source', 'poll')])])
  assert.equal(louder.source('poll')?.package, 'other', 'a class is found before an alias')
  assert.equal(louder.source('poll', { pin })?.package, 'acme', 'but who ran with the alias is not given the other')
})

test('a connector stays with its choice, goes back from what failed, and tries again what is new', () => {
  const registry = new Registry([module('acme', '1.0.0')])
  const raw = { 'connector.class': 'poll' }
  let versions = new ConnectorVersions(registry, {}, undefined)
  const now = () => versions.pins(raw)['connector.class']?.version
  const restart = () => versions.begin(raw)
  assert.equal(versions.stored, undefined)
  assert.equal(restart(), true)
  assert.equal(versions.failed(raw, 'a first version has nothing to go back to'), undefined)
  assert.equal(versions.ranWell(), true)
  assert.equal(versions.ranWell(), false)

  registry.replace([module('acme', '1.0.0'), module('acme', '2.0.0')])
  assert.equal(now(), '1.0.0', 'until it is restarted')
  assert.equal(restart(), true)
  assert.equal(now(), '2.0.0')
  const went = versions.failed(raw, 'it broke')
  assert.deepEqual([went?.failed['connector.class']?.version, went?.to['connector.class']?.version], ['2.0.0', '1.0.0'])
  restart()
  assert.equal(now(), '1.0.0')
  assert.equal(versions.failed(raw, 'the old one fails as well'), undefined)

  // Another process, over what was stored.
  versions = new ConnectorVersions(registry, {}, JSON.parse(JSON.stringify(versions.stored)))
  restart()
  assert.equal(now(), '1.0.0')
  assert.equal(versions.shown(raw).wentBack?.reason, 'it broke')
  versions.end()
  versions.reconsider()
  assert.equal(now(), '2.0.0', 'a changed config is another chance')

  versions = new ConnectorVersions(registry, {}, { good: went!.to, refused: went! })
  registry.replace([module('acme', '1.0.0'), module('acme', '2.0.0'), module('acme', '2.0.1')])
  restart()
  assert.equal(now(), '2.0.1', 'another version is another chance')
  versions.ranWell()
  assert.equal(versions.stored?.refused, null)

  // What it would go back to is gone, or not allowed: then nothing is better than what failed.
  versions = new ConnectorVersions(registry, {}, { good: went!.to, refused: null })
  registry.replace([module('acme', '2.0.1')])
  restart()
  assert.equal(versions.failed(raw, 'x'), undefined)
  registry.replace([module('acme', '1.0.0'), module('acme', '2.0.1')])
  assert.equal(versions.failed({ ...raw, 'connector.plugin.version': '2.0.1' }, 'x'), undefined)
})

function fail(): never {
  throw new Error('nothing is created here')
}
