import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeDemoPostgres, startDemoPostgres } from '../../cli/demo/postgres-server.ts'
import { freePort } from '../postgres.ts'
import { waitFor } from '../worker-process.ts'

const root = join(import.meta.dirname, '../..')
const launcher = join(root, 'bin/millrace.cjs')

test('the demo, killed with -9 and run again, resumes and finds lake and database equal', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-demo-test-'))
  t.after(async () => {
    ;(await startDemoPostgres(folder)).stop()
    removeDemoPostgres(folder)
    await rm(folder, { recursive: true, force: true })
  })
  const port = String(await freePort())
  const first = demo(['--dir', folder, '--port', port, '--customers', '500', '--seconds', '60'])
  await waitFor(
    () => / lag /.test(first.output()),
    60_000,
    () => first.output(),
  )
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  // The worker that the demo started ends with it, and with the worker its port is free again.
  await waitFor(
    async () =>
      !(await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false, // Gone.
      )),
    15_000,
    () => 'the worker outlived the demo',
  )
  const second = demo(['--dir', folder, '--port', port, '--customers', '500', '--seconds', '4', '--once'])
  const [code] = (await once(second.child, 'exit')) as [number]
  assert.match(second.output(), /resumes/)
  assert.match(second.output(), /VERDICT: the lake equals the database, row by row\./)
  assert.equal(code, 0, second.output())
})

test('a Node that is too old gets one line that says the way out', () => {
  const script = `Object.defineProperty(process.versions, 'node', { value: '20.11.0' }); require(${JSON.stringify(launcher)})`
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.match(stderr, /^millrace needs Node 22\.22 or newer .*npm scripts.*\n$/)
})

test('wrong settings end the start with every fault and exit code 2', () => {
  const { status, stderr } = run(['worker', '--set', 'host.mode=threads', '--set', 'topic.tracking.enable=perhaps'])
  assert.equal(status, 2)
  assert.match(stderr, /host\.mode: String must be one of: process, shared, inline/)
  assert.match(stderr, /Invalid value perhaps for configuration topic\.tracking\.enable: Expected value to be either true or false/)
})

test('a settings file that is not there is named', () => {
  const { status, stderr } = run(['worker', './no-such-worker.json'])
  assert.equal(status, 2)
  assert.match(stderr, /Cannot read \.\/no-such-worker\.json/)
})

function run(args: readonly string[]) {
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', launcher, ...args], {
    encoding: 'utf8',
    env: { ...process.env, MILLRACE_FROM_SOURCE: '1' },
  })
}

function demo(args: readonly string[]): { readonly child: ChildProcess; output(): string } {
  let output = ''
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', launcher, 'demo', ...args], {
    env: { ...process.env, MILLRACE_FROM_SOURCE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()))
  return { child, output: () => output }
}
