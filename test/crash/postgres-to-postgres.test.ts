import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CutProxy } from '../connectors/postgres/sink/cut-proxy.ts'
import { currentLsn } from '../mirror.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../postgres.ts'
import { WorkerProcess } from '../worker-process.ts'

const seconds = 10
const tables = ['pgbench_accounts', 'pgbench_branches', 'pgbench_tellers', 'pgbench_history'] as const

const missing =
  postgresMissing('15') ?? (existsSync('/usr/lib/postgresql/15/bin/pgbench') ? undefined : 'no pgbench in /usr/lib/postgresql/15/bin')

test(
  `pgbench for ${seconds} s from Postgres to Postgres under kill -9, cut connections and restarts of the target: equal tables, each row once`,
  { skip: missing ?? false },
  async (t) => {
    await using source = await startPostgres({ version: '15' })
    await using target = await startPostgres({ version: '15' })
    pgbench(source, ['-i', '-q', '-s', '1'])
    await source.query('ALTER TABLE pgbench_history REPLICA IDENTITY FULL')
    const folder = await mkdtemp(join(tmpdir(), 'millrace-pg-pg-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await using proxy = await CutProxy.start(target.port)
    await using worker = await WorkerProcess.start(folder)
    const shared = {
      'connector.class': 'postgres',
      ...source.connectorConfig(),
      'flush.interval.ms': '200',
      'task.restart.backoff.ms': '100',
      'sink.class': 'postgres',
      'sink.connection.url': `jdbc:postgresql://127.0.0.1:${proxy.port}/postgres`,
      'sink.connection.user': target.user,
      'sink.connection.password': target.password,
      'sink.batch.size': '500',
    }
    const own = (name: string) => ({
      'topic.prefix': name,
      'slot.name': name,
      'publication.name': name,
      'publication.autocreate.mode': 'filtered',
    })
    // The mirror of what has a key, and by plain inserts every row of what has none: a row twice would show.
    await worker.call('POST', '/connectors', {
      name: 'mirror',
      config: { ...shared, ...own('mirror'), 'table.exclude.list': 'public.pgbench_history' },
    })
    await worker.call('POST', '/connectors', {
      name: 'history',
      config: {
        ...shared,
        ...own('history'),
        'table.include.list': 'public.pgbench_history',
        'sink.insert.mode': 'insert',
        'sink.pk.mode': 'none',
        'sink.delete.enabled': 'false',
      },
    })
    let kills = 0
    const disturb = async (): Promise<void> => {
      await sleep(300 + Math.random() * 1500)
      const kind = Math.random()
      if (kind < 0.5) {
        await worker.kill()
        kills++
        await worker.restart()
      } else if (kind < 0.8) proxy.cutAfter(Math.floor(Math.random() * 100_000))
      else {
        await target.halt('immediate')
        await target.start()
      }
    }
    for (let n = 0; n < 3; n++) await disturb()
    const load = spawn(join(source.bin, 'pgbench'), [...connection(source), '-n', '-c', '2', '-T', String(seconds), '-R', '300'], {
      env: environment(source),
      stdio: 'ignore',
    })
    const over = once(load, 'exit')
    let running = true
    void over.then(() => (running = false))
    while (running || kills < 5) await disturb()
    assert.equal((await over)[0], 0, 'pgbench itself failed')
    t.diagnostic(`${kills} kills, ${proxy.cuts} cuts`)
    proxy.cutAfter(Infinity)
    const end = await currentLsn(source)
    for (const name of ['mirror', 'history']) await worker.passed(name, end, 120_000)
    for (const table of tables) {
      const sum = `SELECT count(*)::int AS rows, md5(string_agg(line, '|' ORDER BY line)) AS sum FROM (SELECT t::text AS line FROM (SELECT * FROM ${table}) t) x`
      const columns = (
        await source.query(
          `SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) AS list FROM information_schema.columns WHERE table_name = '${table}'`,
        )
      )[0]!['list'] as string
      const listed = sum.replace('SELECT * FROM', `SELECT ${columns} FROM`)
      assert.deepEqual(await target.query(listed), await source.query(listed), table)
    }
    const [history] = await source.query('SELECT count(*)::int AS rows FROM pgbench_history')
    t.diagnostic(`${String(history!['rows'])} transactions`)
    assert.ok((history!['rows'] as number) > 1000)
  },
)

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
