import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { RetriableError } from '../../../core/index.ts'
import { postgresVersions, startPostgres } from '../../postgres.ts'
import { TestDatabase } from './test-database.ts'
import { identities, type Tail } from './tail.ts'

const quick = { 'retriable.restart.connector.wait.ms': '300' }

function ids(tail: Tail): number[] {
  return tail.records.map((record) => (record.value as { after: { id: number } }).after.id)
}

for (const version of postgresVersions) {
  test(`Postgres ${version}: a stream that is cut inside a transaction goes on without a gap or a repetition`, async () => {
    await using server = await startPostgres({ version })
    const database = new TestDatabase(server, 'postgres')
    await database.query('CREATE TABLE t (id int PRIMARY KEY, filler text)')
    await using tail = await database.streaming({ ...quick, 'max.batch.size': '100', 'max.queue.size.in.bytes': '20000' })
    let next = 0
    for (let round = 0; round < 8; round++) {
      const size = 1 + round * 900
      await database.query(`INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(${next}, ${next + size - 1}) g`)
      // Take a part of the transaction, then cut the connection.
      const from = tail.records.length
      await tail.until((one) => one.records.length >= from + Math.floor(size / 3))
      await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender'")
      next += size
    }
    await tail.count(next)
    for (let i = 0; i < 3; i++) await tail.poll(100)
    assert.deepEqual(
      ids(tail),
      Array.from({ length: next }, (_, i) => i),
    )
    assert.equal(new Set(identities(tail.records)).size, next)
    assert.equal(tail.closed, next)
  })

  test(`Postgres ${version}: the source outlives restarts and a crash of the server`, async () => {
    await using server = await startPostgres({ version })
    const database = new TestDatabase(server, 'postgres')
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    await using tail = await database.streaming(quick)
    for (const [round, mode] of (['fast', 'immediate', 'fast'] as const).entries()) {
      await database.query(`INSERT INTO t VALUES (${round * 2})`)
      await tail.count(round * 2 + 1)
      await tail.commit()
      await server.halt(mode)
      const started = sleep(300).then(() => server.start())
      await tail.until(() => false, 500).catch(() => {})
      await started
      await database.query(`INSERT INTO t VALUES (${round * 2 + 1})`)
      await tail.count(round * 2 + 2, 20_000)
    }
    assert.deepEqual(ids(tail), [0, 1, 2, 3, 4, 5])
  })

  test(`Postgres ${version}: a server that stays away is reported as retriable, and polling goes on when it is back`, async () => {
    await using server = await startPostgres({ version })
    const database = new TestDatabase(server, 'postgres')
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    await using tail = await database.streaming({ ...quick, 'reconnect.timeout.ms': '400' })
    await server.halt('fast')
    await assert.rejects(
      tail.until(() => false, 5_000),
      (error: unknown) => error instanceof RetriableError && /not been reachable/.test(error.message),
    )
    await server.start()
    await database.query('INSERT INTO t VALUES (1)')
    await tail.count(1, 20_000)
  })

  test(`Postgres ${version}: a client that does not poll for longer than wal_sender_timeout is not cut off, and holds little in memory`, async () => {
    await using server = await startPostgres({ version, settings: { wal_sender_timeout: '1s' } })
    const database = new TestDatabase(server, 'postgres')
    await database.query('CREATE TABLE t (id int PRIMARY KEY, filler text)')
    await using tail = await database.streaming({ 'status.update.interval.ms': '10000', 'max.queue.size.in.bytes': '1000000' })
    await database.query("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 40000) g")
    const [sender] = await server.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'")
    await sleep(3_500)
    assert.deepEqual(await server.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'"), [sender])
    await tail.count(40_000, 20_000)
    assert.equal(ids(tail).at(-1), 40_000)
    assert.equal(tail.entries.filter((entry) => entry.message === 'Streaming changes').length, 1)
  })
}
