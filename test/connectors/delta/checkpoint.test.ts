import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Schema, primitive } from '../../../core/index.ts'
import { Source, newLake, openSink, write } from './lake.ts'

const text = primitive('string')
const columns: readonly (readonly [string, Schema])[] = [
  ['id', primitive('int64')],
  ...Array.from({ length: 40 }, (_, index): readonly [string, Schema] => [`column_${index}`, text]),
]

for (const mode of ['append', 'upsert']) {
  test(`with the default settings a checkpoint is there at version 10, and another one later, in ${mode} mode`, async () => {
    await using lake = await newLake()
    const source = new Source('shop.public.orders', columns, ['id'])
    const log = `${lake.path}/public/orders/_delta_log`
    // Its context fails on a warning, such as that of a checkpoint that DuckDB had no memory for.
    await using sink = await openSink(lake.path, { mode })
    const rows = (version: number): Record<string, unknown>[] =>
      Array.from({ length: 200 }, (_, index) => ({
        id: BigInt(version * 200 + index),
        ...Object.fromEntries(columns.slice(1).map(([name]) => [name, `${name} of ${index}`])),
      }))
    for (let version = 0; version <= 10; version++)
      await write(
        sink,
        rows(version).map((row) => source.commit().create(row)),
        version,
      )
    const name = (version: number): string => `${String(version).padStart(20, '0')}.checkpoint.parquet`
    assert.deepEqual(
      (await readdir(log)).filter((file) => file.endsWith('.checkpoint.parquet')),
      [name(10)],
    )
    const hint = async (): Promise<unknown> =>
      (JSON.parse(await readFile(`${log}/_last_checkpoint`, 'utf8')) as { readonly version: unknown }).version
    assert.equal(await hint(), 10)
    // The next one is due at version 20, but waits until a multiple of the first one's duration has passed.
    const deadline = performance.now() + 30_000
    for (let version = 11; version <= 25 || ((await hint()) === 10 && performance.now() < deadline); version++) {
      await write(sink, [source.commit().create(rows(version)[0]!)], version)
      await setTimeout(50)
    }
    assert.ok(Number(await hint()) >= 20)
    assert.ok((await readdir(log)).includes(name(Number(await hint()))))
  })
}
