import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultyProxy } from '../faulty-proxy.ts'
import { Judge, judgeMissing } from '../judge.ts'
import { currentLsn, differences } from '../mirror.ts'
import { type PostgresServer, postgresMissing, startPostgres } from '../postgres.ts'
import { S3Server, s3Skip } from '../s3.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const faults = ['503', 'lost', 'late', 'silent'] as const
const killsMin = 2

test(
  'Postgres goes into a mirror on S3 under kill -9, while the store answers 503, loses answers and times out: the mirror equals the tables',
  { skip: postgresMissing('15') ?? s3Skip(), timeout: 180_000 },
  async (t) => {
    const [server, store] = await Promise.all([startPostgres({ version: '15' }), S3Server.start()])
    t.after(() => Promise.all([server[Symbol.asyncDispose](), store[Symbol.asyncDispose]()]))
    Object.assign(process.env, store.environment)
    await using judge = Judge.open()
    if (!judge) return t.skip(judgeMissing)
    for (const table of ['a', 'b']) {
      await server.query(`CREATE TABLE ${table} (id int PRIMARY KEY, n bigint, body text)`)
      await server.query(`INSERT INTO ${table} SELECT i, i, repeat('x', i % 50) FROM generate_series(1, 5000) i`)
    }
    await using proxy = await FaultyProxy.open(store.endpoint)
    const bucket = await store.newBucket()
    const folder = await mkdtemp(join(tmpdir(), 'millrace-pg-s3-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await using worker = await WorkerProcess.start(folder)
    const keys = { path: `s3://${bucket}/lake`, mode: 'upsert', ...store.settings(proxy.url), 's3.request.timeout.ms': '400' }
    const config = {
      'connector.class': 'postgres',
      ...server.connectorConfig(),
      'topic.prefix': 'shop',
      'flush.interval.ms': '300',
      'task.restart.backoff.ms': '100',
      'sink.class': 'delta',
      ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`sink.${key}`, value])),
    }
    await worker.call('PUT', '/connectors/mirror/config', config)
    proxy.choose = () => (Math.random() < 0.06 ? faults[Math.floor(Math.random() * faults.length)]! : 'none')
    const stop = new AbortController()
    const changed = change(server, stop.signal)
    for (let kills = 0; kills < killsMin; kills++) {
      const before = requests(proxy)
      await waitFor(
        async () => requests(proxy) > before + 25,
        30_000,
        () => worker.log.slice(-3000),
      )
      await sleep(Math.random() * 500)
      await worker.kill()
      await worker.restart()
    }
    stop.abort()
    const transactions = await changed
    await worker.passed('mirror', await currentLsn(server), 90_000)
    t.diagnostic(`${transactions} transactions, faults: ${JSON.stringify(proxy.made)}`)
    assert.ok(
      faults.some((fault) => proxy.made[fault] > 0),
      'the store never failed: the test did not test it',
    )
    for (const table of ['a', 'b']) {
      assert.deepEqual(await differences(server, judge, table, `s3://${bucket}/lake/public/${table}`), [], table)
    }
  },
)

function requests({ made }: FaultyProxy): number {
  return Object.values(made).reduce((sum, count) => sum + count, 0)
}

/** Transactions over both tables, until it is told to stop; gives their number. */
async function change(server: PostgresServer, stop: AbortSignal): Promise<number> {
  let made = 0
  for (; !stop.aborted; made++) {
    const id = 1 + Math.floor(Math.random() * 5000)
    await server.query(
      `BEGIN; UPDATE a SET n = n + 1 WHERE id BETWEEN ${id} AND ${id + 20}; DELETE FROM b WHERE id = ${id};
       INSERT INTO b SELECT i, ${made}, 'new' FROM generate_series(${10_000 + made * 5}, ${10_004 + made * 5}) i; COMMIT`,
    )
    await sleep(5)
  }
  return made
}
