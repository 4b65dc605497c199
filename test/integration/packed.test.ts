import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { command, pack, packMillrace, type Packed } from '../packed.ts'
import { FeedServer } from '../plugins/http-poll-source/test/feed-server.ts'
import { Receiver } from '../plugins/webhook-sink/test/receiver.ts'
import { freePort } from '../postgres.ts'
import { waitFor } from '../worker-process.ts'

const root = resolve(import.meta.dirname, '../..')
const samples = ['http-poll-source', 'webhook-sink', 'slug-transform'] as const
const installFlags = ['--prefer-offline', '--no-audit', '--no-fund']

/** A folder outside the checkout, as a user has one: millrace installed from its tarball, the sample plugins beside it. */
const app = mkdtempSync(join(tmpdir(), 'millrace-packed-'))
let millrace: Packed
let unreachable: string | undefined

before(async () => {
  millrace = await packMillrace(app)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  try {
    await command('npm', ['install', ...installFlags, millrace.tarball], app, 300_000)
  } catch (error) {
    if (process.env['CI'] || !/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|ENOTCACHED/.test(String(error))) throw error
    unreachable = `the npm registry cannot be reached and its packages are not cached: ${String(error).slice(0, 200)}`
    console.log(`Skipped: ${unreachable}`)
  }
})

after(() => rmSync(app, { recursive: true, force: true }))

/** A test that needs the installed package. */
function installed(name: string, work: () => Promise<void>): void {
  test(name, async (context) => {
    if (unreachable !== undefined) return context.skip(unreachable)
    await work()
  })
}

test('the package holds what runs and what is read, and nothing of tests, benchmarks or sources', (context) => {
  const rooms = new Set(millrace.files.map((path) => path.split('/')[0]))
  const expected = ['ARCHITECTURE.md', 'CHANGELOG.md', 'README.md', 'bin', 'config', 'dist', 'docs', 'package.json', 'scripts', 'templates']
  assert.deepEqual([...rooms].sort(), expected)
  const odd = millrace.files.filter((path) => /(^|\/)(test|bench)\/|left-out|\.map$/.test(path) && !path.startsWith('templates/'))
  assert.deepEqual(odd, [])
  assert.deepEqual(
    millrace.files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !path.startsWith('templates/')),
    [],
  )
  assert.ok(millrace.bytes < 2_000_000, `${millrace.bytes} bytes`)
  context.diagnostic(`${millrace.files.length} files, ${millrace.bytes} bytes packed, ${millrace.unpackedBytes} unpacked`)
})

installed('only what runs is installed with it', async () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> }
  const there = Object.keys(devDependencies).filter((name) => existsSync(join(app, 'node_modules', name)))
  assert.deepEqual(there, [])
  const { stdout } = await command(join(app, 'node_modules/.bin/millrace'), ['--version'], app)
  assert.equal(stdout.trim(), (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version)
})

installed('a program imports it, and runs a connector', async () => {
  writeFileSync(
    join(app, 'program.js'),
    `import { runConnector, types } from 'millrace'
     import { runInMemory } from 'millrace/testing'
     import manifest from 'millrace/package.json' with { type: 'json' }
     const seen = []
     const config = { 'connector.class': 'datagen', topic: 't', count: 3, 'flush.interval.ms': 10 }
     await using running = await runConnector(config, { onRecords: (records) => void seen.push(...records) })
     while (seen.length < 3) await new Promise((done) => setTimeout(done, 10))
     await running.stop()
     console.log(seen.length, manifest.name, types.int64.type, typeof runInMemory)`,
  )
  assert.equal((await command('node', ['program.js'], app)).stdout.trim(), '3 millrace int64 function')
  await assert.rejects(command('node', ['-e', "import('millrace/dist/core/runtime/worker.js')"], app), /ERR_PACKAGE_PATH_NOT_EXPORTED/)
})

installed('its types hold in a strict program that checks libraries, too, and need no others', async () => {
  writeFileSync(
    join(app, 'consumer.ts'),
    `import { defineConfig, definePlugin, idle, runConnector, source, type ConfigOf, type RunningConnector, type SourceTask } from 'millrace'
     import { definePluginTest, pluginLaws } from 'millrace/testing'
     const config = defineConfig({ rows: { type: 'int', default: 5, doc: 'How many.' }, mode: { type: 'string', oneOf: ['a', 'b'], default: 'a', doc: 'How.' } })
     const task = ({ rows, mode }: ConfigOf<typeof config>): SourceTask => {
       const exact: [number, 'a' | 'b'] = [rows, mode]
       return { open: async () => {}, poll: async () => (exact[0] > 0 ? { ...idle, end: true } : idle), [Symbol.asyncDispose]: async () => {} }
     }
     const plugin = definePlugin({ name: 'p', version: '1.0.0', api: 1, sources: [source({ class: 'P', config, create: task })] })
     export const tested = definePluginTest({ sources: [{ class: 'P', open: () => ({ config: {}, records: 0 }) }] })
     export const laws = () => pluginLaws(plugin, tested)
     export const running: Promise<RunningConnector> = runConnector({ 'connector.class': 'P' }, { plugins: [plugin], onRecords: () => {} })
     // @ts-expect-error: no such option
     export const wrong = runConnector({ 'connector.class': 'P' }, { plugin })`,
  )
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true }
  const compilerOptions = { module: 'nodenext', target: 'es2024', ...strict }
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
  await command('tsc', ['-p', 'tsconfig.json'], app)
})

installed('the sample plugins build, pass their tests and the laws, and move records in a worker that finds them', async () => {
  // Instead of fetching what the samples compile with: this checkout has it.
  mkdirSync(join(app, 'samples/node_modules/@types'), { recursive: true })
  symlinkSync(join(root, 'node_modules/@types/node'), join(app, 'samples/node_modules/@types/node'))
  const tarballs = await Promise.all(
    samples.map(async (sample) => {
      const folder = join(app, 'samples', sample)
      cpSync(join(root, 'test/plugins', sample), folder, { recursive: true })
      await command('npm', ['run', 'build'], folder)
      await command('npm', ['test'], folder)
      await command(join(app, 'node_modules/.bin/millrace'), ['plugin', 'manifest', '--check'], folder)
      return (await pack(folder, app)).tarball
    }),
  )
  await command('npm', ['install', ...installFlags, ...tarballs], app, 300_000)

  const feed = await new FeedServer().start(7)
  const receiver = await new Receiver().start()
  const url = `http://127.0.0.1:${await freePort()}`
  const { worker, log } = startWorker(url)
  try {
    const get = async (path: string) => (await fetch(url + path)).json() as Promise<any>
    await waitFor(async () => (await fetch(url).catch(() => undefined))?.ok ?? false, 30_000, log)
    const classes = (await get('/connector-plugins?connectorsOnly=false')).map((plugin: { class: string }) => plugin.class)
    for (const name of ['HttpPollSource', 'WebhookSink', 'Slug'])
      assert.ok(classes.includes(name), `${name} is not among ${classes.join(', ')}`)
    const config = {
      'connector.class': 'http-poll',
      url: feed.url,
      topic: 'items',
      'poll.interval.ms': '50',
      'flush.interval.ms': '100',
      'sink.class': 'webhook',
      'sink.url': receiver.url,
      transforms: 'slug',
      'transforms.slug.type': 'Slug',
      'transforms.slug.field': 'name',
    }
    const created = await fetch(`${url}/connectors/feed/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(config),
    })
    assert.equal(created.status, 201, await created.text())
    await waitFor(() => receiver.events.length >= 7, 30_000, log)
    feed.add(2)
    await waitFor(() => receiver.events.length >= 9, 10_000, log)
    assert.deepEqual(receiver.events[8], {
      ...receiver.events[8],
      topic: 'items',
      key: '9',
      value: { id: 9, name: 'item 9', slug: 'item-9' },
    })
    const status = await get('/connectors/feed/status')
    assert.deepEqual([status.connector.state, status.tasks[0].state, status.connector.version], ['RUNNING', 'RUNNING', '1.0.0'])
    await waitFor(async () => (await get('/connectors/feed/offsets')).offsets[0]?.offset?.count === 9, 10_000, log)
  } finally {
    worker.kill('SIGTERM')
    if (worker.exitCode === null) await once(worker, 'exit')
    feed.close()
    receiver.close()
  }
})

/** As a user starts it: the package's program, in the folder of the app. */
function startWorker(url: string): { readonly worker: ChildProcess; log(): string } {
  const env = { ...process.env }
  delete env['MILLRACE_FROM_SOURCE']
  delete env['NODE_TEST_CONTEXT']
  const program = join(app, 'node_modules/.bin/millrace')
  const worker = spawn(process.execPath, [program, 'worker', '--set', `listeners=${url}`], {
    cwd: app,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [worker.stdout, worker.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-5000)))
  return { worker, log: () => text }
}
