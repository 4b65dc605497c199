import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postgresMissing, startPostgres } from '../../postgres.ts'
import { Tail } from './tail.ts'

for (const version of ['15', '18'] as const) {
  test(`Postgres ${version}: a table is read once and then followed`, { skip: postgresMissing(version) ?? false }, async () => {
    await using server = await startPostgres({ version })
    await server.query("CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    await using tail = await Tail.open(server)
    await tail.count(2)
    await server.query("INSERT INTO t VALUES (3, 'c'); UPDATE t SET name = 'x' WHERE id = 1; DELETE FROM t WHERE id = 2")
    await tail.count(6)
    assert.deepEqual(tail.summary(), ['r 1', 'r 2', 'c 3', 'u 1', 'd 2', '- 2'])
  })
}
