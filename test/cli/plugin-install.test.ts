import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { checkPackage } from '../../cli/plugin/check-package.ts'
import { nearNames } from '../../cli/plugin/near-names.ts'
import { readPackageSpec } from '../../cli/plugin/package-spec.ts'
import { NpmRegistry, tarball } from '../npm-registry.ts'
import { WorkerProcess } from '../worker-process.ts'
import { runCommand } from './command.ts'

const core = new URL('../../core/index.ts', import.meta.url).href
const launcher = join(import.meta.dirname, '../../bin/millrace.cjs')
const folder = mkdtempSync(join(tmpdir(), 'millrace-install-'))
const installs = join(folder, 'plugins')
let registry: NpmRegistry
let worker: WorkerProcess

before(async () => {
  registry = await NpmRegistry.start()
  worker = await WorkerProcess.start(folder, { 'plugin.install.path': installs, 'task.restart.max.attempts': '0' })
})
after(async () => {
  await worker[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** `millrace plugin <verb>`, in a process: a thread that starts processes of its own does not always end well in Node. */
const millraceAt = (url: string, ...args: readonly string[]) =>
  runCommand(['plugin', ...args], { env: { MILLRACE_URL: url, npm_config_cache: join(folder, 'npm-cache') } })
/** `millrace plugin <verb>` against the test's registry and worker. */
const millrace = (...args: readonly string[]) => millraceAt(worker.url, ...args)
const install = (...args: readonly string[]) => millrace('install', '--registry', registry.url, ...args)

/** What is in the folder of installs, and would count. */
const installed = () => (existsSync(installs) ? readdirSync(installs).sort() : [])

/** A package with a source that tells its version in what it writes. `code` runs when it is imported. */
function pulse(
  version: string,
  {
    name = 'millrace-plugin-pulse',
    className = `acme.${name.replace(/^.*\//, '')}`,
    code = '',
    open = '',
    more = {},
    millrace = undefined as object | undefined,
  } = {},
) {
  const config = { lines: { type: 'int', default: 1, doc: 'Lines.' } }
  const part = { kind: 'source', class: className, aliases: [`${name.replace(/^.*\//, '')}-source`], config }
  return {
    'package.json': {
      name,
      version,
      type: 'module',
      main: './index.js',
      keywords: ['millrace-plugin'],
      millrace: millrace ?? { api: 1, parts: [part] },
      ...more,
    },
    'index.js': `${code}
import { definePlugin, idle, record, source } from ${JSON.stringify(core)}
export default definePlugin({ name: '${name}', version: '${version}', api: 1, sources: [source({
  class: '${part.class}', aliases: ${JSON.stringify(part.aliases)}, config: ${JSON.stringify(config)},
  create: () => {
    let n = 0
    return {
      open: async () => { ${open} },
      poll: async (signal) => {
        await new Promise((resolve) => { const timer = setTimeout(resolve, 50); signal.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true }) })
        if (n > 5) return idle
        return { records: [record('pulse', '${version}')], offsets: { p: { n: ++n } } }
      },
      [Symbol.asyncDispose]: async () => {},
    }
  },
})] })
`,
  }
}

const pipeline = (name: string, more: object = {}) => ({
  'connector.class': 'millrace-plugin-pulse-source',
  'sink.class': 'file',
  'sink.file': join(folder, `${name}.out`),
  'sink.format': 'json',
  'flush.interval.ms': '50',
  ...more,
})

test('names and ranges are taken as npm and semver write them; whatever else npm would take is refused with the reason', () => {
  for (const text of [
    'a',
    '@acme/x',
    'a@1',
    'a@1.2.3',
    'a@^1.2',
    'a@~1',
    'a@>=1 <3',
    'a@1 - 2',
    'a@1.x || 2.*',
    'a@latest',
    'a@1.0.0-rc.1+b',
  ]) {
    assert.equal(readPackageSpec(text).kind, 'registry', text)
  }
  const refused: readonly (readonly [string, RegExp])[] = [
    ['git+ssh://git@host/x.git', /git\+ssh addresses/],
    ['https://evil/x.tgz', /https addresses/],
    ['x@https://evil/x.tgz', /https addresses/],
    ['github:acme/x', /github addresses/],
    ['acme/x', /repositories/],
    ['x@acme/y', /repositories/],
    ['file:../x', /a path/],
    ['x@file:../x', /a path/],
    ['../x', /a path/],
    ['/etc', /a path/],
    ['x@npm:y@1', /an alias/],
    ['missing.tgz', /no such file/],
    ['--global', /an option/],
    ['', /names no package/],
    ['Upper', /no package's name/],
    ['node_modules', /no package can have/],
    ['a'.repeat(215), /at most 214/],
    ['x@', /neither/],
    ['x@1; rm -rf /', /neither/],
    ['x@$(id)', /neither/],
    [`x@${'1.'.repeat(500)}`, /neither/],
    ['.hidden', /path/],
    ['@/x', /no package's name/],
    ['@a/../x', /no package's name/],
  ]
  for (const [text, reason] of refused) assert.throws(() => readPackageSpec(text), { name: 'UsageError', message: reason }, text)
})

test('a name that is one slip away from an installed one is noticed', () => {
  const known = ['millrace-plugin-pulse', '@acme/clock']
  for (const name of ['millrace-plugin-puls', 'millrace-plugin-pulsee', 'millrace-plugin-pulze', 'millrace-plugin-pusle', '@acme/clok']) {
    assert.equal(nearNames(name, known).length, 1, name)
  }
  for (const name of ['millrace-plugin-pulse', 'millrace-plugin-purse1', 'other', 'millrace-plugin-eslup']) {
    assert.deepEqual(nearNames(name, known), [], name)
  }
})

test('a package is installed by range while the worker runs, with what it depends on and without running its scripts; the worker offers it at once', async () => {
  const ran = join(folder, 'script-ran')
  registry.publish({ 'package.json': { name: 'left-pad', version: '1.3.0', main: './i.js' }, 'i.js': '' } as never)
  for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
    registry.publish(
      pulse(version, {
        code: `import 'left-pad'`,
        more: { dependencies: { 'left-pad': '^1.0.0' }, scripts: { postinstall: `echo ran > ${ran}`, preinstall: `echo ran > ${ran}` } },
      }),
    )
  }
  const { code, out, err } = await install('millrace-plugin-pulse@^1.0.0', '--output', 'json')
  assert.equal(code, 0, err)
  assert.match(err, /millrace-plugin-pulse@1.1.0 wants to run a script when it is installed; it was not run/)
  assert.equal(existsSync(ran), false)
  const answer = JSON.parse(out)
  assert.equal(answer.version, '1.1.0')
  assert.deepEqual(answer.parts, [{ kind: 'source', class: 'acme.millrace-plugin-pulse', aliases: ['millrace-plugin-pulse-source'] }])
  assert.deepEqual(installed(), ['millrace-plugin-pulse@1.1.0'])
  assert.ok(existsSync(join(installs, 'millrace-plugin-pulse@1.1.0/node_modules/left-pad/i.js')))
  const offered = await worker.call('GET', '/connector-plugins')
  assert.ok(
    offered.some((one: { class: string; version: string }) => one.class === 'acme.millrace-plugin-pulse' && one.version === '1.1.0'),
  )
  for (const name of ['mover', 'stayer']) await worker.call('PUT', `/connectors/${name}/config`, pipeline(name))
  for (const name of ['mover', 'stayer']) await worker.running(name)
  const list = await millrace('list')
  assert.match(list.out, /millrace-plugin-pulse +1\.1\.0 +source acme\.millrace-plugin-pulse +mover, stayer +ok/)
})

test('an upgrade installs beside the old version and moves the connectors that are named; the others keep theirs', async () => {
  const { code, out, err } = await millrace('upgrade', '--registry', registry.url, 'millrace-plugin-pulse', '--connector', 'mover')
  assert.equal(code, 0, err)
  assert.match(out, /Installed: millrace-plugin-pulse 2\.0\.0/)
  assert.match(out, /mover uses 2\.0\.0/)
  assert.match(out, /stayer uses 1\.1\.0/)
  assert.deepEqual(installed(), ['millrace-plugin-pulse@1.1.0', 'millrace-plugin-pulse@2.0.0'])
  assert.match(readFileSync(join(folder, 'mover.out'), 'utf8'), /1\.1\.0[\s\S]*2\.0\.0/)
  assert.doesNotMatch(readFileSync(join(folder, 'stayer.out'), 'utf8'), /2\.0\.0/)
  const again = await millrace('upgrade', '--registry', registry.url, 'millrace-plugin-pulse')
  assert.equal(again.code, 0, again.err)
  assert.match(again.out, /Up to date: millrace-plugin-pulse 2\.0\.0/)
})

test('a version that a connector uses is not removed unless that is forced', async () => {
  const unclear = await millrace('remove', 'millrace-plugin-pulse')
  assert.equal(unclear.code, 2)
  assert.match(unclear.err, /Several versions .* 1\.1\.0, 2\.0\.0/)
  const used = await millrace('remove', 'millrace-plugin-pulse@2.0.0')
  assert.equal(used.code, 1)
  assert.match(used.err, /mover uses it/)
  assert.deepEqual(installed(), ['millrace-plugin-pulse@1.1.0', 'millrace-plugin-pulse@2.0.0'])
  await worker.call('DELETE', '/connectors/mover')
  const free = await millrace('remove', 'millrace-plugin-pulse@2.0.0')
  assert.equal(free.code, 0, free.err)
  assert.deepEqual(installed(), ['millrace-plugin-pulse@1.1.0'])
  const missing = await millrace('remove', 'millrace-plugin-pulse@9.9.9')
  assert.equal(missing.code, 1)
  assert.match(missing.err, /9\.9\.9 is not installed in .*there are: 1\.1\.0/)
})

test('a tarball on this machine is installed, and one of the same version does not replace it', async () => {
  const file = join(folder, 'clock.tgz')
  writeFileSync(file, tarball(pulse('0.1.0', { name: '@acme/clock' })))
  const first = await millrace('install', file)
  assert.equal(first.code, 0, first.err)
  assert.match(first.out, /Installed: @acme\/clock 0\.1\.0/)
  assert.ok(installed().includes('@acme+clock@0.1.0'))
  writeFileSync(file, tarball(pulse('0.1.0', { name: '@acme/clock', code: 'console.log(1)' })))
  const second = await millrace('install', file)
  assert.equal(second.code, 0, second.err)
  assert.match(second.err, /stays as it is/)
  const code = readFileSync(join(installs, '@acme+clock@0.1.0/node_modules/@acme/clock/index.js'), 'utf8')
  assert.doesNotMatch(code, /console/)
})

const broken: readonly (readonly [string, Parameters<typeof pulse>[1], RegExp])[] = [
  ['does not carry the keyword', { more: { keywords: [] } }, /no plugin: its package\.json does not carry the keyword millrace-plugin/],
  ['works with another contract', { millrace: { api: '^2' } }, /version \^2 of the plugin contract; this Millrace offers version 1/],
  [
    'has a manifest of other classes',
    { millrace: { api: 1, parts: [{ kind: 'sink', class: 'acme.Other', config: {} }] } },
    /names the sink acme\.Other, and the code does not offer it[\s\S]*offers the source acme/,
  ],
  [
    'has a manifest of other settings',
    {
      millrace: {
        api: 1,
        kind: 'source',
        class: 'acme.broken',
        config: { lines: { type: 'long', default: 1, doc: '' }, more: { type: 'int', doc: '' } },
      },
    },
    /"aliases" is only in the code[\s\S]*setting "lines" is .*long.* in the manifest and .*int.* in the code[\s\S]*setting "more" is only in the manifest/,
  ],
  ['throws when it is imported', { code: `throw new Error('no licence')` }, /could not be imported:.*no licence/],
  ['ends the process when it is imported', { code: 'process.exit(0)' }, /could not be imported:.*exited with code 0/],
  ['has an entry outside of it', { millrace: { api: 1, entry: '../left-pad/i.js' } }, /lies outside the package/],
]

test('a package that cannot be right is refused with the reason', async () => {
  await Promise.all(
    broken.map(async ([what, options, reason], at) => {
      const root = join(folder, `broken-${at}`)
      mkdirSync(root)
      const { 'package.json': manifest, 'index.js': code } = pulse('3.0.0', { ...options, name: 'broken' })
      writeFileSync(join(root, 'package.json'), JSON.stringify(manifest))
      writeFileSync(join(root, 'index.js'), code)
      await assert.rejects(checkPackage('broken', root), { name: 'FailedError', message: reason }, what)
    }),
  )
})

test('an install that fails leaves everything as it was', async () => {
  const there = installed()
  const outcome = async (text: string) => {
    const { code, err } = await install(text)
    assert.equal(code, 1, err)
    assert.deepEqual(installed(), there, text)
    return err
  }
  registry.publish(pulse('3.0.0', { code: `throw new Error('no licence')` }))
  assert.match(await outcome('millrace-plugin-pulse@3'), /could not be imported:.*no licence/)
  registry.publish(pulse('4.0.0', { more: { dependencies: { sly: 'git+https://127.0.0.1:1/sly.git' } } }))
  assert.match(await outcome('millrace-plugin-pulse@4'), /npm exited with code|outside the registry/)
  assert.match(
    await outcome('millrace-plugin-pulze'),
    /differs by one letter from millrace-plugin-pulse, which is\. Is it the one you mean\?/,
  )
  await worker.running('stayer')
})

test('a connector that fails with the new version goes back to the one before, and the upgrade says so', async () => {
  registry.publish(pulse('5.0.0', { open: `throw new Error('the new one is broken')` }))
  const { code, out, err } = await millrace('upgrade', '--registry', registry.url, 'millrace-plugin-pulse', '--connector', 'stayer')
  assert.equal(code, 1, err)
  assert.match(err, /Connector stayer failed with millrace-plugin-pulse 5\.0\.0 and went back to 1\.1\.0: .*the new one is broken/)
  assert.match(out, /stayer uses 1\.1\.0/)
  await worker.running('stayer')
  assert.equal((await millrace('remove', 'millrace-plugin-pulse@5.0.0')).code, 0)
})

test('an upgrade that a connector cannot take, since its class is gone, says so', async () => {
  registry.publish(pulse('6.0.0', { className: 'acme.other' }))
  const { code, out, err } = await millrace('upgrade', '--registry', registry.url, 'millrace-plugin-pulse', '--connector', 'stayer')
  assert.equal(code, 1, err)
  assert.match(err, /Connector stayer was restarted and uses millrace-plugin-pulse 1\.1\.0, not 6\.0\.0: .* has not the class that it runs/)
  assert.doesNotMatch(out + err, /move to 6\.0\.0/)
  assert.equal((await millrace('remove', 'millrace-plugin-pulse@6.0.0')).code, 0)
})

test('a worker that is named and does not answer, and a folder that cannot be written, are told before anything is fetched', async () => {
  const away = await millraceAt('http://127.0.0.1:1', 'install', 'millrace-plugin-pulse')
  assert.equal(away.code, 3)
  assert.match(away.err, /127\.0\.0\.1:1/)
  const file = join(folder, 'no-folder')
  writeFileSync(file, '')
  const shut = await install('--dir', join(file, 'plugins'), 'millrace-plugin-pulse')
  assert.equal(shut.code, 1)
  assert.match(shut.err, /folder of installs .*no-folder\/plugins cannot be written/)
})

test('without a worker, a folder of installs is worked on by itself', async () => {
  const file = join(folder, 'alone.tgz')
  writeFileSync(file, tarball(pulse('1.0.0', { name: 'alone', millrace: { api: 1 } })))
  const dir = join(folder, 'alone')
  const command = (...args: readonly string[]) => millraceAt('', ...args)
  const added = await command('install', '--dir', dir, '--url', 'http://127.0.0.1:1', file)
  assert.equal(added.code, 3, 'a worker that is named has to answer')
  const { code, err } = await command('install', '--dir', dir, file)
  assert.equal(code, 0, err)
  assert.match(err, /does not name its parts/)
  assert.match((await command('list', '--dir', dir)).out, /alone +1\.0\.0/)
  assert.equal((await command('remove', '--dir', dir, 'alone')).code, 0)
  assert.deepEqual(readdirSync(dir), [])
})

test('an install that is killed half-way counts for nothing, and the next one clears up after it', async () => {
  const there = installed()
  registry.publish(pulse('1.2.0'))
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  registry.onRequest = (path) => {
    if (!path.endsWith('/1.2.0.tgz')) return
    resolve()
    return new Promise(() => {})
  }
  const args = ['plugin', 'install', 'millrace-plugin-pulse@1.2', '--url', worker.url, '--registry', registry.url]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', launcher, ...args], {
    env: { ...process.env, MILLRACE_FROM_SOURCE: '1', npm_config_cache: join(folder, 'npm-cache-2') },
    stdio: 'ignore',
  })
  await asked
  child.kill('SIGKILL')
  await once(child, 'exit')
  registry.onRequest = () => {}
  const hidden = installed().filter((name) => name.startsWith('.'))
  assert.equal(hidden.length, 1)
  assert.deepEqual(
    installed().filter((name) => !name.startsWith('.')),
    there,
  )
  const { code, err } = await install('millrace-plugin-pulse@1.2')
  assert.equal(code, 0, err)
  assert.deepEqual(installed(), [...there, 'millrace-plugin-pulse@1.2.0'].sort())
  await worker.running('stayer')
})
