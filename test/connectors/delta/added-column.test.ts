import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Schema, FencedError, arrayOf, logical, mapOf, optional, primitive, structOf, withExtras } from '../../../core/index.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { Source, contextOf, newLake, noKill, openSink, write } from './lake.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

const columns = [
  ['id', primitive('int64')],
  ['part', optional(primitive('string'))],
  ['note', optional(primitive('string'))],
] as const

/** A column whose old rows have this value, as the Postgres source tells it. */
const added = (schema: Schema, value: unknown): Schema =>
  withExtras(optional(schema), { parameters: { ...schema.parameters, 'millrace.added.value': JSON.stringify(value) } })

const before = (keys = ['id']) => new Source('shop.public.orders', columns, keys)
const rowsOf = (path: string, order = 'id') => judge!.readTable(`${path}/public/orders`, { sql: `SELECT * FROM t ORDER BY ${order}` })
const extended = (former: Source, more: readonly (readonly [string, Schema])[], keys = ['id']): Source => {
  const source = new Source('shop.public.orders', [...columns, ...more], keys)
  source.position = former.position
  return source.commit()
}

const five = added(primitive('int32'), 5)
const many = (source: Source, count: number) =>
  Array.from({ length: count }, (_, id) => source.create({ id: BigInt(id), part: `p${id % 3}`, note: `n${id}` }))

const ways: readonly Readonly<Record<string, string>>[] = [
  { 'delta.deletion.vectors': 'true' },
  { 'delta.deletion.vectors': 'false' },
  { 'delta.deletion.vectors': 'true', 'partition.by': 'part' },
  { 'delta.deletion.vectors': 'false', 'partition.by': 'part' },
]
for (const settings of ways) {
  test(`a column that comes with a value has it in all rows from before (${JSON.stringify(settings)})`, options, async () => {
    await using lake = await newLake()
    const source = before()
    await using sink = await openSink(lake.path, { mode: 'upsert', ...settings })
    await write(sink, many(source, 300), 1)
    source.commit()
    // Masked rows, in files and vectors, must not come back.
    const gone = [0, 1, 2, 3, 150].map((id) => source.delete({ id: BigInt(id), part: null, note: null }))
    await write(sink, [...gone, source.update({ id: 10n, part: 'p1', note: 'before' })], 2)
    source.commit()
    // Rows of the same window from before the column.
    const same = [source.update({ id: 11n, part: 'p2', note: 'window' }), source.create({ id: 500n, part: 'p0', note: 'window' })]
    const wide = extended(source, [['c', five]])
    const changes = [
      wide.delete({ id: 4n, part: null, note: null, c: null }),
      wide.update({ id: 5n, part: 'p2', note: 'changed', c: 7 }),
      wide.update({ id: 6n, part: 'p0', note: 'changed', c: null }),
      wide.create({ id: 600n, part: null, note: 'new', c: 8 }),
    ]
    await write(sink, [...same, ...changes], 3)
    const expected = Array.from({ length: 300 }, (_, id) => ({ id, part: `p${id % 3}`, note: `n${id}`, c: 5 as number | null }))
      .filter(({ id }) => ![0, 1, 2, 3, 4, 150].includes(id))
      .map((row) => {
        if (row.id === 5) return { ...row, note: 'changed', c: 7 }
        if (row.id === 6) return { ...row, note: 'changed', c: null }
        if (row.id === 10) return { ...row, note: 'before' }
        return row.id === 11 ? { ...row, note: 'window' } : row
      })
    const all = [...expected, { id: 500, part: 'p0', note: 'window', c: 5 }, { id: 600, part: null, note: 'new', c: 8 }]
    assert.deepEqual(await rowsOf(lake.path), all)
    wide.commit()
    await write(sink, [wide.update({ id: 7n, part: 'p1', note: 'later', c: 9 })], 4)
    assert.deepEqual(
      (await rowsOf(lake.path)).filter((row) => row['id'] === 7),
      [{ id: 7, part: 'p1', note: 'later', c: 9 }],
    )
  })
}

test(
  'several columns at once, the first event being a delete, all types as records carry them, and a name that needs column mapping',
  options,
  async () => {
    await using lake = await newLake()
    const source = before()
    await using sink = await openSink(lake.path, { mode: 'upsert' })
    await write(sink, many(source, 5), 1)
    const decimal = primitive('bytes', { name: logical.decimal, parameters: { scale: '2', 'connect.decimal.precision': '30' } })
    const wide = extended(source, [
    ['a name', added(primitive('string'), 'it\'s "quoted", \\ and 😀')],
    ['big', added(primitive('int64'), '9007199254740993')],
    ['amount', added(decimal, { unscaled: '-12345678901234567890', scale: 2 })],
    ['flag', added(primitive('boolean'), false)],
    ['real', added(primitive('float64'), 'NaN')],
    ['raw', added(primitive('bytes'), Buffer.from([0, 255]).toString('base64'))],
    ['at', added(primitive('string', { name: logical.zonedTimestamp }), '2020-02-29T12:00:00.000001Z')],
    ['local', added(primitive('int64', { name: logical.microTimestamp }), '1')],
    ['day', added(primitive('int32', { name: logical.date }), 18321)],
    ['words', added(arrayOf(optional(primitive('string'))), ['a,b', null, ''])],
    ['plain', optional(primitive('int32'))],
    ['tags', added(mapOf(primitive('string'), primitive('int64')), [['x', '7']])],
    ['place', added(structOf([['x', primitive('float64')], ['n', optional(primitive('int64'))]]), { x: 1.5, n: null })],
  ]) // prettier-ignore
    await write(sink, [wide.delete({ id: 0n })], 2)
    const rows = await rowsOf(lake.path)
    assert.deepEqual(
      rows.map((row) => row['id']),
      [1, 2, 3, 4],
    )
    for (const row of rows) {
      assert.equal(row['a name'], 'it\'s "quoted", \\ and 😀')
      assert.equal(String(row['big']), '9007199254740993')
      assert.equal(row['amount'], '-123456789012345678.90')
      assert.equal(row['flag'], false)
      assert.equal(row['at'], '2020-02-29T12:00:00.000001Z')
      assert.equal(row['local'], '1970-01-01T00:00:00.000001')
      assert.equal(row['day'], '2020-02-29')
      assert.deepEqual(row['words'], ['a,b', null, ''])
      assert.equal(row['plain'], null)
      assert.match(JSON.stringify(row['real']), /nan/i)
      assert.match(JSON.stringify(row['raw']), /00ff/)
      assert.match(JSON.stringify(row['tags']), /"x".*7/)
      assert.deepEqual(row['place'], { x: 1.5, n: null })
    }
  },
)

test('a warning names new columns whose value in rows from before was not told', options, async () => {
  await using lake = await newLake()
  const source = before()
  const warned: unknown[] = []
  const context = contextOf()
  const log = { ...context.log, warn: (fields: object) => void warned.push(fields) }
  await using sink = await openSink(lake.path, { mode: 'upsert' }, { ...context, log })
  await write(sink, many(source, 2), 1)
  const wide = extended(source, [
    ['told', five],
    ['nullable', optional(primitive('int32'))],
    ['required', primitive('int32')],
    ['defaulted', optional(primitive('int32', { defaultValue: 1 }))],
  ])
  await write(sink, [wide.create({ id: 9n, told: 1, required: 2 })], 2)
  assert.deepEqual(warned, [{ table: 'public/orders', columns: ['required', 'defaulted'] }])
})

test('a value that the source does not send again is found in a row that was filled', options, async () => {
  await using lake = await newLake()
  const source = before()
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, many(source, 5), 1)
  const wide = extended(source, [['c', added(primitive('string'), 'filled')]])
  const update = wide.update({ id: 1n, part: '__debezium_unavailable_value', note: 'new', c: '__debezium_unavailable_value' })
  await write(sink, [update], 2)
  assert.deepEqual((await rowsOf(lake.path)).slice(0, 2), [
    { id: 0, part: 'p0', note: 'n0', c: 'filled' },
    { id: 1, part: 'p1', note: 'new', c: 'filled' },
  ])
})

test('a table without a key is filled too, and its rows are found with the value', options, async () => {
  await using lake = await newLake()
  const source = before([])
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [...many(source, 3), ...many(source, 3)], 1)
  const wide = extended(source, [['c', five]], [])
  const old = { id: 1n, part: 'p1', note: 'n1', c: 5 }
  await write(sink, [wide.delete(old), wide.update({ id: 2n, part: 'p2', note: 'new', c: 6 }, { id: 2n, part: 'p2', note: 'n2', c: 5 })], 2)
  assert.deepEqual(
    (await rowsOf(lake.path, 'id, note')).map(({ id, note, c }) => [id, note, c]),
    [
      [0, 'n0', 5],
      [0, 'n0', 5],
      [1, 'n1', 5],
      [2, 'n2', 5],
      [2, 'new', 6],
    ],
  )
})

test('append mode leaves what the log has, and after a snapshot or a TRUNCATE there is nothing to fill', options, async () => {
  await using lake = await newLake()
  const source = before()
  const wide = extended(source, [['c', five]])
  {
    await using sink = await openSink(join(lake.path, 'log'), { mode: 'append' })
    await write(sink, many(source, 2), 1)
    await write(sink, [wide.update({ id: 1n, part: null, note: null, c: 6 })], 2)
    const rows = await judge!.readTable(`${lake.path}/log/public/orders`, { sql: 'SELECT * FROM t ORDER BY __lsn, id' })
    assert.deepEqual(
      rows.map((row) => row['c']),
      [null, null, 6],
    )
  }
  const unknown = extended(source, [
    ['c', withExtras(optional(primitive('int32')), { parameters: { 'millrace.added.unknown': 'the partitions differ' } })],
  ])
  await using sink = await openSink(join(lake.path, 'mirror'), { mode: 'upsert' })
  await write(sink, many(source, 2), 1)
  await assert.rejects(
    write(sink, [unknown.create({ id: 9n, part: null, note: null, c: 1 })], 2),
    /column "c".*partitions differ.*DELETE its offsets/,
  )
  {
    await using again = await openSink(join(lake.path, 'mirror'), { mode: 'upsert' })
    await write(again, [unknown.commit().truncate()], 2)
    await write(again, [unknown.commit().create({ id: 2n, part: null, note: null, c: 1 })], 2)
    assert.deepEqual(await judge!.readTable(`${lake.path}/mirror/public/orders`), [{ id: 2, part: null, note: null, c: 1 }])
  }
  await using again = await openSink(join(lake.path, 'mirror'), { mode: 'upsert' })
  unknown.commit(source.position + 50)
  await write(again, [unknown.read({ id: 1n, part: null, note: 'read', c: 3 })], 3)
  assert.deepEqual(await judge!.readTable(`${lake.path}/mirror/public/orders`), [{ id: 1, part: null, note: 'read', c: 3 }])
})

test('a table that several source tables feed is not filled with the value of one of them', options, async () => {
  await using lake = await newLake()
  const [one, two] = ['one', 'two'].map((table) => new Source(`shop.public.${table}`, columns, ['id']))
  await using sink = await openSink(lake.path, { mode: 'upsert', 'table.name.format': 'all' })
  await write(sink, [one!.create({ id: 1n }), two!.create({ id: 2n })], 1)
  const wide = new Source('shop.public.one', [...columns, ['c', five]], ['id']).commit(200)
  await assert.rejects(
    write(sink, [wide.create({ id: 3n, c: 5 })], 2),
    /Table all: column "c".*other source tables.*write each source table to its own/,
  )
})

test('a commit of another writer beside the fill starts the task again, and its rows are filled then', options, async () => {
  await using lake = await newLake()
  const source = before()
  const log = join(lake.path, 'public/orders/_delta_log')
  const wide = extended(source, [['c', five]])
  const change = wide.update({ id: 1n, part: 'p1', note: 'new', c: 6 })
  {
    await using sink = await openSink(lake.path, { mode: 'upsert' })
    await write(sink, many(source, 3), 1)
    await sink.put([change], noKill)
    await copyRows(log)
    await assert.rejects(sink.flush({ p: 2 }, noKill), FencedError)
  }
  await using sink = await openSink(lake.path, { mode: 'upsert' })
  await write(sink, [change], 2)
  assert.deepEqual(
    (await rowsOf(lake.path)).map(({ id, c }) => [id, c]),
    [[0, 5], [0, 5], [1, 6], [2, 5], [2, 5]],
  ) // prettier-ignore
  const data = (await readdir(join(lake.path, 'public/orders'))).filter((name) => name.endsWith('.parquet'))
  assert.ok(data.length >= 3, 'files that were replaced stay for readers of older versions')
})

/** Commits the table's only file once more under another name, as a writer that appends would. */
async function copyRows(log: string): Promise<void> {
  const names = (await readdir(log)).filter((name) => name.endsWith('.json')).sort()
  const actions = (await readFile(join(log, names.at(-1)!), 'utf8')).trim().split('\n')
  const { add } = actions.map((line) => JSON.parse(line) as { add?: { path: string } }).find((action) => action.add)!
  const path = `part-${randomUUID()}.parquet`
  await writeFile(join(log, '..', path), await readFile(join(log, '..', add!.path)))
  await writeFile(join(log, `${String(names.length).padStart(20, '0')}.json`), `${JSON.stringify({ add: { ...add, path } })}\n`)
}
