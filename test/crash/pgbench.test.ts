import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Judge, judgeMissing } from '../judge.ts'
import { currentLsn } from '../mirror.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../postgres.ts'
import { WorkerProcess } from '../worker-process.ts'

const scale = 10
const clients = 4
const seconds = 60
const killsMin = 20
const killsInSnapshot = 4

const tables: Readonly<Record<string, readonly string[]>> = {
  pgbench_accounts: ['aid', 'bid', 'abalance', 'filler'],
  pgbench_branches: ['bid', 'bbalance', 'filler'],
  pgbench_tellers: ['tid', 'bid', 'tbalance', 'filler'],
  pgbench_history: ['tid', 'bid', 'aid', 'delta', 'mtime', 'filler'],
}

const missing =
  postgresMissing('15') ?? (existsSync('/usr/lib/postgresql/15/bin/pgbench') ? undefined : 'no pgbench in /usr/lib/postgresql/15/bin')

test(
  `pgbench for ${seconds} s under ${killsMin} kills: the mirror equals the database, and the log has every change once`,
  { skip: missing ?? false },
  async (t) => {
    await using judge = Judge.open()
    if (!judge) return t.skip(judgeMissing)
    await using server = await startPostgres({ version: '15', settings: { shared_buffers: "'256MB'", max_wal_size: "'4GB'" } })
    pgbench(server, ['-i', '-q', '-s', String(scale)])
    await server.query('ALTER TABLE pgbench_history REPLICA IDENTITY FULL')
    const folder = await mkdtemp(join(tmpdir(), 'millrace-pgbench-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await using worker = await WorkerProcess.start(folder)
    for (const mode of ['upsert', 'append'])
      await worker.call('POST', '/connectors', { name: mode, config: connectorConfig(server, mode, folder) })

    // First in the snapshots, then while the log of a running pgbench is followed.
    let kills = 0
    const killAfter = async (ms: number) => {
      await sleep(ms)
      await worker.kill()
      kills++
      await worker.restart()
    }
    for (let n = 0; n < killsInSnapshot; n++) await killAfter(500 + Math.random() * 2500)
    for (const mode of ['upsert', 'append']) await worker.passed(mode, 0, 180_000)
    const load = spawn(join(server.bin, 'pgbench'), [...connection(server), '-n', '-c', String(clients), '-T', String(seconds)], {
      env: environment(server),
      stdio: 'ignore',
    })
    const over = once(load, 'exit')
    let running = true
    void over.then(() => (running = false))
    while (running || kills < killsMin) await killAfter(300 + Math.random() * 3000)
    assert.equal((await over)[0], 0, 'pgbench itself failed')
    t.diagnostic(`${kills} kills`)

    const target = await currentLsn(server)
    for (const mode of ['upsert', 'append']) await worker.passed(mode, target, 180_000)
    for (const [table, columns] of Object.entries(tables)) {
      assert.deepEqual(
        await lakeSum(judge, join(folder, 'upsert/public', table), columns),
        await databaseSum(server, table, columns),
        table,
      )
    }
    await everyChangeOnce(server, judge, join(folder, 'append/public'), t)
  },
)

/** Each pgbench transaction updates one row of three tables and adds one to the history: the log must hold exactly that many, each once. */
async function everyChangeOnce(server: PostgresServer, judge: Judge, lake: string, t: { diagnostic(text: string): void }): Promise<void> {
  const [counted] = await server.query('SELECT count(*)::int AS n, sum(delta)::bigint::text AS total FROM pgbench_history')
  const transactions = counted!['n'] as number
  t.diagnostic(`${transactions} transactions`)
  for (const table of Object.keys(tables)) {
    const path = join(lake, table)
    const [ops] = await judge.readTable(path, {
      sql: `SELECT count(*) AS rows, count(DISTINCT concat(CAST("__lsn" AS STRING), '/', CAST("__seq" AS STRING), '/', "__op")) AS places,
              count(CASE WHEN "__op" = 'r' THEN 1 END) AS reads, count(CASE WHEN "__op" IN ('c', 'u') THEN 1 END) AS changes, count(CASE WHEN "__op" = 'd' THEN 1 END) AS deletes FROM t`,
    })
    const [snapshot] = await server.query(`SELECT count(*)::int AS n FROM ${table}`)
    assert.equal(ops!['rows'], ops!['places'], `${table}: a change is there twice`)
    assert.equal(ops!['deletes'], 0, table)
    if (table === 'pgbench_history') assert.equal(Number(ops!['reads']) + Number(ops!['changes']), transactions, table)
    else assert.equal(ops!['reads'], snapshot!['n'], `${table}: rows of its snapshot`)
  }
  // Updates before a table's snapshot are in the snapshot: their number is not known, but the balances tell whether one is missing.
  const last = await judge.readTable(join(lake, 'pgbench_branches'), {
    sql: `SELECT bid, bbalance FROM (SELECT bid, bbalance, row_number() OVER (PARTITION BY bid ORDER BY "__lsn" DESC, "__seq" DESC) AS place FROM t) WHERE place = 1`,
  })
  const sum = last.reduce((total, row) => total + BigInt(row['bbalance'] as number), 0n)
  assert.equal(sum.toString(), counted!['total'], 'the branches have what the history says')
  const [changed] = await judge.readTable(join(lake, 'pgbench_accounts'), { sql: `SELECT count(*) AS n FROM t WHERE "__op" = 'u'` })
  const [inHistory] = await judge.readTable(join(lake, 'pgbench_history'), { sql: `SELECT count(*) AS n FROM t WHERE "__op" = 'c'` })
  assert.ok(Number(inHistory!['n']) > 0, 'nothing came from the stream: the test did not test it')
  t.diagnostic(`${String(changed!['n'])} account changes and ${String(inHistory!['n'])} history rows came from the stream`)
}

async function databaseSum(server: PostgresServer, table: string, columns: readonly string[]): Promise<unknown> {
  const line = columns
    .map((name) => (name === 'mtime' ? `to_char(mtime, 'YYYY-MM-DD"T"HH24:MI:SS.US')` : `coalesce(format('%s', ${name}), '')`))
    .join(`|| '|' ||`)
  const [row] = await server.query(
    `SELECT count(*)::int AS rows, md5(string_agg(line, E'\\n' ORDER BY line COLLATE "C")) AS sum FROM (SELECT ${line} AS line FROM ${table}) lines`,
  )
  return row
}

async function lakeSum(judge: Judge, path: string, columns: readonly string[]): Promise<unknown> {
  const line = columns
    .map((name) => (name === 'mtime' ? `to_char(mtime, '%Y-%m-%dT%H:%M:%S.%6f')` : `coalesce(CAST(${name} AS STRING), '')`))
    .join(`|| '|' ||`)
  const [row] = await judge.readTable(path, {
    sql: `SELECT count(*) AS rows, md5(string_agg(line, chr(10) ORDER BY line)) AS sum FROM (SELECT ${line} AS line FROM t) lines`,
  })
  return row
}

function connectorConfig(server: PostgresServer, mode: string, folder: string): Record<string, string> {
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    ...server.connectorConfig(),
    'topic.prefix': mode,
    'slot.name': mode,
    'publication.name': mode,
    'publication.autocreate.mode': 'filtered',
    'flush.interval.ms': '500',
    'sink.class': 'delta',
    'sink.path': join(folder, mode),
    'sink.mode': mode,
  }
}

function connection(server: PostgresServer): readonly string[] {
  return ['-h', server.host, '-p', String(server.port), '-U', server.user, server.database]
}

function environment(server: PostgresServer): NodeJS.ProcessEnv {
  return { ...process.env, PGPASSWORD: server.password }
}

function pgbench(server: PostgresServer, args: readonly string[]): void {
  const { status, stderr } = spawnSync(join(server.bin, 'pgbench'), [...args, ...connection(server)], {
    env: environment(server),
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`pgbench ${args.join(' ')} failed: ${stderr}`)
}
