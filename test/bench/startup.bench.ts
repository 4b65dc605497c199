import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, startPostgres, type PostgresServer } from '../postgres.ts'
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

await idle('idle memory: one Postgres-to-Delta connector with nothing to do since the worker started', async (url, folder, server) => {
  const config = {
    'connector.class': 'postgres',
    ...server.connectorConfig(),
    'topic.prefix': 'idle',
    'publication.autocreate.mode': 'filtered',
    'flush.interval.ms': '500',
    'sink.class': 'delta',
    'sink.path': join(folder, 'lake'),
    'sink.mode': 'upsert',
  }
  await post(url, 'idle', config)
})
await idle('the same after it wrote', async (url, folder) => {
  const config = {
    'connector.class': 'datagen',
    template: 'orders',
    topic: 'orders',
    rate: '1',
    'flush.interval.ms': '1000',
    'sink.class': 'delta',
    'sink.path': join(folder, 'lake'),
  }
  await post(url, 'idle', config)
})

/** Runs the connector for a while, restarts the worker in the first case, and prints what parent and host hold. */
async function idle(bench: string, create: (url: string, folder: string, server: PostgresServer) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-idle-'))
  await using server = await startPostgres()
  await server.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000)')
  let run = await start(folder)
  await create(run.url, folder, server)
  await sleep(6000)
  if (bench.includes('nothing to do')) {
    await run.stop()
    run = await start(folder)
    await sleep(6000)
  }
  const { tasks } = (await (await fetch(`${run.url}/api/v1/connectors/idle/progress`)).json()) as { tasks: readonly { pid: number }[] }
  const parent = usageOf(run.pid)!
  const host = usageOf(tasks[0]!.pid)!
  process.stdout.write(
    `${JSON.stringify({ bench, parentRssMb: parent.rssMb, hostRssMb: host.rssMb, sumRssMb: parent.rssMb + host.rssMb, sharedOnceMb: parent.pssMb + host.pssMb, aim: '150 MB' })}\n`,
  )
  await run.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function post(url: string, name: string, config: Readonly<Record<string, string>>): Promise<void> {
  await fetch(`${url}/connectors`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, config }),
  })
}

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
