import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { arrayOf, primitive, record, structOf } from '../../../../core/index.ts'
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

test('settings of a role do not change what is written', async () => {
  await server.query(
    `CREATE ROLE odd SUPERUSER LOGIN PASSWORD 'o'; ALTER ROLE odd SET array_nulls = off; ALTER ROLE odd SET datestyle = 'SQL,DMY'; ALTER ROLE odd SET standard_conforming_strings = off`,
  )
  await using sink = await openSink({
    ...target(server),
    'connection.user': 'odd',
    'connection.password': 'o',
    'table.name.format': "it's \\",
  })
  const items = arrayOf(primitive('string', { optional: true }))
  const valueSchema = structOf([
    ['id', primitive('int32')],
    ['items', items],
  ])
  const key = { key: { id: 1 }, keySchema: structOf([['id', primitive('int32')]]) }
  await sink.put([record('odd', { id: 1, items: ['a', null, 'NULL', "\\'"] }, { ...key, valueSchema })], never)
  await sink.flush({ p: 2 }, never)
  assert.deepEqual(await server.query(`SELECT items, items[2] IS NULL AS none FROM "it's \\"`), [
    { items: ['a', null, 'NULL', "\\'"], none: true },
  ])
})
