import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { deltaConfig, type DeltaConfig } from '../../../connectors/delta/config.ts'
import { lookAhead } from '../../../connectors/delta/look.ts'
import { ConfigError, optional, parseConfig, primitive, record, structOf, type ConnectRecord, type Schema } from '../../../core/index.ts'
import { contextOf, newLake, openSink, Source, write } from './lake.ts'

const [long, text] = [primitive('int64'), optional(primitive('string'))]

function look(
  path: string,
  records: readonly ConnectRecord[],
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { config, issues } = parseConfig(deltaConfig, { path, ...settings })
  assert.deepEqual(issues, [])
  return lookAhead(records, config as DeltaConfig, contextOf())
}

function flat(topic: string, fields: readonly (readonly [string, Schema])[], value: object): ConnectRecord {
  return record(topic, value, { valueSchema: structOf(fields) })
}

test('a new table, an added column, a table that stays and one that refuses are told apart, and no file changes', async () => {
  await using lake = await newLake()
  const orders = new Source(
    'p.shop.orders',
    [
      ['id', long],
      ['name', text],
    ],
    ['id'],
  )
  const wider = new Source(
    'p.shop.orders',
    [
      ['id', long],
      ['name', text],
      ['city', text],
    ],
    ['id'],
  )
  const other = new Source(
    'p.shop.orders',
    [
      ['id', long],
      ['name', primitive('int32')],
    ],
    ['id'],
  )
  const settings = { mode: 'upsert' }
  const [first] = await look(lake.path, [orders.create({ id: 1n, name: 'a' })], settings)
  assert.equal(first, 'CREATE TABLE shop/orders (id long, name string) USING DELTA -- upsert by id')
  await using sink = await openSink(lake.path, settings)
  await write(sink, [orders.create({ id: 1n, name: 'a' })])
  const files = await filesOf(lake.path)
  assert.deepEqual(await look(lake.path, [orders.create({ id: 1n, name: 'b' })], settings), ['Table shop/orders stays as it is'])
  assert.deepEqual(await look(lake.path, [wider.create({ id: 2n, name: 'b', city: 'c' })], settings), [
    'ALTER TABLE shop/orders ADD COLUMNS (city string)',
  ])
  const refused = await look(lake.path, [other.create({ id: 2n, name: 3 })], settings)
  assert.match(refused.at(-1)!, /^REFUSED: record 1 of topic p\.shop\.orders: .*"name" is string, records now carry integer/)
  const fixed = await look(lake.path, [wider.create({ id: 2n, name: 'b', city: 'c' })], { ...settings, 'schema.evolution': 'none' })
  assert.match(fixed.at(-1)!, /^REFUSED: .*new columns \("city"\) and schema\.evolution=none/)
  assert.deepEqual(await filesOf(lake.path), files)
})

test('a table of another mode stops the preview as it would stop the task', async () => {
  await using lake = await newLake()
  const orders = new Source('p.shop.orders', [['id', long]], ['id'])
  await using sink = await openSink(lake.path, { mode: 'append' })
  await write(sink, [orders.create({ id: 1n })])
  await assert.rejects(look(lake.path, [orders.create({ id: 1n })], { mode: 'upsert' }), /made in append mode/)
})

test('tables are told one by one, odd names in back ticks; a folder that cannot be is refused, and none is made', async () => {
  await using lake = await newLake()
  const path = join(lake.path, 'not there')
  const plan = await look(path, [
    flat(
      'a b',
      [
        ['id', long],
        ['my column', text],
      ],
      { id: 1n, 'my column': 'x' },
    ),
    flat('c', [['id', long]], { id: 1n }),
  ])
  assert.match(plan[0]!, /^CREATE TABLE `a b` \(id long, `my column` string, __op string/)
  assert.match(plan[1]!, /^CREATE TABLE c /)
  assert.deepEqual(await readdir(lake.path), [])
  await assert.rejects(look('/proc/x', [flat('c', [['id', long]], { id: 1n })]), ConfigError)
})

async function filesOf(path: string): Promise<readonly string[]> {
  return (await readdir(path, { recursive: true })).sort()
}
