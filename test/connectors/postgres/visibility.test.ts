import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldOf } from '../../../core/index.ts'
import { isSeen, Visibility } from '../../../connectors/postgres/visibility.ts'
import { postgresVersions, startPostgres } from '../../postgres.ts'
import { waitFor } from '../../worker-process.ts'
import { memoryLog, streaming, Tail } from './tail.ts'

for (const version of postgresVersions) {
  test(`Postgres ${version}: the definition of a table that changed in a transaction is read when others see its commit, too`, async () => {
    // A commit waits for this standby, which never comes: its record is in the log, and sent, but others do not see it yet.
    await using server = await startPostgres({ version, settings: { synchronous_standby_names: 'ghost', synchronous_commit: 'local' } })
    await server.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
    await using tail = await Tail.open(server)
    await tail.until(streaming)
    await tail.count(1)
    tail.records.length = 0
    const waiting = server.query(`
      SET synchronous_commit = on;
      BEGIN; CREATE TYPE mood AS ENUM ('fine'); ALTER TABLE t ADD COLUMN n int DEFAULT 7, ADD COLUMN m mood; INSERT INTO t VALUES (2, 8, 'fine'); COMMIT`)
    const early = waiting.then(() => 'committed', String)
    const flushed = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
    await waitFor(
      async () => (await server.query(flushed))[0]!['n'] === 1,
      10_000,
      () => 'no commit waits',
    )
    // Polls end when they are told to, however long this lasts.
    for (let i = 0; i < 10; i++) await tail.poll(50)
    assert.equal(await Promise.race([early, Promise.resolve('waiting')]), 'waiting')
    assert.deepEqual(tail.records, [])
    await server.query(`ALTER SYSTEM SET synchronous_standby_names = ''`)
    await server.query('SELECT pg_reload_conf()')
    await waiting
    await tail.count(1)
    const { value, valueSchema } = tail.records[0]!
    assert.deepEqual((value as { after: object }).after, { id: 2, n: 8, m: 'fine' })
    const n = fieldOf(fieldOf(valueSchema!, 'after')!.schema, 'n')!.schema
    assert.deepEqual([n.defaultValue, n.parameters?.['millrace.added.value']], [7, '7'])
    assert.deepEqual(tail.rejected, [])
  })
}

test('a transaction is over for a snapshot that neither lists it nor ends before it', () => {
  assert.equal(isSeen(100, '90:101:'), true)
  assert.equal(isSeen(100, '90:101:90,100'), false)
  assert.equal(isSeen(100, '90:100:90'), false)
  assert.equal(isSeen(90, '90:101:90'), false)
  // Two wraps of the 32 bits later, and around the next one.
  const turn = 2 ** 32
  assert.equal(isSeen(100, `${2 * turn + 90}:${2 * turn + 101}:`), true)
  assert.equal(isSeen(100, `${2 * turn + 90}:${2 * turn + 101}:${2 * turn + 100}`), false)
  assert.equal(isSeen(turn - 5, `${3 * turn - 9}:${3 * turn + 3}:`), true)
  assert.equal(isSeen(turn - 5, `${3 * turn - 9}:${3 * turn + 3}:${3 * turn - 5}`), false)
  assert.equal(isSeen(3, `${3 * turn - 9}:${3 * turn - 5}:`), false)
})

test('a commit that waits for ever is told in the log, and then is an error', async () => {
  const { log, entries } = memoryLog()
  const query = () => Promise.resolve({ rows: [{ snapshot: '5:8:7' }] })
  const visibility = new Visibility(query, log, { warnAfterMs: 10, failAfterMs: 60 })
  assert.equal(await visibility.reached(7, AbortSignal.timeout(30)), false)
  assert.deepEqual(
    entries.map(({ level }) => level),
    ['warn'],
  )
  await assert.rejects(visibility.reached(7, new AbortController().signal), /synchronous_standby_names/)
  assert.equal(await visibility.reached(6, new AbortController().signal), true)
})
