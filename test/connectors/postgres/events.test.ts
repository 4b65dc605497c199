import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { GapError, partitionKey, type ConnectRecord, type Offsets } from '../../../core/index.ts'
import { postgresVersions } from '../../postgres.ts'
import { Servers } from './test-database.ts'

const servers = new Servers()
after(() => servers[Symbol.asyncDispose]())

type Fields = Record<string, unknown>
const value = (record: ConnectRecord) => record.value as Fields

for (const version of postgresVersions) {
  test(`Postgres ${version}: logical messages become records, by prefix, and a consumed one does not come again`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    const first = await database.streaming({ 'message.prefix.exclude.list': 'noise.*' })
    await database.query(
      "SELECT pg_logical_emit_message(true, 'orders', 'inside'); SELECT pg_logical_emit_message(true, 'noise.1', 'x'); SELECT pg_logical_emit_message(false, 'orders', 'alone')",
    )
    await first.count(2)
    assert.deepEqual(
      first.records.map(({ topic }) => topic),
      ['app.message', 'app.message'],
    )
    assert.deepEqual(first.records.map((record) => String((value(record).message as Fields).content)).sort(), ['alone', 'inside'])
    await first[Symbol.asyncDispose]()
    await using second = await database.tail({ 'message.prefix.exclude.list': 'noise.*' }, first.offsets)
    await database.query('INSERT INTO t VALUES (1)')
    await second.count(1)
    assert.deepEqual(second.summary(), ['c 1'])
  })

  test(`Postgres ${version}: transaction metadata brackets the changes and counts them`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)')
    await using tail = await database.streaming({ 'provide.transaction.metadata': 'true', 'max.batch.size': '2' })
    await database.query('INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1)')
    await tail.until((one) => one.records.some((record) => value(record).status === 'END'))
    const [begin, ...rest] = tail.records
    const end = rest.pop()!
    assert.deepEqual(
      [begin!.topic, value(begin!).status, end.topic, value(end).status],
      ['app.transaction', 'BEGIN', 'app.transaction', 'END'],
    )
    assert.equal(value(end).event_count, 3n)
    assert.deepEqual(
      rest.map((record) => {
        const { total_order, data_collection_order } = value(record).transaction as Fields
        return [total_order, data_collection_order]
      }),
      [
        [1n, 1n],
        [2n, 2n],
        [3n, 1n],
      ],
    )
  })

  test(`Postgres ${version}: heartbeats come on their own topic, and their statement runs`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE beats (id serial PRIMARY KEY)')
    await using tail = await database.streaming({
      'heartbeat.interval.ms': '100',
      'heartbeat.action.query': 'INSERT INTO beats DEFAULT VALUES',
      'table.include.list': 'public.t',
    })
    await tail.count(3)
    const [beat] = tail.records
    assert.equal(beat!.topic, '__debezium-heartbeat.app')
    assert.deepEqual(beat!.key, { serverName: 'app' })
    assert.equal(beat!.valueSchema!.name, 'io.debezium.connector.common.Heartbeat')
    assert.ok(Number((await database.query('SELECT count(*) FROM beats'))[0]!.count) > 0)
    await database.query('DROP TABLE beats')
    const before = tail.records.length
    await tail.count(before + 3)
    assert.ok(tail.entries.some((entry) => entry.message === 'The heartbeat.action.query failed'))
  })

  test(`Postgres ${version}: operations that are skipped make no records, and a skipped TRUNCATE is told`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY, n int)')
    await using tail = await database.streaming({ 'skipped.operations': 'u,t', 'tombstones.on.delete': 'false' })
    await database.query('INSERT INTO t VALUES (1, 0); UPDATE t SET n = 1; DELETE FROM t; TRUNCATE t; INSERT INTO t VALUES (2, 0)')
    await tail.count(3)
    assert.deepEqual(tail.summary(), ['c 1', 'd 1', 'c 2'])
    assert.ok(tail.entries.some((entry) => entry.level === 'warn' && /TRUNCATE makes no record/.test(entry.message)))
  })

  test(`Postgres ${version}: columns are left out and keys chosen by the config`, async () => {
    const database = await servers.database(version)
    await database.query(
      `CREATE TABLE "Odd""Name" (id int PRIMARY KEY, "Email" text, secret text, "__proto__" int); INSERT INTO "Odd""Name" VALUES (1, 'a@b', 'hidden', 3)`,
    )
    await using tail = await database.tail({
      'column.exclude.list': '.*\\.secret',
      'message.key.columns': 'public.odd"name:Email,id',
    })
    await tail.count(1)
    await database.query(`INSERT INTO "Odd""Name" VALUES (2, 'c@d', 'hidden', 4)`)
    await tail.count(2)
    for (const record of tail.records) {
      const after = value(record).after as Fields
      assert.deepEqual(Object.keys(after), ['id', 'Email', '__proto__'])
      assert.deepEqual(Object.keys(record.key as object), ['Email', 'id'])
      assert.equal(JSON.stringify(record.value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)).includes('hidden'), false)
    }
  })

  test(`Postgres ${version}: a row that cannot be turned is rejected with its table, column and key, and the others go on`, async () => {
    const database = await servers.database(version)
    await database.query("CREATE TABLE t (id int PRIMARY KEY, n numeric(10,2)); INSERT INTO t VALUES (1, 'NaN'), (2, 2)")
    await using tail = await database.tail()
    await database.query("INSERT INTO t VALUES (3, 'NaN'), (4, 4)")
    await tail.count(2)
    assert.deepEqual(tail.summary(), ['r 2', 'c 4'])
    assert.equal(tail.rejected.length, 2)
    assert.match(tail.rejected[1]!.error.message, /public\.t.*"n".*"3"/)
    assert.match(tail.rejected[1]!.error.message, /decimal.handling.mode/)
    await database.query("INSERT INTO t VALUES (5, 'NaN')")
    await database.query('INSERT INTO t VALUES (6, 6)')
    await tail.until((one) => one.rejected.length === 3 && one.records.length === 3)
  })

  test(`Postgres ${version}: rows that row-level security hides from the role are an error, not left out`, async () => {
    const database = await servers.database(version)
    const role = `limited_${database.name}`
    await database.query(
      `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'pw'; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO ${role}; CREATE PUBLICATION dbz_publication FOR TABLE t`,
    )
    await using tail = await database.tail({ 'database.user': role, 'database.password': 'pw' })
    await assert.rejects(tail.count(1), /row-level security/)
  })

  test(`Postgres ${version}: a position beyond the end of the server's log is a gap`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    const first = await database.streaming()
    await database.query('INSERT INTO t VALUES (1)')
    await first.count(1)
    await first[Symbol.asyncDispose]()
    const partition = partitionKey({ server: 'app' })
    const offsets = { [partition]: { ...(first.offsets![partition] as object), lsn: 1e12 } } as Offsets
    await assert.rejects(database.tail({}, offsets), (error: unknown) => error instanceof GapError && /log ends at/.test(error.message))
  })

  test(`Postgres ${version}: a publication that is filled later brings its tables in with their content`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
    await using tail = await database.tail({ 'publication.autocreate.mode': 'no_tables' })
    await tail.poll(50)
    await database.query('ALTER PUBLICATION dbz_publication ADD TABLE t; INSERT INTO t VALUES (2)')
    await tail.count(2)
    await database.query('INSERT INTO t VALUES (3)')
    await tail.count(3)
    assert.deepEqual(tail.summary(), ['r 1', 'r 2', 'c 3'])
  })

  test(`Postgres ${version}: progress tells the snapshot's rows and the stream's lag`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 5000); ANALYZE t')
    await using tail = await database.tail({ 'snapshot.max.threads': '3' })
    await tail.count(5000)
    await tail.until((one) => one.progress.some(({ lag }) => typeof lag?.bytes === 'number'))
    const snapshot = tail.progress.filter((progress) => progress.snapshot).at(-1)!.snapshot!
    assert.deepEqual(snapshot, { table: 'public.t', tablesDone: 1, tables: 1, rows: 5000, rowsEstimated: 5000 })
    assert.equal(tail.progress.filter((progress) => 'lag' in progress).at(-1)!.lag!.seconds, 0)
  })

  test(`Postgres ${version}: a change larger than message.bytes.max stops the task with the way out, one within it passes whole`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY, big text)')
    await using tail = await database.streaming({ 'message.bytes.max': '3000000', 'max.queue.size.in.bytes': '100000' })
    await database.query("INSERT INTO t VALUES (1, repeat('abcdefgh', 300000))")
    await database.query("INSERT INTO t VALUES (2, repeat('abcdefgh', 500000))")
    await tail.count(1)
    assert.equal((value(tail.records[0]!).after as { big: string }).big.length, 2_400_000)
    await assert.rejects(tail.count(2), /A change of 4000\d+ bytes.*message.bytes.max/)
  })
}
