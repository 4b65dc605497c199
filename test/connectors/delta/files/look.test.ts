import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { filesConfig } from '../../../../connectors/delta/files/config.ts'
import { lookAhead } from '../../../../connectors/delta/files/look.ts'
import { optional, parseConfig, primitive, structOf } from '../../../../core/index.ts'
import { contextOf, newLake } from '../lake.ts'
import { fromKafka } from './rig.ts'

test('a preview tells folders, names and columns, and what is refused, without touching the place', async () => {
  await using place = await newLake()
  const settings = {
    path: place.path,
    'format.class': 'parquet',
    'partitioner.class': 'daily',
    'timestamp.extractor': 'Record',
    'flush.size': '2',
  }
  const { config } = parseConfig(filesConfig, settings)
  const schema = structOf([
    ['id', primitive('int64')],
    ['name', optional(primitive('string'))],
  ])
  const rows = [0, 1, 2].map((n) => fromKafka('t', 1, n, { id: BigInt(n), name: null }, { valueSchema: schema }))
  const lines = await lookAhead([...rows, fromKafka('t', 1, 3, 'text')], config, contextOf())
  assert.deepEqual(lines, [
    `${place.path}/topics/t/year=2026/month=02/day=03: 2 files, the first t+1+0000000000.snappy.parquet with columns id BIGINT, name VARCHAR`,
    'REFUSED: record 4 of topic t: The value is no struct, and a Parquet file needs columns; use format.class=json, or a transform (HoistField)',
  ])
  assert.deepEqual(readdirSync(place.path), [])
})

test('a preview of a bucket asks nothing of the store', async () => {
  const { config } = parseConfig(filesConfig, { 's3.bucket.name': 'no-such-bucket', 's3.endpoint': 'http://127.0.0.1:1' })
  assert.deepEqual(await lookAhead([fromKafka('t', 0, 7, {})], config, contextOf()), [
    's3://no-such-bucket/topics/t/partition=0: 1 file, the first t+0+0000000007.json',
  ])
})
