import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { TaskProgress } from '../../core/runtime/control.ts'
import { restClient, RestError, type RestClient } from '../rest-client.ts'
import { lagText, snapshotText } from '../top.ts'
import { compareTables } from './compare.ts'
import { removeDemoPostgres, startDemoPostgres, type DemoPostgres } from './postgres-server.ts'
import { createShop, shopTables, ShopTraffic } from './shop.ts'

export interface DemoOptions {
  readonly dir: string
  readonly rate: number
  readonly seconds: number
  readonly customers: number
  readonly port: number
  readonly once: boolean
  readonly fresh: boolean
}

const connector = 'shop'
const tickMs = 100
const catchUpMs = 120_000

/**
 * The main job, live: a real Postgres, a worker of its own, a connector POSTed over REST, traffic, and at the end a comparison of every row.
 * Killed at any time and run again in the same folder, it goes on where it was. The exit code is 1 where the lake differs from the database.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const folder = resolve(options.dir)
  if (options.fresh) {
    rmSync(folder, { recursive: true, force: true })
    removeDemoPostgres(folder)
  }
  mkdirSync(folder, { recursive: true })
  const postgres = await startDemoPostgres(folder)
  say(`Postgres ${postgres.version} on 127.0.0.1:${postgres.port}${postgres.fresh ? '' : ' (from an earlier run)'}`)
  const client = await postgres.connect()
  const made = await createShop(client, options.customers)
  say(made ? 'Created the shop: customers, products, orders, order_items, page_events' : 'The shop is there already: this run resumes')

  const worker = await startWorker(folder, options.port)
  const stopped = stopOnSignal(worker, postgres)
  const rest = restClient(`http://127.0.0.1:${options.port}`)
  await createConnector(rest, postgres, join(folder, 'lake'))

  const traffic = new ShopTraffic(client, options.rate)
  await watch(rest, traffic, options.seconds)
  const same = (await caughtUp(rest, client)) && (await verdict(client, join(folder, 'lake')))
  process.exitCode = same ? 0 : 1
  await client.end()
  if (options.once) {
    worker.kill('SIGTERM')
  } else {
    say(`The worker runs on: http://127.0.0.1:${options.port}  (npx millrace top; Ctrl-C ends it)`)
    say(
      `The lake: ${join(folder, 'lake')}    The database: postgresql://${postgres.user}:${postgres.password}@127.0.0.1:${postgres.port}/${postgres.database}`,
    )
  }
  await stopped
}

/** A worker in a process of its own; it ends when this one does, however this one ends. */
async function startWorker(folder: string, port: number): Promise<ChildProcess> {
  const url = `http://127.0.0.1:${port}`
  const log = openSync(join(folder, 'worker.log'), 'a')
  const settings = { listeners: url, 'store.path': join(folder, 'millrace.db') }
  const args = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const began = performance.now()
  const worker = spawn(process.execPath, [process.argv[1]!, 'worker', ...args], { stdio: ['ignore', log, log, 'ipc'] })
  const rest = restClient(url)
  while (worker.exitCode === null && worker.signalCode === null) {
    try {
      await rest.call('GET', '/connectors')
      say(`Worker ready at ${url} after ${Math.round(performance.now() - began)} ms (log: ${join(folder, 'worker.log')})`)
      return worker
    } catch (error) {
      if (!(error instanceof RestError) || performance.now() - began > 20_000) throw error
      await sleep(10)
    }
  }
  const lines = readFileSync(join(folder, 'worker.log'), 'utf8').trim().split('\n').slice(-3).join('\n')
  throw new Error(`The worker did not start (is port ${port} taken? then use --port):\n${lines}`)
}

async function createConnector(rest: RestClient, postgres: DemoPostgres, lake: string): Promise<void> {
  const config = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': '127.0.0.1',
    'database.port': String(postgres.port),
    'database.user': postgres.user,
    'database.password': postgres.password,
    'database.dbname': postgres.database,
    'topic.prefix': 'demo',
    'schema.include.list': 'shop',
    'slot.name': 'millrace_demo',
    'publication.name': 'millrace_demo',
    'publication.autocreate.mode': 'filtered',
    'flush.interval.ms': '1000',
    'sink.class': 'delta',
    'sink.path': lake,
    'sink.mode': 'upsert',
  }
  const names = (await rest.call('GET', '/connectors')) as readonly string[]
  if (names.includes(connector)) {
    await rest.call('PUT', `/connectors/${connector}/config`, config)
    say('The connector is there already: it goes on from its last position')
    return
  }
  await rest.call('POST', '/connectors', { name: connector, config })
  say(`POST /connectors: ${connector}, Postgres to a Delta lake, mode upsert`)
}

/** Writes to the shop for `seconds`, a schema change in the middle, and shows how the worker follows. */
async function watch(rest: RestClient, traffic: ShopTraffic, seconds: number): Promise<void> {
  const began = performance.now()
  let shown = began
  for (let tick = 1; performance.now() - began < seconds * 1000; tick++) {
    await traffic.tick(tickMs)
    if (!traffic.schemaChanged && performance.now() - began > seconds * 500) {
      await traffic.changeSchema()
      say('ALTER TABLE shop.customers ADD COLUMN loyalty_points int')
    }
    if (performance.now() - shown > 1000) {
      shown = performance.now()
      await show(rest, traffic)
    }
    await sleep(Math.max(0, began + tick * tickMs - performance.now()))
  }
}

async function show(rest: RestClient, traffic: ShopTraffic): Promise<void> {
  const { tasks } = (await rest.call('GET', `/connectors/${connector}/status`)) as { tasks: readonly { state: string; trace?: string }[] }
  const failed = tasks.find((task) => task.state === 'FAILED')
  if (failed) throw new Error(`The connector FAILED: ${failed.trace}`)
  const progress = (await rest.call('GET', `/api/v1/connectors/${connector}/progress`)) as { tasks: readonly TaskProgress[] }
  const task = progress.tasks[0]
  if (!task) return
  const parts = [
    `written ${traffic.rows}`,
    task.snapshot ? `snapshot ${snapshotText(task)}` : '',
    `lake ${task.records.put} rows, ${Math.round(task.rate)}/s`,
    task.lag ? `lag ${lagText(task)}` : '',
    task.tables
      ? `versions ${Object.entries(task.tables)
          .map(([table, version]) => `${table.split('/').at(-1)}@${version}`)
          .join(' ')}`
      : '',
  ]
  say(parts.filter((part) => part !== '').join('  |  '))
}

/** Waits until the connector's saved position has passed the database's present end of log. */
async function caughtUp(rest: RestClient, client: Client): Promise<boolean> {
  const { rows } = await client.query<{ lsn: string }>(`SELECT (pg_current_wal_lsn() - '0/0')::text AS lsn`)
  const target = Number(rows[0]!.lsn)
  const deadline = performance.now() + catchUpMs
  for (;;) {
    const { tasks } = (await rest.call('GET', `/api/v1/connectors/${connector}/progress`)) as { tasks: readonly TaskProgress[] }
    const { offsets } = (await rest.call('GET', `/connectors/${connector}/offsets`)) as {
      offsets: readonly { offset: { lsn?: number } | null }[]
    }
    if (tasks[0] && !tasks[0].snapshot && offsets.some(({ offset }) => Number(offset?.lsn ?? 0) >= target)) return true
    if (performance.now() > deadline) {
      say(`The connector has not caught up with ${target} within ${catchUpMs / 1000} s: ${JSON.stringify(offsets)}`)
      return false
    }
    await sleep(100)
  }
}

async function verdict(client: Client, lake: string): Promise<boolean> {
  let same = true
  for (const [table, key] of Object.entries(shopTables)) {
    const result = await compareTables(client, `shop.${table}`, key, join(lake, 'shop', table))
    same &&= result.differences.length === 0
    say(`${result.differences.length === 0 ? 'equal ' : 'DIFFER'}  shop.${table}: ${result.rows} rows x ${result.columns} columns`)
    for (const difference of result.differences.slice(0, 5)) say(`        ${difference}`)
  }
  say(same ? 'VERDICT: the lake equals the database, row by row.' : 'VERDICT: the lake DIFFERS from the database.')
  return same
}

/** Ctrl-C: the worker gets it too (same process group) and drains; then the server is stopped. */
function stopOnSignal(worker: ChildProcess, postgres: DemoPostgres): Promise<void> {
  return new Promise((resolveStopped) => {
    const stop = () => {
      if (worker.exitCode === null && worker.signalCode === null) worker.kill('SIGTERM')
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    worker.once('exit', () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      try {
        postgres.stop()
      } catch (error) {
        say(`Postgres did not stop: ${(error as Error).message}`)
      }
      resolveStopped()
    })
  })
}

function say(text: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`)
}
