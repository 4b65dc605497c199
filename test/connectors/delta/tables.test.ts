import assert from 'node:assert/strict'
import { mkdir, readFile, rmdir } from 'node:fs/promises'
import { after, test } from 'node:test'
import { DataError, FencedError, RetriableError, type Schema, arrayOf, optional, primitive, record, structOf } from '../../../core/index.ts'
import { withRetry } from '../../../connectors/delta/io-errors.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { type Rejections, type Row, Source, contextOf, newLake, noKill, openSink, write } from './lake.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

const long = primitive('int64')
const text = optional(primitive('string'))
const orders = (...more: (readonly [string, Schema])[]) => new Source('shop.public.orders', [['id', long], ...more], ['id'])
const read = (path: string, sql = 'SELECT * FROM t ORDER BY id') => judge!.readTable(`${path}/public/orders`, { sql })

for (const mode of ['append', 'upsert']) {
  test(`a column that the source adds is added to the table in ${mode} mode, also in the middle of a flush`, options, async () => {
    await using lake = await newLake()
    const [first, second] = [orders(['a', text]), orders(['a', text], ['b', optional(primitive('int32'))])]
    await using sink = await openSink(lake.path, { mode })
    await write(sink, [first.create({ id: 1n, a: 'x' })], 1)
    await write(sink, [first.commit().create({ id: 2n, a: 'y' }), second.commit(120).create({ id: 3n, a: 'z', b: 7 })], 2)
    await write(sink, [second.commit().create({ id: 4n, a: null, b: null })], 3)
    assert.deepEqual(await read(lake.path, 'SELECT id, a, b FROM t ORDER BY id'), [
      { id: 1, a: 'x', b: null },
      { id: 2, a: 'y', b: null },
      { id: 3, a: 'z', b: 7 },
      { id: 4, a: null, b: null },
    ])
  })
}

test('a changed type stops with the way out, a wider one of the table takes the values', options, async () => {
  await using lake = await newLake()
  const rejections: Rejections = { list: [] }
  await using sink = await openSink(lake.path, { mode: 'upsert' }, contextOf({ rejections }))
  await write(sink, [orders(['n', optional(primitive('int64'))]).create({ id: 1n, n: 2n ** 40n })], 1)
  await write(
    sink,
    [
      orders(['n', optional(primitive('int16'))])
        .commit(200)
        .create({ id: 2n, n: 7 }),
    ],
    2,
  )
  await write(sink, [orders(['n', text]).commit(300).create({ id: 3n, n: 'seven' })], 3)
  assert.equal(rejections.list.length, 1)
  assert.match(rejections.list[0]!.error.message, /column "n" is long, records now carry string; only added columns are followed/)
  assert.deepEqual(await read(lake.path), [
    { id: 1, n: 2 ** 40 },
    { id: 2, n: 7 },
  ])
})

test('with schema.evolution=none a new column stops, and names that differ by case always do', options, async () => {
  await using lake = await newLake()
  await using sink = await openSink(lake.path, { 'schema.evolution': 'none' })
  await write(sink, [orders(['a', text]).create({ id: 1n, a: 'x' })], 1)
  await assert.rejects(sink.put([orders(['a', text], ['b', text]).commit(200).create({ id: 2n, a: 'x', b: 'y' })], noKill), (error) => {
    assert.ok(error instanceof DataError)
    return /new columns \("b"\) and schema.evolution=none/.test(error.message)
  })
  await using other = await openSink(`${lake.path}/2`)
  await assert.rejects(
    other.put([orders(['a', text], ['A', text]).create({ id: 1n, a: '', A: '' })], noKill),
    /"a" and "A" differ only by case/,
  )
})

for (const vectors of ['true', 'false']) {
  test(`partition columns hold NULL, dates and odd text, and rows move between them (deletion vectors ${vectors})`, options, async () => {
    await using lake = await newLake()
    const source = orders(
      ['day', primitive('int32', { optional: true, name: 'io.debezium.time.Date' })],
      ['region', text],
      ['v', optional(primitive('int32'))],
    )
    await using sink = await openSink(lake.path, { mode: 'upsert', 'partition.by': 'day,region', 'delta.deletion.vectors': vectors })
    const rows = ['eu', null, 'a/b=c d', 'ü'].map((region, index) => ({
      id: BigInt(index),
      day: index === 2 ? null : 19_000 + index,
      region,
      v: index,
    }))
    await write(
      sink,
      rows.map((row) => source.create(row)),
      1,
    )
    source.commit()
    await write(
      sink,
      [source.update({ id: 0n, day: 19_000, region: 'us', v: 10 }), source.delete({ id: 1n, day: null, region: null, v: null })],
      2,
    )
    assert.deepEqual(await read(lake.path), [
      { id: 0, day: '2022-01-08', region: 'us', v: 10 },
      { id: 2, day: null, region: 'a/b=c d', v: 2 },
      { id: 3, day: '2022-01-11', region: 'ü', v: 3 },
    ])
    await sink.put([source.commit().create({ id: 9n, day: 1, region: '', v: 1 })], noKill)
    await assert.rejects(sink.flush({ p: 3 }, noKill), /"region" partitions the table and holds an empty text/)
  })
}

test('a key column may partition the table', options, async () => {
  await using lake = await newLake()
  const source = new Source(
    'shop.public.orders',
    [
      ['region', primitive('string')],
      ['id', long],
      ['v', text],
    ],
    ['region', 'id'],
  )
  await using sink = await openSink(lake.path, { mode: 'upsert', 'partition.by': 'region' })
  await write(sink, [source.create({ region: 'eu', id: 1n, v: 'a' }), source.create({ region: 'us', id: 1n, v: 'b' })], 1)
  source.commit()
  await write(sink, [source.update({ region: 'us', id: 1n, v: 'c' })], 2)
  assert.deepEqual(await read(lake.path, 'SELECT region, id, v FROM t ORDER BY region'), [
    { region: 'eu', id: 1, v: 'a' },
    { region: 'us', id: 1, v: 'c' },
  ])
})

test('columns with blanks and brackets work through column mapping, also when they come later', options, async () => {
  await using lake = await newLake()
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  const [plain, odd] = [
    orders(['a', text]),
    orders(
      ['a', text],
      ['unit price (EUR)', text],
      ['x=y;z', arrayOf(structOf([['in side', text]], { optional: true }), { optional: true })],
    ),
  ]
  await write(sink, [plain.create({ id: 1n, a: 'x' })], 1)
  await write(sink, [odd.commit(200).create({ id: 2n, a: 'y', 'unit price (EUR)': '5', 'x=y;z': [{ 'in side': 'deep' }] })], 2)
  await write(sink, [odd.commit().update({ id: 1n, a: 'z', 'unit price (EUR)': '6', 'x=y;z': null })], 3)
  assert.deepEqual(await read(lake.path), [
    { id: 1, a: 'z', 'unit price (EUR)': '6', 'x=y;z': null },
    { id: 2, a: 'y', 'unit price (EUR)': '5', 'x=y;z': [{ 'in side': 'deep' }] },
  ])
})

test('a column called filename and one called __proto__ are columns like any other', options, async () => {
  await using lake = await newLake()
  const source = orders(['filename', text], ['__proto__', text])
  const row = (id: bigint, value: string): Row => {
    const made: Record<string, unknown> = { id, filename: value }
    return Object.defineProperty(made, '__proto__', { value, enumerable: true })
  }
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [source.create(row(1n, 'a')), source.create(row(2n, 'b'))], 1)
  await write(sink, [source.commit().update(row(1n, 'c'))], 2)
  const rows = await read(lake.path, 'SELECT id, filename, __proto__ AS p FROM t ORDER BY id')
  assert.deepEqual(rows, [
    { id: 1, filename: 'c', p: 'c' },
    { id: 2, filename: 'b', p: 'b' },
  ])
})

test('plain rows with a key mirror a compacted topic: null deletes', options, async () => {
  await using lake = await newLake()
  const keySchema = primitive('string')
  const valueSchema = structOf([['v', text]])
  let position = 0
  const put = (key: string, v: string | undefined) =>
    record('users', v === undefined ? null : { v }, {
      key,
      keySchema,
      valueSchema: v === undefined ? null : valueSchema,
      origin: { partition: '{"topic":"users","partition":0}', position: position++, seq: 0 },
    })
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [put('a', '1'), put('b', '2'), put('a', undefined), put('c', '3'), put('b', '4')], 1)
  await write(sink, [put('c', undefined), put('a', '5')], 2)
  assert.deepEqual(await judge!.readTable(`${lake.path}/users`, { sql: 'SELECT __key, v FROM t ORDER BY v' }), [
    { __key: 'b', v: '4' },
    { __key: 'a', v: '5' },
  ])
})

test('objects without a schema get columns by their kinds, nested ones as JSON text', options, async () => {
  await using lake = await newLake()
  const rejections: Rejections = { list: [] }
  await using sink = await openSink(lake.path, {}, contextOf({ rejections }))
  const values = [{ id: 1, a: null, tags: ['x', { y: 2n ** 60n }] }, { id: 2.5, a: true }, { id: 'three' }, { id: 4, late: 'l' }]
  await write(
    sink,
    values.map((value) => record('events', value)),
    1,
  )
  assert.deepEqual(await judge!.readTable(`${lake.path}/events`, { sql: 'SELECT id, tags, a, late, __op, __lsn FROM t ORDER BY id' }), [
    { id: 1, tags: '["x",{"y":1152921504606846976}]', a: null, late: null, __op: 'c', __lsn: null },
    { id: 2.5, tags: null, a: true, late: null, __op: 'c', __lsn: null },
    { id: 4, tags: null, a: null, late: 'l', __op: 'c', __lsn: null },
  ])
  assert.match(rejections.list[0]!.error.message, /field "id" is string here and was number before/)
})

test('heartbeats are left out, and values without columns are rejected', options, async () => {
  await using lake = await newLake()
  const rejections: Rejections = { list: [] }
  await using sink = await openSink(lake.path, {}, contextOf({ rejections }))
  const beat = structOf([['ts_ms', long]], { name: 'io.debezium.connector.common.Heartbeat' })
  await write(
    sink,
    [record('__debezium-heartbeat.shop', { ts_ms: 1n }, { valueSchema: beat }), record('words', 'w', { valueSchema: primitive('string') })],
    1,
  )
  assert.equal(rejections.list.length, 1)
  assert.match(rejections.list[0]!.error.message, /The value is string, not a struct/)
  assert.deepEqual(await sink.committed(), { p: 1 })
})

test('a snapshot of one of two source tables that share a table leaves the other rows there', options, async () => {
  await using lake = await newLake()
  const shard = (name: string) =>
    new Source(
      `shop.public.${name}`,
      [
        ['id', long],
        ['v', text],
      ],
      ['id'],
    )
  const [one, two] = [shard('one'), shard('two')]
  await using sink = await openSink(lake.path, { mode: 'upsert', 'table.name.format': 'all' })
  await write(sink, [one.read({ id: 1n, v: 'a' })], 1)
  two.commit(500)
  await write(sink, [two.read({ id: 2n, v: 'b' }), two.read({ id: 1n, v: 'c' })], 2)
  assert.deepEqual(await judge!.readTable(`${lake.path}/all`, { sql: 'SELECT * FROM t ORDER BY id' }), [
    { id: 1, v: 'c' },
    { id: 2, v: 'b' },
  ])
  await assert.rejects(sink.put([two.commit().truncate()], noKill), /TRUNCATE of one of the source tables/)
})

test('a process that died between two tables of a flush starts over from the offsets before, and doubles nothing', options, async () => {
  await using lake = await newLake()
  const source = (name: string) => new Source(`shop.public.${name}`, [['id', long]], ['id'])
  const [a, b] = [source('a'), source('b')]
  {
    await using sink = await openSink(lake.path)
    await write(sink, [a.create({ id: 1n }), b.create({ id: 1n })], 1)
  }
  const batch = [a.commit().create({ id: 2n }), b.commit().create({ id: 2n })]
  {
    await using sink = await openSink(lake.path)
    await sink.put(batch, noKill)
    // A folder under the name of the second table's next commit lets that one fail, after the first table's.
    await mkdir(`${lake.path}/public/b/_delta_log/00000000000000000001.json`)
    await assert.rejects(sink.flush({ p: 2 }, noKill), /EISDIR/)
    await rmdir(`${lake.path}/public/b/_delta_log/00000000000000000001.json`)
  }
  await using sink = await openSink(lake.path)
  assert.deepEqual(await sink.committed(), { p: 1 })
  await write(sink, batch, 2)
  for (const table of ['a', 'b']) {
    assert.deepEqual(await judge!.readTable(`${lake.path}/public/${table}`, { sql: 'SELECT id FROM t ORDER BY id' }), [
      { id: 1 },
      { id: 2 },
    ])
  }
  await using last = await openSink(lake.path)
  assert.deepEqual(await last.committed(), { p: 2 })
  const index = JSON.parse(await readFile(`${lake.path}/_millrace/c1/0/tables.json`, 'utf8')) as unknown
  assert.deepEqual(index, { connector: 'c1', task: 0, tables: ['public/a', 'public/b'] })
})

test('a flush that failed may be repeated, and what was put is committed once', options, async () => {
  await using lake = await newLake()
  const source = (name: string) => new Source(`shop.public.${name}`, [['id', long]], ['id'])
  const [a, b] = [source('a'), source('b')]
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [a.create({ id: 1n }), b.create({ id: 1n })], 1)
  await sink.put([a.commit().create({ id: 2n }), b.commit().create({ id: 2n }), b.delete({ id: 1n })], noKill)
  const aborted = AbortSignal.abort(new Error('enough'))
  await assert.rejects(sink.flush({ p: 2 }, aborted), /enough/)
  const blocked = `${lake.path}/public/b/_delta_log/00000000000000000001.json`
  await mkdir(blocked)
  await assert.rejects(sink.flush({ p: 2 }, noKill), /EISDIR/)
  await rmdir(blocked)
  await sink.flush({ p: 2 }, noKill)
  assert.deepEqual(await judge!.readTable(`${lake.path}/public/a`, { sql: 'SELECT id FROM t ORDER BY id' }), [{ id: 1 }, { id: 2 }])
  assert.deepEqual(await judge!.readTable(`${lake.path}/public/b`), [{ id: 2 }])
  await using next = await openSink(lake.path, { mode: 'upsert' })
  assert.deepEqual(await next.committed(), { p: 2 })
})

test('a full disk is worth another attempt', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  assert.ok(withRetry(full, 'lake') instanceof RetriableError)
  assert.ok(withRetry(new Error('IO Error: Could not write file "x": No space left on device'), 'lake') instanceof RetriableError)
  const other = new Error('Binder Error')
  assert.equal(withRetry(other, 'lake'), other)
})

test('tables of another mode, and topics that would share a table unasked, are refused', async () => {
  await using lake = await newLake()
  {
    await using sink = await openSink(lake.path, { mode: 'append' })
    await write(sink, [orders().create({ id: 1n })], 1)
    const other = new Source('mall.public.orders', [['id', long]], ['id'])
    await assert.rejects(sink.put([other.create({ id: 1n })], noKill), /both belong to table public\/orders; set table.name.format/)
  }
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await assert.rejects(sink.put([orders().create({ id: 1n })], noKill), /made in append mode and cannot be written in upsert mode/)
})

test('a table inside of another one is refused', async () => {
  await using lake = await newLake()
  await using sink = await openSink(lake.path)
  const named = (topic: string) => new Source(topic, [['id', long]], ['id']).create({ id: 1n })
  await write(sink, [named('a.b')], 1)
  await assert.rejects(
    sink.put([named('a.b.c.d')], noKill),
    /Table a\/b\/c\/d would lie inside the folder of table a\/b; set table.name.format/,
  )
  await assert.rejects(sink.put([named('a')], noKill), /Table a\/b would lie inside the folder of table a;/)
})

test('two tasks of a connector keep their offsets apart, also where they write to one table', options, async () => {
  await using lake = await newLake()
  const task = (number: number) => openSink(lake.path, { mode: 'append' }, { ...contextOf(), task: number })
  const from = (partition: number, id: bigint) => {
    const made = orders().create({ id })
    return { ...made, origin: { partition: `{"partition":${partition}}`, position: Number(id), seq: 0 } }
  }
  {
    await using zero = await task(0)
    await using one = await task(1)
    await zero.put([from(0, 1n)], noKill)
    await one.put([from(1, 2n)], noKill)
    await zero.flush({ zero: 1 }, noKill)
    // The other task made the table meanwhile: this one starts again and finds it.
    await assert.rejects(one.flush({ one: 1 }, noKill), FencedError)
  }
  await using zero = await task(0)
  await using one = await task(1)
  assert.deepEqual(await zero.committed(), { zero: 1 })
  assert.equal(await one.committed(), undefined)
  await one.put([from(1, 2n), from(1, 3n)], noKill)
  await zero.put([from(0, 1n), from(0, 4n)], noKill)
  await Promise.all([one.flush({ one: 2 }, noKill), zero.flush({ zero: 2 }, noKill)])
  assert.deepEqual(await read(lake.path, 'SELECT id FROM t ORDER BY id'), [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }])
  await using again = await task(1)
  assert.deepEqual(await again.committed(), { one: 2 })
})

test('a table that another connector wrote to before is named in one warning when it is opened', async () => {
  for (const mode of ['append', 'upsert']) {
    await using lake = await newLake()
    const warned: (readonly [object, string])[] = []
    const contextFor = (connector: string) => {
      const context = contextOf({ connector })
      return { ...context, log: { ...context.log, warn: (fields: object, message: string) => void warned.push([fields, message]) } }
    }
    for (let run = 1n; run <= 2n; run++) {
      await using sink = await openSink(lake.path, { mode }, contextFor('first'))
      await write(sink, [orders().commit(Number(run)).create({ id: run })], Number(run))
    }
    assert.deepEqual(warned, [])
    await using sink = await openSink(lake.path, { mode }, contextFor('second/one'))
    await write(sink, [orders().create({ id: 3n })], 1)
    await write(sink, [orders().commit(300).create({ id: 4n })], 2)
    assert.equal(warned.length, 1)
    assert.deepEqual(warned[0]![0], { table: 'public/orders', connectors: ['first'] })
    assert.match(warned[0]![1], /was written by connector first before.*different path or table\.name\.format/)
  }
})

for (const name of ['__op', '__lsn', '__seq', '__source_ts_ms', '__OP']) {
  test(`a source column ${name} is refused in append mode with the ways out, and mirrored in upsert mode`, options, async () => {
    await using lake = await newLake()
    const source = orders([name, text])
    const row = { id: 1n, [name]: 'x' }
    await using append = await openSink(`${lake.path}/append`)
    await assert.rejects(append.put([source.create(row)], noKill), (error) => {
      assert.ok(error instanceof DataError)
      assert.ok(error.message.startsWith(`Table public/orders: the source column "${name}" has a name that append mode keeps for itself`))
      assert.match(error.message, /column\.exclude\.list.*ReplaceField.*upsert mode/)
      return true
    })
    await using upsert = await openSink(`${lake.path}/upsert`, { mode: 'upsert' })
    await write(upsert, [source.create(row)], 1)
    assert.deepEqual(await read(`${lake.path}/upsert`), [{ id: 1, [name]: 'x' }])
  })
}
