import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { partitionKey, type Offsets } from '../../../core/index.ts'
import { postgresVersions } from '../../postgres.ts'
import { Servers } from './test-database.ts'

const servers = new Servers()
after(() => servers[Symbol.asyncDispose]())

const tablesOf = (offsets: Offsets | undefined) =>
  (offsets?.[partitionKey({ server: 'app' })] as { tables?: Record<string, { oid: number; lsn: number }> } | undefined)?.tables ?? {}

for (const version of postgresVersions) {
  test(`Postgres ${version}: a snapshot that was interrupted goes on with the next table, and the changes in between are neither lost nor doubled`, async () => {
    const database = await servers.database(version)
    await database.query(
      'CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY, n int); CREATE TABLE c (id int PRIMARY KEY, n int); INSERT INTO a VALUES (1, 0); INSERT INTO b VALUES (1, 0); INSERT INTO c VALUES (1, 0)',
    )
    const first = await database.tail()
    await first.until((tail) => 'public.a' in tablesOf(tail.offsets))
    assert.deepEqual(Object.keys(tablesOf(first.offsets)), ['public.a'])
    await first[Symbol.asyncDispose]()
    await database.query('UPDATE a SET n = 1; UPDATE b SET n = 1; INSERT INTO c VALUES (2, 1)')
    await using second = await database.tail({}, first.offsets)
    await database.query('UPDATE b SET n = 2; UPDATE a SET n = 2')
    await second.count(6)
    for (let i = 0; i < 3; i++) await second.poll(100)
    const got = second.records.map((record) => {
      const { op, after: row, source } = record.value as { op: string; after: { id: number; n: number }; source: { table: string } }
      return `${source.table} ${op} ${row.id}:${row.n}`
    })
    assert.deepEqual(got, ['b r 1:1', 'c r 1:0', 'c r 2:1', 'a u 1:1', 'b u 1:2', 'a u 1:2'])
    for (const table of ['b', 'c']) {
      const positions = second.records.filter((record) => record.topic === `app.public.${table}`).map(({ origin }) => origin!)
      for (const [i, one] of positions.slice(1).entries()) {
        const before = positions[i]!
        assert.ok(one.position > before.position || (one.position === before.position && one.seq > before.seq))
      }
    }
  })

  test(`Postgres ${version}: a crash before anything was saved starts over, with the slot that is there, and loses nothing`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
    const first = await database.tail()
    await first[Symbol.asyncDispose]()
    await database.query('INSERT INTO t VALUES (2)')
    await using second = await database.tail()
    await database.query('INSERT INTO t VALUES (3)')
    await second.count(3)
    for (let i = 0; i < 3; i++) await second.poll(100)
    assert.deepEqual(second.summary(), ['r 1', 'r 2', 'c 3'])
  })

  test(`Postgres ${version}: tables that are captured later are read first, with a publication that is extended or of all tables`, async () => {
    for (const mode of ['filtered', 'all_tables']) {
      const database = await servers.database(version)
      await database.query(
        'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)',
      )
      const settings = { 'publication.autocreate.mode': mode }
      const first = await database.streaming({ ...settings, 'table.include.list': 'public.a' })
      await database.query('INSERT INTO b VALUES (2); INSERT INTO a VALUES (2)')
      await first.count(1)
      await first[Symbol.asyncDispose]()
      await using second = await database.tail({ ...settings, 'table.include.list': 'public.a,public.b' }, first.offsets)
      await database.query('INSERT INTO b VALUES (3); INSERT INTO a VALUES (3)')
      await second.count(4)
      for (let i = 0; i < 3; i++) await second.poll(100)
      assert.deepEqual(
        second.records.map((record, i) => `${record.topic.slice(-1)} ${second.summary()[i]!}`),
        ['b r 1', 'b r 2', 'b c 3', 'a c 3'],
      )
    }
  })

  test(`Postgres ${version}: a table that is created while streaming comes whole by the stream, and is not read again after a restart`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE a (id int PRIMARY KEY)')
    const first = await database.streaming()
    await database.query('CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1), (2)')
    await first.count(2)
    await first[Symbol.asyncDispose]()
    assert.deepEqual(first.summary(), ['c 1', 'c 2'])
    await using second = await database.tail({}, first.offsets)
    await database.query('INSERT INTO late VALUES (3)')
    await second.count(1)
    assert.deepEqual(second.summary(), ['c 3'])
  })

  test(`Postgres ${version}: a table that is dropped and created again, or added to the publication by hand, is read while the stream waits`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)')
    await database.query('CREATE PUBLICATION dbz_publication FOR TABLE a')
    await using tail = await database.streaming({ 'publication.autocreate.mode': 'filtered', 'table.include.list': 'public.a' })
    await database.query(
      'DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (7); ALTER PUBLICATION dbz_publication ADD TABLE a; INSERT INTO a VALUES (8)',
    )
    await tail.count(2)
    await database.query('INSERT INTO a VALUES (9)')
    await tail.count(3)
    assert.deepEqual(tail.summary(), ['r 7', 'r 8', 'c 9'])
  })

  test(`Postgres ${version}: snapshot modes`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
    const only = await database.tail({ 'snapshot.mode': 'initial_only' })
    await only.count(1)
    for (let i = 0; i < 2; i++) await only.poll(50)
    await only[Symbol.asyncDispose]()
    assert.deepEqual(only.summary(), ['r 1'])
    assert.deepEqual(await database.query(`SELECT 1 FROM pg_replication_slots WHERE slot_name LIKE '${database.slot}%'`), [])

    const none = await database.tail({ 'snapshot.mode': 'never' })
    await database.query('INSERT INTO t VALUES (2)')
    await none.count(1)
    await none[Symbol.asyncDispose]()
    assert.deepEqual(none.summary(), ['c 2'])

    await using always = await database.tail({ 'snapshot.mode': 'always' }, none.offsets)
    await always.count(2)
    await database.query('INSERT INTO t VALUES (3)')
    await always.count(3)
    assert.deepEqual(always.summary(), ['r 1', 'r 2', 'c 3'])
  })

  test(`Postgres ${version}: a mirror learns that a table is empty when it is read again`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
    const first = await database.streaming()
    await database.query('INSERT INTO t VALUES (2)')
    await first.count(1)
    await first[Symbol.asyncDispose]()
    await database.query('DELETE FROM t')
    await using again = await database.tail({ 'snapshot.mode': 'always' }, first.offsets)
    await again.until((tail) => tail.closed > 0)
    assert.deepEqual(again.summary(), ['t undefined'])
  })

  test(`Postgres ${version}: Debezium's own offsets resume its slot`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION dbz_publication FOR ALL TABLES')
    const [slot] = await database.query(
      `SELECT (lsn - '0/0')::text AS lsn FROM pg_create_logical_replication_slot('${database.slot}', 'pgoutput')`,
    )
    await database.query('INSERT INTO t VALUES (2)')
    const lsn = Number(slot!.lsn)
    await using tail = await database.tail(
      {},
      { [partitionKey({ server: 'app' })]: { lsn, lsn_proc: lsn, lsn_commit: lsn, txId: 5, ts_usec: 1 } },
    )
    await tail.count(1)
    assert.deepEqual(tail.summary(), ['c 2'])
  })

  test(`Postgres ${version}: a task that ends inside a table lets go of it at once, and another one reads it whole`, async () => {
    const database = await servers.database(version)
    await database.query(
      "CREATE TABLE big (id int PRIMARY KEY, filler text); INSERT INTO big SELECT g, repeat('x', 200) FROM generate_series(1, 60000) g",
    )
    for (let round = 0; round < 3; round++) {
      const first = await database.tail({ 'snapshot.max.threads': '2', 'max.batch.size': '500' })
      await first.count(1 + round * 3_000)
      await first[Symbol.asyncDispose]()
      assert.equal(first.closed, 0)
      assert.equal(first.offsets, undefined)
    }
    const left = `SELECT count(*)::int AS left FROM pg_stat_activity WHERE application_name LIKE 'Millrace%' AND datname = '${database.name}'`
    for (let i = 0; i < 100 && (await database.query(left))[0]!.left !== 0; i++) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.deepEqual(await database.query(left), [{ left: 0 }])
    await using second = await database.tail({ 'snapshot.max.threads': '2' })
    await second.until((tail) => tail.closed > 0)
    assert.equal(new Set(second.records.map((record) => (record.key as { id: number }).id)).size, 60_000)
    assert.equal(second.records.length, 60_000)
  })

  test(`Postgres ${version}: a snapshot whose connection breaks fails the task for good, and a new task reads the table whole`, async () => {
    const database = await servers.database(version)
    await database.query(
      "CREATE TABLE big (id int PRIMARY KEY, filler text); INSERT INTO big SELECT g, repeat('x', 200) FROM generate_series(1, 60000) g",
    )
    await using first = await database.tail({ 'max.batch.size': '500' })
    await first.count(500)
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'Millrace % snapshot' AND datname = current_database()",
    )
    await assert.rejects(first.count(60_000), /snapshot of public.big broke off/)
    await assert.rejects(first.poll(), /snapshot of public.big broke off/)
    await using second = await database.tail()
    await second.until((tail) => tail.closed > 0)
    assert.equal(second.records.length, 60_000)
  })

  test(`Postgres ${version}: a table that is rewritten before the snapshot reads it does not pass for empty`, async () => {
    const database = await servers.database(version)
    await database.query(
      "CREATE TABLE a (id int PRIMARY KEY, filler text); INSERT INTO a SELECT g, repeat('x', 200) FROM generate_series(1, 30000) g; CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)",
    )
    await using first = await database.tail({ 'max.batch.size': '100' })
    await first.count(1)
    await database.query('ALTER TABLE b ALTER id TYPE bigint')
    await first.count(30_001)
    await database.query('INSERT INTO b VALUES (2)')
    await first.count(30_002)
    assert.deepEqual(first.summary().slice(-2), ['r 1', 'c 2'])
  })
}
