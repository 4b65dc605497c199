import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const cli = resolve(import.meta.dirname, '../../cli/main.ts')
const skip = spawnSync('script', ['--version']).error ? 'there is no script(1), which gives a command a terminal' : false

const trace = `org.example.${'Long'.repeat(40)}Exception: it broke`
const connectors = {
  keep: { info: { config: { name: 'keep', 'connector.class': 'c' } }, status: { connector: { state: 'RUNNING' }, tasks: [{ id: 0, state: 'FAILED', trace }] } }, // prettier-ignore
  old: { info: { config: {} }, status: { connector: { state: 'PAUSED' }, tasks: [] } },
}

/** Runs a command on a terminal of 80 columns, types `keys` when it has asked, and gives what the terminal showed (ESC as ⎋), and what was deleted. */
async function atTerminal(args: string, keys: string, env: Readonly<Record<string, string>> = {}) {
  const deleted: string[] = []
  await using server = createServer((request, to) => {
    if (request.method === 'DELETE') deleted.push(request.url!)
    to.end(request.method === 'DELETE' ? '' : JSON.stringify(request.url!.includes('validate') ? { configs: [] } : connectors))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const command = `stty cols 80 rows 10; "${process.execPath}" --disable-warning=ExperimentalWarning "${cli}" ${args}`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: {
      ...process.env,
      TERM: 'xterm',
      NO_COLOR: '',
      ...env,
      MILLRACE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
  })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    if (text.includes('[y/N]')) child.stdin.write(keys)
  })
  const [code] = (await once(child, 'close', { signal: AbortSignal.timeout(15_000) })) as [number]
  return {
    code,
    shown: shown
      .replaceAll('\r\n', '\n')
      .replaceAll('\u001b', '⎋')
      .replace(/⎋\[\d*[GJK]/g, ''),
    deleted,
  }
}

test('at a terminal states are coloured and lines cut to its width; NO_COLOR is respected', { skip }, async () => {
  const { code, shown } = await atTerminal('status', '')
  assert.equal(code, 1)
  assert.match(shown, /keep .*⎋\[32mRUNNING⎋\[0m .*⎋\[31morg\.example\.(Long)+\S*…⎋\[0m\n/)
  assert.match(shown, /old .*⎋\[33mPAUSED⎋\[0m/)
  const bare = await atTerminal('status', '', { NO_COLOR: '1' })
  assert.ok(!bare.shown.includes('⎋'))
  assert.ok(bare.shown.split('\n').every((line) => line.length <= 80))
})

test('a person is asked before connectors are deleted; no, the end of input and Ctrl-C change nothing', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-terminal-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'keep.json'), '{"name":"keep","connector.class":"c"}')
  const apply = `apply ${folder} --prune`
  for (const [keys, code] of [
    ['n\n', 1],
    ['\n', 1],
    ['\u0004', 1],
    ['\u0003', 1],
    ['y\n', 0],
  ] as const) {
    // prettier-ignore
    const { shown, deleted, ...outcome } = await atTerminal(apply, keys)
    assert.equal(outcome.code, code, shown)
    assert.match(shown, /- old.*\n1 to delete, 1 unchanged\nDelete old\? \[y\/N\] /)
    assert.deepEqual(deleted, code === 0 ? ['/connectors/old'] : [], JSON.stringify(keys))
    if (code === 1) assert.match(shown, /millrace: Nothing was changed\n$/)
  }
  const sure = await atTerminal(`${apply} --yes`, '')
  assert.deepEqual([sure.code, sure.deleted, sure.shown.includes('y/N')], [0, ['/connectors/old'], false])
  const reset = await atTerminal('offsets reset old', 'n\n')
  assert.deepEqual([reset.code, reset.deleted], [1, []])
})
