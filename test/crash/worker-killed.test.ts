import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { orphanWatch } from '../../core/runtime/orphan-watch.ts'
import { identify, isAlive } from '../../core/runtime/process-identity.ts'
import type { HostIdentity } from '../../core/store/store.ts'
import { committedNumbers, until, upTo } from '../runtime/rig.ts'

const program = fileURLToPath(new URL('./worker-program.ts', import.meta.url))

async function startProgram(directory: string, connectors: object, watch = ''): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, directory, JSON.stringify(connectors), watch], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', (code, signal) => reject(new Error(`The worker ended before it was ready: ${code ?? signal}`)))
  })
  return child
}

function childrenOf(pid: number): HostIdentity[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return pids.flatMap((child) => identify(Number(child)) ?? [])
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

test('only the worker is killed, at random instants: no host outlives it, and every record is there once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-killed-'))
  const file = join(directory, 'out')
  const config = {
    'connector.class': 'counting',
    'sink.class': 'append',
    'sink.file': file,
    'delay.ms': '1',
    'batch.rows': '20',
    'flush.interval.ms': '5',
  }
  let kills = 0
  let last = -1
  for (; kills < 12; kills++) {
    const worker = await startProgram(directory, { one: config, two: { ...config, 'sink.file': `${file}2`, 'open.batches': '4' } })
    const hosts = childrenOf(worker.pid!)
    assert.ok(hosts.length >= 2, 'two hosts run')
    await sleep(Math.random() * 150)
    await killed(worker)
    await until('the hosts are gone', () => !hosts.some(isAlive))
    const numbers = committedNumbers(file)
    assert.ok(numbers.length >= last, 'nothing that was committed goes away')
    last = numbers.length
  }
  const worker = await startProgram(directory, {})
  worker.kill('SIGTERM')
  await new Promise((resolve) => worker.once('exit', resolve))
  for (const path of [file, `${file}2`]) {
    const numbers = committedNumbers(path)
    assert.ok(numbers.length > 100, `${numbers.length} records were committed`)
    assert.deepEqual(numbers, upTo(numbers.length))
  }
  rmSync(directory, { recursive: true, force: true })
})

for (const watch of ['kernel', 'thread'] as const) {
  const missing = watch === 'kernel' && orphanWatch() !== 'kernel' ? 'util-linux (setpriv --pdeathsig) is not installed' : false
  test(`a host that spins does not outlive its worker (${watch})`, { skip: missing }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-killed-'))
    const mark = join(directory, 'spins')
    const config = { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': join(directory, 'out') }
    const worker = await startProgram(directory, { one: { ...config, fault: 'spin', 'fault.once': mark } }, watch)
    await until('it spins', () => existsSync(mark))
    const hosts = childrenOf(worker.pid!)
    assert.ok(hosts.length >= 1)
    await killed(worker)
    await until('the host is gone', () => !hosts.some(isAlive), 1_000)
    rmSync(directory, { recursive: true, force: true })
  })
}

test('a host that was stopped when its worker was killed is ended before the next worker starts anything', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-killed-'))
  const file = join(directory, 'out')
  const config = { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': file, 'delay.ms': '1', 'flush.interval.ms': '5' }
  // The kernel ends even a stopped process; the thread inside it cannot.
  const first = await startProgram(directory, { one: config }, 'thread')
  const [host] = childrenOf(first.pid!)
  process.kill(host!.pid, 'SIGSTOP')
  await killed(first)
  await sleep(300)
  assert.ok(isAlive(host!), 'a stopped process cannot end itself')
  const second = await startProgram(directory, {})
  assert.ok(!isAlive(host!))
  second.kill('SIGTERM')
  await new Promise((resolve) => second.once('exit', resolve))
  const numbers = committedNumbers(file)
  assert.deepEqual(numbers, upTo(numbers.length))
  rmSync(directory, { recursive: true, force: true })
})
