import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  FencedError,
  GapError,
  RetriableError,
  primitive,
  record,
  structOf,
  type ConnectRecord,
  type Json,
} from '../../../../core/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { CutProxy } from './cut-proxy.ts'
import { patiently } from './patiently.ts'
import { item, itemKey, itemSchema, never, openSink, target } from './sink-rig.ts'

const server = await startPostgres()
after(() => server.stop())

let made = 0
async function fresh(sql = ''): Promise<string> {
  const name = `l${++made}`
  await server.query(`CREATE DATABASE ${name}`)
  if (sql !== '') await server.query(sql, name)
  return name
}
const rows = async (name: string, sql: string) => (await server.query(sql, name)).map((row) => Object.values(row).join('|'))
const at = (n: number): Record<string, Json> => ({ p: { n }, '#flush/0': n })

const inserts = { 'insert.mode': 'insert', 'pk.mode': 'none', 'delete.enabled': 'false' }
const wide = (from: number, count: number) => Array.from({ length: count }, (_, n) => item(from + n, { name: 'x'.repeat(4000) }))

test('a transaction that is lost is written again as far as 16 MiB; a larger one starts the task again, and its rows are there once', async () => {
  const name = await fresh()
  await using proxy = await CutProxy.start(server.port)
  const config = { ...target(server, name, proxy.port), ...inserts, 'batch.size': '500' }
  {
    await using sink = await openSink(config)
    for (let batch = 0; batch < 6; batch++) await patiently(() => sink.put(wide(batch * 500, 500), never))
    proxy.cutAfter(0)
    await patiently(() => sink.flush(at(1), never))
    assert.ok(proxy.cuts === 1)
    assert.deepEqual(await rows(name, 'SELECT count(*) AS all, count(DISTINCT id) AS ids FROM items'), ['3000|3000'])
    for (let batch = 0; batch < 12; batch++) await sink.put(wide(10_000 + batch * 500, 500), never)
    proxy.cutAfter(0)
    await assert.rejects(
      patiently(() => sink.flush(at(2), never)),
      (error) => error instanceof FencedError && /too large to be kept.*starts again from its committed position/.test(error.message),
    )
  }
  await using sink = await openSink(config)
  assert.deepEqual(await sink.committed!(), at(1))
  for (let batch = 0; batch < 12; batch++) await sink.put(wide(10_000 + batch * 500, 500), never)
  await sink.flush(at(2), never)
  assert.deepEqual(await rows(name, 'SELECT count(*) AS all, count(DISTINCT id) AS ids FROM items'), ['9000|9000'])
})

test('a row that was fine, and is refused where its transaction is written again, starts the task again', async () => {
  const name = await fresh('CREATE TABLE items (id bigint PRIMARY KEY, name text, count int)')
  await using proxy = await CutProxy.start(server.port)
  await using sink = await openSink({ ...target(server, name, proxy.port), 'insert.mode': 'insert', 'batch.size': '2' })
  await sink.put([item(1, {}), item(2, {}), item(3, {}), item(4, {})], never)
  await server.query('SELECT 1', name)
  await new Promise((resolve) => setTimeout(resolve, 200))
  proxy.cutAfter(0)
  const failed = sink.flush(at(1), never)
  await assert.rejects(failed, RetriableError)
  await server.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace sink' AND datname = '${name}'`,
  )
  await server.query('INSERT INTO items VALUES (2)', name)
  await assert.rejects(
    patiently(() => sink.flush(at(1), never)),
    (error) => error instanceof FencedError && /refused that was not before.*items_pkey/.test(error.message),
  )
  assert.deepEqual(await rows(name, 'SELECT id FROM items'), ['2'])
})

test('columns that are added in the middle of a batch, and rolled back with it, are added again', async () => {
  const name = await fresh()
  await using proxy = await CutProxy.start(server.port)
  const config = { ...target(server, name, proxy.port), 'batch.size': '3' }
  const wider = structOf([
    ...itemSchema.fields.map((field) => [field.name, field.schema] as const),
    ['extra', primitive('boolean', { optional: true })],
  ])
  const more = (id: number): ConnectRecord =>
    record(
      'items',
      { id: BigInt(id), name: 'wide', count: id, extra: true },
      { key: { id: BigInt(id) }, keySchema: itemKey, valueSchema: wider },
    )
  const first = item(9, { name: 'first' })
  const early = [item(1, { name: 'a' }), item(2, { name: 'b' }), item(7, {}), item(7, null)]
  const batch = [
    item(1, { name: 'a' }),
    item(2, { name: 'b' }),
    more(2),
    item(3, { name: 'c' }),
    more(4),
    item(5, {}),
    item(4, null),
    more(6),
  ]
  {
    await using sink = await openSink(config)
    await sink.put([first], never)
    await sink.flush(at(1), never)
    // Rows are on their way before the column is met.
    await sink.put(early, never)
    await sink.put(batch, never)
    proxy.cutAfter(0)
    // The table in the database may lack the column now, so the task begins anew.
    await assert.rejects(
      patiently(() => sink.flush(at(2), never)),
      FencedError,
    )
  }
  await using sink = await openSink(config)
  assert.deepEqual(await sink.committed!(), at(1))
  await sink.put([...early, ...batch], never)
  await sink.flush(at(2), never)
  assert.deepEqual(await rows(name, 'SELECT * FROM items ORDER BY id'), [
    '1|a||',
    '2|wide|2|true',
    '3|c||',
    '5|||',
    '6|wide|6|true',
    '9|first||',
  ])
})

test('a database that lost commits (a failover to a standby that was behind) is told apart, in the midst of work and at the next start', async () => {
  const name = await fresh()
  const config = target(server, name)
  const loseOne = async (n: number) => {
    await server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace sink' AND datname = '${name}'`,
    )
    await server.query(
      `DELETE FROM items WHERE id > ${n}; UPDATE millrace_offsets SET flush = flush - 1, positions = '${JSON.stringify(at(n))}'; UPDATE millrace_offsets_places SET position = position - 1`,
      name,
    )
  }
  const lost = (error: unknown) => error instanceof GapError && /lost the last 1 commits.*millrace_offsets/.test(error.message)
  {
    await using sink = await openSink(config)
    for (let n = 1; n <= 3; n++) {
      await sink.put([item(n, {})], never)
      await sink.flush(at(n), never)
    }
    await loseOne(2)
    await assert.rejects(
      patiently(async () => {
        await sink.put([item(4, {})], never)
        await sink.flush(at(4), never)
      }),
      lost,
    )
  }
  // The runtime goes on after what it has saved.
  {
    await using sink = await openSink(config)
    assert.deepEqual(await sink.committed!(), at(2))
    await sink.put([item(4, {})], never)
    await assert.rejects(
      patiently(() => sink.flush(at(4), never)),
      lost,
    )
  }
  assert.deepEqual(await rows(name, 'SELECT id FROM items ORDER BY id'), ['1', '2'])
  await server.query('DELETE FROM millrace_offsets', name)
  await using sink = await openSink(config)
  await sink.put([item(4, {})], never)
  await sink.flush(at(4), never)
  assert.deepEqual(await rows(name, 'SELECT id FROM items ORDER BY id'), ['1', '2', '4'])
})
