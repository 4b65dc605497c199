import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { after, test } from 'node:test'
import { optional, primitive } from '../../../core/index.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { FencedError } from '../../../core/index.ts'
import { Source, newLake, noKill, openSink, write } from './lake.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

const orders = () =>
  new Source(
    'shop.public.orders',
    [
      ['id', primitive('int64')],
      ['unit price', optional(primitive('string'))],
      ['region', optional(primitive('string'))],
    ],
    ['id'],
  )

for (const [name, settings] of [
  ['deletion vectors', {}],
  ['copy-on-write', { 'delta.deletion.vectors': 'false' }],
  ['partitions', { 'partition.by': 'region' }],
] as const) {
  test(`small files are merged without changing a row (${name})`, options, async () => {
    await using lake = await newLake()
    const source = orders()
    const path = `${lake.path}/public/orders`
    const expected = new Map<number, string>()
    await using sink = await openSink(lake.path, { mode: 'upsert', 'delta.compact.files': '4', ...settings })
    for (let round = 0; round < 30; round++) {
      source.commit()
      const records = []
      for (let index = 0; index < 20; index++) {
        const id = (round * 13 + index * 7) % 150
        const row = { id: BigInt(id), 'unit price': `round ${round}`, region: id % 3 === 0 ? null : `r${id % 3}` }
        if (index % 5 === 4) expected.delete(id)
        else expected.set(id, `round ${round}`)
        records.push(index % 5 === 4 ? source.delete(row) : source.update(row))
      }
      await write(sink, records, round)
    }
    const rows = await judge!.readTable(path, { sql: 'SELECT id, "unit price" AS price FROM t ORDER BY id' })
    assert.deepEqual(
      rows,
      [...expected].sort(([a], [b]) => a - b).map(([id, price]) => ({ id, price })),
    )
    const files = await judge!.readTable(path, { sql: 'SELECT count(*) AS n FROM t' })
    assert.deepEqual(files, [{ n: expected.size }])
    const commits = (await readdir(`${path}/_delta_log`)).filter((file) => file.endsWith('.json')).length
    assert.ok(commits > 30, `${commits} commits: nothing was merged`)
  })
}

test('a task that merged files beside another task is still fenced by it', options, async () => {
  await using lake = await newLake()
  const source = orders()
  const row = (id: bigint) => ({ id, 'unit price': 'x', region: null })
  await using old = await openSink(lake.path, { 'delta.compact.files': '3' })
  await write(old, [source.create(row(1n))], 1)
  await write(old, [source.commit().create(row(2n))], 2)
  const records = [source.commit().create(row(3n))]
  await using young = await openSink(lake.path, { 'delta.compact.files': '2' })
  await young.put(records, noKill)
  await young.flush({ p: 3 }, noKill)
  await old.put(records, noKill)
  await assert.rejects(old.flush({ p: 3 }, noKill), FencedError)
  assert.deepEqual(await judge!.readTable(`${lake.path}/public/orders`, { sql: 'SELECT id FROM t ORDER BY id' }), [
    { id: 1 },
    { id: 2 },
    { id: 3 },
  ])
})
