import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { after, test } from 'node:test'
import { optional, primitive } from '../../../core/index.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { Source, newLake, openSink, write } from './lake.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

const orders = () =>
  new Source(
    'shop.public.orders',
    [
      ['id', primitive('int64')],
      ['note', optional(primitive('string'))],
    ],
    ['id'],
  )

test('every change becomes a row with its op, position and source time', options, async () => {
  await using lake = await newLake()
  const source = orders()
  const records = [
    source.create({ id: 1n, note: 'a' }),
    source.update({ id: 1n, note: 'b' }),
    source.commit().delete({ id: 1n, note: null }),
    source.tombstone({ id: 1n }),
    source.commit().truncate(),
  ]
  await using sink = await openSink(lake.path)
  await write(sink, records)
  const rows = await judge!.readTable(`${lake.path}/public/orders`, { sql: 'SELECT * FROM t ORDER BY __lsn, __seq' })
  assert.deepEqual(rows, [
    { id: 1, note: 'a', __op: 'c', __lsn: 100, __seq: 1, __source_ts_ms: 1700000000000 },
    { id: 1, note: 'b', __op: 'u', __lsn: 100, __seq: 2, __source_ts_ms: 1700000000000 },
    { id: 1, note: null, __op: 'd', __lsn: 110, __seq: 1, __source_ts_ms: 1700000000000 },
    { id: null, note: null, __op: 't', __lsn: 120, __seq: 1, __source_ts_ms: 1700000000000 },
  ])
  assert.equal(await judge!.transactionVersion(`${lake.path}/public/orders`, 'millrace/c1/1/{"server":"p"}'), 120)
})

test('a table with checkpoints reads the same, and a restarted sink goes on after them', options, async () => {
  await using lake = await newLake()
  const source = orders()
  for (let run = 0; run < 2; run++) {
    await using sink = await openSink(lake.path)
    for (let commit = 0; commit < 13; commit++)
      await write(sink, [source.commit().create({ id: BigInt(run * 13 + commit), note: null })], commit)
  }
  const rows = await judge!.readTable(`${lake.path}/public/orders`, { sql: 'SELECT id FROM t ORDER BY id' })
  assert.deepEqual(
    rows.map((row) => row['id']),
    Array.from({ length: 26 }, (_, index) => index),
  )
  assert.equal(await judge!.version(`${lake.path}/public/orders`), 25)
  const checkpoints = (await readdir(`${lake.path}/public/orders/_delta_log`)).filter((name) => name.endsWith('.checkpoint.parquet'))
  assert.ok(checkpoints.length >= 1, 'no checkpoint was written')
  assert.ok((await readdir(`${lake.path}/public/orders/_delta_log`)).includes('_last_checkpoint'))
})

test('records that the table has already are left out, and the offsets come back after a restart', options, async () => {
  await using lake = await newLake()
  const source = orders()
  const first = [source.create({ id: 1n, note: 'a' }), source.create({ id: 2n, note: 'b' })]
  const second = [source.commit().create({ id: 3n, note: 'c' })]
  {
    await using sink = await openSink(lake.path)
    assert.equal(await sink.committed(), undefined)
    await write(sink, first, 'one')
  }
  await using sink = await openSink(lake.path)
  assert.deepEqual(await sink.committed(), { p: 'one' })
  await write(sink, [...first, ...second], 'two')
  assert.equal((await judge!.readTable(`${lake.path}/public/orders`)).length, 3)
})

test('offsets of a flush without rows are kept', async () => {
  await using lake = await newLake()
  {
    await using sink = await openSink(lake.path)
    await sink.flush({ p: 1 }, new AbortController().signal)
    await sink.flush({ q: 2 }, new AbortController().signal)
  }
  await using sink = await openSink(lake.path)
  assert.deepEqual(await sink.committed(), { p: 1, q: 2 })
})

test('a checkpoint holds all that the commits before it said', options, async () => {
  await using lake = await newLake()
  const source = orders()
  const log = `${lake.path}/public/orders/_delta_log`
  const settings = { mode: 'upsert', 'delta.compact.files': '0', 'checkpoint.interval': '7' }
  {
    await using sink = await openSink(lake.path, settings)
    for (let round = 0; round < 8; round++) {
      const id = BigInt(round % 5)
      await write(sink, [source.commit().update({ id, note: `round ${round}` })], round)
    }
  }
  for (const name of await readdir(log)) if (name.endsWith('.json') && Number(name.slice(0, 20)) < 7) await rm(`${log}/${name}`)
  const expected = [5, 6, 7, 3, 4].map((round, id) => ({ id, note: `round ${round}` }))
  const read = () => judge!.readTable(`${lake.path}/public/orders`, { sql: 'SELECT * FROM t ORDER BY id' })
  assert.deepEqual(await read(), expected)
  await using sink = await openSink(lake.path, settings)
  assert.deepEqual(await sink.committed(), { p: 7 })
  await write(sink, [source.update({ id: 4n, note: 'last' })], 8)
  assert.deepEqual(await read(), [...expected.slice(0, 4), { id: 4, note: 'last' }])
})
