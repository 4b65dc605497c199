import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { postgresVersions } from '../../postgres.ts'
import { Servers } from './test-database.ts'
import { identities } from './tail.ts'

const servers = new Servers()
after(() => servers[Symbol.asyncDispose]())

for (const version of postgresVersions) {
  test(`Postgres ${version}: transactions arrive whole and in commit order, rolled-back savepoints not at all`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY, name text)')
    await using tail = await database.streaming()
    const one = await database.connect()
    const two = await database.connect()
    await one.query("BEGIN; INSERT INTO t VALUES (1, 'one')")
    await two.query("BEGIN; INSERT INTO t VALUES (2, 'two'); SAVEPOINT s; INSERT INTO t VALUES (3, 'gone'); ROLLBACK TO s; COMMIT")
    await one.query("INSERT INTO t VALUES (4, 'one'); COMMIT")
    await one.query("BEGIN; INSERT INTO t VALUES (5, 'gone'); ROLLBACK; INSERT INTO t VALUES (6, 'last')")
    await tail.count(4)
    assert.deepEqual(tail.summary(), ['c 2', 'c 1', 'c 4', 'c 6'])
    const positions = tail.records.map((record) => record.origin!)
    assert.equal(positions[1]!.position, positions[2]!.position)
    assert.deepEqual(
      positions.map(({ seq }) => seq),
      [1, 1, 2, 1],
    )
    assert.ok(positions[0]!.position < positions[1]!.position && positions[2]!.position < positions[3]!.position)
    await one.end()
    await two.end()
  })

  test(`Postgres ${version}: a changed key is a delete and a create, a truncate one record per table`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE a (id int PRIMARY KEY, name text); CREATE TABLE b (id int PRIMARY KEY)')
    await using tail = await database.streaming()
    await database.query("INSERT INTO a VALUES (1, 'x'); UPDATE a SET id = 2; INSERT INTO b VALUES (9); TRUNCATE a, b")
    await tail.count(7)
    assert.deepEqual(tail.summary(), ['c 1', 'd 1', '- 1', 'c 2', 'c 9', 't undefined', 't undefined'])
    assert.deepEqual(
      tail.records.map((record) => record.origin!.seq),
      [1, 2, 2, 3, 4, 5, 6],
    )
  })

  test(`Postgres ${version}: large values that did not change are filled from the old row or named as unavailable`, async () => {
    const database = await servers.database(version)
    await database.query(
      "CREATE TABLE plain (id int PRIMARY KEY, big text, n int); CREATE TABLE whole (id int PRIMARY KEY, big text, n int); ALTER TABLE whole REPLICA IDENTITY FULL; ALTER TABLE plain ALTER big SET STORAGE EXTERNAL; ALTER TABLE whole ALTER big SET STORAGE EXTERNAL; INSERT INTO plain VALUES (1, repeat('x', 20000), 0); INSERT INTO whole VALUES (1, repeat('y', 20000), 0)",
    )
    await using tail = await database.streaming({ 'snapshot.mode': 'no_data' })
    await database.query('UPDATE plain SET n = 1; UPDATE whole SET n = 1')
    await tail.count(2)
    const [plain, whole] = tail.records.map((record) => ({ record, after: (record.value as { after: Record<string, unknown> }).after }))
    assert.equal(plain!.after.big, '__debezium_unavailable_value')
    assert.deepEqual(plain!.record.headers.find((header) => header.key === '__millrace.unavailable')?.value, ['big'])
    assert.equal(whole!.after.big, 'y'.repeat(20000))
    assert.equal(whole!.record.headers.length, 0)
  })

  test(`Postgres ${version}: rows of one COPY share their LSN and are still told apart`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    await using tail = await database.streaming()
    await database.query("COPY t FROM PROGRAM 'seq 1 500'")
    await tail.count(500)
    assert.deepEqual(
      tail.records.map((record) => record.origin!.seq),
      Array.from({ length: 500 }, (_, i) => i + 1),
    )
  })

  test(`Postgres ${version}: columns that are added, dropped or retyped in the stream show from the next change on`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY, a int)')
    await using tail = await database.streaming()
    await database.query(
      "INSERT INTO t VALUES (1, 1); ALTER TABLE t ADD b text DEFAULT 'dflt'; INSERT INTO t VALUES (2, 2, 'x'); ALTER TABLE t DROP a; ALTER TABLE t RENAME b TO c; INSERT INTO t VALUES (3, 'y')",
    )
    await tail.count(3)
    const fields = tail.records.map((record) => Object.keys((record.value as { after: object }).after).join(','))
    assert.deepEqual(fields, ['id,a', 'id,a,b', 'id,c'])
    assert.notEqual(tail.records[0]!.valueSchema, tail.records[1]!.valueSchema)
  })

  test(`Postgres ${version}: a restart at any saved position brings the same records under the same positions`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE other (id int PRIMARY KEY)')
    const first = await database.streaming({ 'max.batch.size': '7' })
    const one = await database.connect()
    const two = await database.connect()
    for (let i = 0; i < 30; i++) {
      await Promise.all([
        one.query(
          `BEGIN; INSERT INTO t SELECT g, 0 FROM generate_series(${i * 100}, ${i * 100 + (i % 5) * 6}) g; UPDATE t SET n = n + 1 WHERE id = ${i * 100}; COMMIT`,
        ),
        two.query(`INSERT INTO other VALUES (${i}); UPDATE other SET id = ${i + 1000} WHERE id = ${i}`),
      ])
    }
    await one.query('INSERT INTO t VALUES (-1, 0)')
    const marks: { offsets: typeof first.offsets; from: number }[] = []
    await first.until((tail) => {
      if (tail.closed === tail.records.length && tail.closed > 0) marks.push({ offsets: tail.offsets, from: tail.closed })
      return tail.records.some((record) => (record.value as { after?: { id?: number } } | null)?.after?.id === -1)
    })
    await first[Symbol.asyncDispose]()
    const all = identities(first.records)
    assert.equal(all.length, 541)
    for (const mark of [marks[0]!, marks[Math.floor(marks.length / 3)]!, marks[Math.floor(marks.length / 2)]!, marks.at(-2)!]) {
      await using again = await database.tail({ 'max.batch.size': '11' }, mark.offsets)
      await again.count(all.length - mark.from)
      assert.deepEqual(identities(again.records), all.slice(mark.from))
    }
    await one.end()
    await two.end()
  })
}
