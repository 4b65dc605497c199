import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type ConnectRecord, arrayOf, optional, primitive } from '../../../core/index.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { Source, newLake, noKill, openSink, write } from './lake.ts'

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

const rowsOf = (path: string) => judge!.readTable(`${path}/public/orders`, { sql: 'SELECT * FROM t ORDER BY id' })

for (const vectors of ['true', 'false']) {
  test(`inserts, updates and deletes mirror the source with deletion vectors ${vectors === 'true' ? 'on' : 'off'}`, options, async () => {
    await using lake = await newLake()
    const source = orders()
    await using sink = await openSink(lake.path, { mode: 'upsert', 'delta.deletion.vectors': vectors })
    const many = Array.from({ length: 5000 }, (_, index) => source.create({ id: BigInt(index), note: `first ${index}` }))
    await write(sink, many, 1)
    source.commit()
    await write(sink, [source.update({ id: 1n, note: 'second' }), source.delete({ id: 2n, note: null }), source.tombstone({ id: 2n })], 2)
    source.commit()
    const last: ConnectRecord[] = []
    for (let id = 10; id < 3000; id++) last.push(source.update({ id: BigInt(id), note: 'third' }))
    last.push(source.delete({ id: 1n, note: null }), source.create({ id: 1n, note: 'again' }), source.create({ id: 2n, note: 'again' }))
    await write(sink, last, 3)
    const rows = await rowsOf(lake.path)
    const expected = Array.from({ length: 5000 }, (_, id) => ({
      id,
      note: id === 1 || id === 2 ? 'again' : id >= 10 && id < 3000 ? 'third' : `first ${id}`,
    }))
    assert.deepEqual(rows, expected)
    source.commit()
    await write(
      sink,
      expected.map(({ id }) => source.delete({ id: BigInt(id), note: null })),
      4,
    )
    assert.deepEqual(await rowsOf(lake.path), [])
  })
}

test('a restarted sink masks rows in files and vectors that it did not write itself', options, async () => {
  await using lake = await newLake()
  const source = orders()
  for (let round = 0; round < 25; round++) {
    await using sink = await openSink(lake.path, { mode: 'upsert' })
    source.commit()
    await write(
      sink,
      [source.update({ id: BigInt(round % 5), note: `round ${round}` }), source.create({ id: BigInt(100 + round), note: 'new' })],
      round,
    )
  }
  const rows = await rowsOf(lake.path)
  assert.equal(rows.length, 30)
  assert.deepEqual(
    rows.slice(0, 5).map((row) => row['note']),
    ['round 20', 'round 21', 'round 22', 'round 23', 'round 24'],
  )
})

test('truncate empties the table, and a new snapshot takes the place of what was there', options, async () => {
  await using lake = await newLake()
  const source = orders()
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [source.create({ id: 1n, note: 'a' }), source.create({ id: 2n, note: 'b' })], 1)
  source.commit()
  await write(sink, [source.create({ id: 3n, note: 'c' }), source.truncate(), source.create({ id: 4n, note: 'd' })], 2)
  assert.deepEqual(await rowsOf(lake.path), [{ id: 4, note: 'd' }])
  source.commit()
  await write(sink, [source.read({ id: 7n, note: 'x' }), source.read({ id: 8n, note: 'y' })], 3)
  assert.deepEqual(await rowsOf(lake.path), [
    { id: 7, note: 'x' },
    { id: 8, note: 'y' },
  ])
  // The first transaction after a consistent point may commit at the very LSN that the snapshot carries.
  source.commit(source.position)
  await write(sink, [source.update({ id: 7n, note: 'z' })], 4)
  assert.deepEqual(await rowsOf(lake.path), [
    { id: 7, note: 'z' },
    { id: 8, note: 'y' },
  ])
})

test('a transaction larger than the memory budget becomes visible in one commit', options, async () => {
  await using lake = await newLake()
  const source = orders()
  await using sink = await openSink(lake.path, { mode: 'upsert', 'file.target.bytes': String(1024 * 1024) })
  const kill = new AbortController().signal
  for (let batch = 0; batch < 10; batch++) {
    const records = Array.from({ length: 5000 }, (_, index) =>
      source.update({ id: BigInt((batch * 5000 + index) % 20_000), note: `batch ${batch} ${'x'.repeat(60)}` }),
    )
    await sink.put(records, kill)
  }
  await sink.flush({ p: 1 }, kill)
  assert.equal(await judge!.version(`${lake.path}/public/orders`), 0)
  const rows = await judge!.readTable(`${lake.path}/public/orders`, {
    sql: "SELECT split_part(note, ' ', 2) AS batch, count(*) AS n, count(DISTINCT id) AS ids FROM t GROUP BY 1 ORDER BY 1",
  })
  assert.deepEqual(
    rows,
    [6, 7, 8, 9].map((batch) => ({ batch: String(batch), n: 5000, ids: 5000 })),
  )
})

const wide = (keys: readonly string[]) =>
  new Source(
    'shop.public.docs',
    [
      ['id', primitive('int64')],
      ['title', optional(primitive('string'))],
      ['body', optional(primitive('string'))],
      ['tags', arrayOf(primitive('string'), { optional: true })],
    ],
    keys,
  )
const docsOf = (path: string) => judge!.readTable(`${path}/public/docs`, { sql: 'SELECT * FROM t ORDER BY id, title' })
const gone = '__debezium_unavailable_value'

test('a value that the source did not send is the one that the row had', options, async () => {
  await using lake = await newLake()
  const source = wide(['id'])
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [
    source.create({ id: 1n, title: 'a', body: 'body 1', tags: ['x'] }),
    source.create({ id: 2n, title: 'a', body: null, tags: ['y'] }),
    source.create({ id: 3n, title: 'a', body: 'body 3', tags: null }),
  ])
  source.commit()
  await write(sink, [
    source.update({ id: 1n, title: 'b', body: gone, tags: [gone] }),
    source.update({ id: 1n, title: 'c', body: 'new 1', tags: [gone] }),
    source.update({ id: 2n, title: 'b', body: gone, tags: ['z'] }),
    source.update({ id: 3n, title: 'b', body: 'new 3', tags: ['n'] }),
    source.update({ id: 3n, title: 'c', body: gone, tags: [gone] }),
    source.create({ id: 4n, title: 'a', body: 'body 4', tags: [] }),
    source.update({ id: 4n, title: 'b', body: gone, tags: null }),
  ])
  assert.deepEqual(await docsOf(lake.path), [
    { id: 1, title: 'c', body: 'new 1', tags: ['x'] },
    { id: 2, title: 'b', body: null, tags: ['z'] },
    { id: 3, title: 'c', body: 'new 3', tags: ['n'] },
    { id: 4, title: 'b', body: 'body 4', tags: null },
  ])
  source.commit()
  await sink.put([source.update({ id: 9n, title: 'b', body: gone, tags: null })], noKill)
  await assert.rejects(sink.flush({ p: 3 }, noKill), /update of key 9 does not carry the unchanged columns body.*REPLICA IDENTITY FULL/s)
})

test('a row that moves to another key takes the values along that the source did not send', options, async () => {
  await using lake = await newLake()
  const source = wide(['id'])
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  const move = (from: bigint, to: bigint): readonly ConnectRecord[] => {
    const removal = source.delete({ id: from, title: null, body: null, tags: null })
    const made = source.create({ id: to, title: 'moved', body: gone, tags: [gone] })
    return [
      removal,
      source.tombstone({ id: from }),
      { ...made, headers: [{ key: '__debezium.oldkey', value: { id: from }, schema: source.keySchema }] },
    ]
  }
  await write(sink, [source.create({ id: 1n, title: 'a', body: 'body 1', tags: ['x'] })], 1)
  source.commit()
  await write(sink, [source.create({ id: 5n, title: 'a', body: 'body 5', tags: [] }), ...move(5n, 6n), ...move(1n, 2n), ...move(2n, 3n)], 2)
  assert.deepEqual(await docsOf(lake.path), [
    { id: 3, title: 'moved', body: 'body 1', tags: ['x'] },
    { id: 6, title: 'moved', body: 'body 5', tags: [] },
  ])
})

test('in append mode a value that the source did not send is null and named', options, async () => {
  await using lake = await newLake()
  const source = wide(['id'])
  await using sink = await openSink(lake.path)
  await write(sink, [
    source.create({ id: 1n, title: 'a', body: 'body', tags: ['x'] }),
    source.update({ id: 1n, title: 'b', body: gone, tags: [gone] }),
  ])
  const rows = await judge!.readTable(`${lake.path}/public/docs`, { sql: 'SELECT id, body, tags, __unavailable FROM t ORDER BY __seq' })
  assert.deepEqual(rows, [
    { id: 1, body: 'body', tags: ['x'], __unavailable: null },
    { id: 1, body: null, tags: null, __unavailable: ['body', 'tags'] },
  ])
})

test('a table without a key is mirrored as a bag of rows', options, async () => {
  await using lake = await newLake()
  const source = wide([])
  const row = { id: 1n, title: 'a', body: null, tags: ['x'] }
  const other = { id: 2n, title: null, body: 'b', tags: null }
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [source.create(row), source.create(row), source.create(row), source.create(other)], 1)
  source.commit()
  await write(sink, [source.delete(row), source.update({ ...row, title: 'b' }, row), source.create(other)], 2)
  assert.deepEqual(await docsOf(lake.path), [
    { id: 1, title: 'a', body: null, tags: ['x'] },
    { id: 1, title: 'b', body: null, tags: ['x'] },
    { id: 2, title: null, body: 'b', tags: null },
    { id: 2, title: null, body: 'b', tags: null },
  ])
  source.commit()
  await write(
    sink,
    [source.delete(other), source.delete({ ...row, title: 'b' }), source.delete(row), source.create(row), source.delete(row)],
    3,
  )
  assert.deepEqual(await docsOf(lake.path), [{ id: 2, title: null, body: 'b', tags: null }])
  await assert.rejects(
    sink.put([source.update(row)], noKill),
    /has no key, and the update does not carry the row before; set REPLICA IDENTITY FULL/,
  )
})
