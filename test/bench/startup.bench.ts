import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../postgres.ts'
import { usageOf } from './process-usage.ts'

// From the start of the process to the first answer of its REST API, and what a worker with one idle connector holds in memory.
const root = resolve(import.meta.dirname, '../..')
const rounds = 5
spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
  cwd: root,
})

const starts: number[] = []
for (let round = 0; round < rounds; round++) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-start-'))
  const { ms, stop } = await start(folder)
  starts.push(ms)
  await stop()
  rmSync(folder, { recursive: true, force: true })
}
starts.sort((a, b) => a - b)
process.stdout.write(
  `${JSON.stringify({ bench: 'cold start to a ready REST API', medianMs: starts[Math.floor(rounds / 2)], allMs: starts, aim: 'under 500 ms' })}\n`,
)

const folder = mkdtempSync(join(tmpdir(), 'millrace-idle-'))
const { url, pid, stop } = await start(folder)
const config = {
  'connector.class': 'datagen',
  template: 'orders',
  topic: 'orders',
  rate: '1',
  'flush.interval.ms': '1000',
  'sink.class': 'delta',
  'sink.path': join(folder, 'lake'),
}
await fetch(`${url}/connectors`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ name: 'idle', config }),
})
await sleep(8000)
const { tasks } = (await (await fetch(`${url}/api/v1/connectors/idle/progress`)).json()) as { tasks: readonly { pid: number }[] }
const parent = usageOf(pid)!
const host = usageOf(tasks[0]!.pid)!
process.stdout.write(
  `${JSON.stringify({ bench: 'idle memory with one connector (1 row/s into Delta)', parentRssMb: parent.rssMb, hostRssMb: host.rssMb, sumRssMb: parent.rssMb + host.rssMb, aim: '150 MB' })}\n`,
)
await stop()
rmSync(folder, { recursive: true, force: true })

async function start(place: string): Promise<{ ms: number; url: string; pid: number; stop: () => Promise<void> }> {
  const url = `http://127.0.0.1:${await freePort()}`
  const began = performance.now()
  const child = spawn(
    process.execPath,
    [join(root, 'bin/millrace.cjs'), 'worker', '--set', `listeners=${url}`, '--set', `store.path=${join(place, 'm.db')}`],
    { stdio: 'ignore' },
  )
  for (;;) {
    const answered = await fetch(`${url}/connectors`).then(
      (response) => response.ok,
      () => false, // Not listening yet.
    )
    if (answered) break
    if (child.exitCode !== null) throw new Error(`The worker ended with ${child.exitCode}`)
    await sleep(2)
  }
  const stop = async () => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
  return { ms: Math.round(performance.now() - began), url, pid: child.pid!, stop }
}
