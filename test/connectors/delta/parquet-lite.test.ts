import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Schema, logical, optional, parseConfig, primitive } from '../../../core/index.ts'
import { type DeltaConfig, deltaConfig, deltaIssues } from '../../../connectors/delta/config.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { Source, newLake, noKill, openSink, write } from './lake.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

test('parquetjs-lite writes the columns that it can hold, as delta-rs reads them', options, async () => {
  await using lake = await newLake()
  const columns: readonly [string, Schema][] = [
    ['id', primitive('int32')],
    ['small', optional(primitive('int8'))],
    ['short', optional(primitive('int16'))],
    ['ratio', optional(primitive('float64'))],
    ['single', optional(primitive('float32'))],
    ['flag', optional(primitive('boolean'))],
    ['note', optional(primitive('string'))],
    ['raw', optional(primitive('bytes'))],
  ]
  const source = new Source('a.b.lite', columns, ['id'])
  const rows = Array.from({ length: 25_000 }, (_, id) => ({
    id,
    small: (id % 256) - 128,
    short: (id % 65_536) - 32_768,
    ratio: id / 3,
    single: id / 4,
    flag: id % 2 === 0,
    note: id % 5 === 0 ? null : `\u{1F600} ${id}`,
    raw: id % 7 === 0 ? null : Buffer.from([id & 255, 0]),
  }))
  await using sink = await openSink(lake.path, { 'parquet.writer': 'parquetjs-lite' })
  await write(
    sink,
    rows.map((row) => source.create(row)),
  )
  const read = await judge!.readTable(`${lake.path}/b/lite`, {
    sql: 'SELECT id, small, short, ratio, single, flag, note, raw FROM t ORDER BY id',
  })
  assert.deepEqual(
    read,
    rows.map((row) => ({
      ...row,
      raw: row.raw && { hex: row.raw.toString('hex') },
    })),
  )
  assert.deepEqual(await judge!.readTable(`${lake.path}/b/lite`, { sql: 'SELECT max(__lsn) AS l, max(__seq) AS s FROM t' }), [
    { l: 100, s: 25_000 },
  ])
})

for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -0]) {
  test(`parquetjs-lite refuses ${Object.is(value, -0) ? '-0' : value}, which it would change`, async () => {
    await using lake = await newLake()
    const source = new Source('a.b.lite', [['v', primitive('float64')]], [])
    await using sink = await openSink(lake.path, { 'parquet.writer': 'parquetjs-lite' })
    await sink.put([source.create({ v: value })], noKill)
    await assert.rejects(sink.flush({ p: 1 }, noKill), /parquetjs-lite cannot write/)
  })
}

const refused: readonly [string, Schema][] = [
  ['long', primitive('int64')],
  ['decimal(10,2)', primitive('bytes', { name: logical.decimal, parameters: { scale: '2', 'connect.decimal.precision': '10' } })],
  ['date', primitive('int32', { name: logical.date })],
  ['timestamp', primitive('string', { name: logical.zonedTimestamp })],
]
for (const [type, schema] of refused) {
  test(`parquetjs-lite refuses a ${type} column at the first record`, async () => {
    await using lake = await newLake()
    const source = new Source('a.b.lite', [['v', schema]], [])
    await using sink = await openSink(lake.path, { 'parquet.writer': 'ParquetJS-Lite' })
    await assert.rejects(sink.put([source.create({ v: 1 })], noKill), (error: Error) =>
      error.message.includes(`column "v" is ${type}, which parquetjs-lite cannot hold exactly`),
    )
  })
}

test('parquetjs-lite is for append mode only', () => {
  const { config } = parseConfig(deltaConfig, { path: 'lake', mode: 'Upsert', 'parquet.writer': 'parquetjs-lite', 'partition.by': 'day' })
  assert.deepEqual(
    deltaIssues(config as DeltaConfig).map((issue) => issue.key),
    ['parquet.writer', 'partition.by'],
  )
})
