import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startPostgres } from '../../../postgres.ts'
import { item, never, openSink, target } from './sink-rig.ts'

const server = await startPostgres()
after(() => server.stop())

test('a role that lacks rights is told which, for positions and for rows, and goes on when it has them', async () => {
  await server.query(
    `CREATE ROLE narrow LOGIN PASSWORD 'n'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE TABLE items (id bigint PRIMARY KEY, name text, count int); GRANT SELECT ON items TO narrow`,
  )
  const config = { ...target(server), 'connection.user': 'narrow', 'connection.password': 'n' }
  await assert.rejects(
    openSink(config),
    /role "narrow" lacks a right: permission denied.*CREATE on their schema.*offsets\.table.*at-least-once/,
  )
  await server.query('CREATE SCHEMA own AUTHORIZATION narrow')
  const write = async () => {
    await using sink = await openSink({ ...config, 'offsets.table': 'own.positions' })
    await sink.put([item(1, { name: 'a' })], never)
    await sink.flush({ p: 1 }, never)
  }
  await assert.rejects(
    write(),
    /role "narrow" lacks a right: permission denied for table items; GRANT it SELECT, INSERT, UPDATE and DELETE/,
  )
  await server.query('GRANT INSERT, UPDATE, DELETE ON items TO narrow')
  await write()
  assert.deepEqual(await server.query('SELECT name FROM items'), [{ name: 'a' }])
})
