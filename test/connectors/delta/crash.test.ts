import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FencedError, optional, primitive } from '../../../core/index.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { Source, newLake, noKill, openSink, write } from './lake.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

const program = join(import.meta.dirname, 'crash-writer.ts')
const transactions = 90

/** Runs the writer over and over, killing it at random instants, until it ends by itself; resolves to the number of kills. */
async function killAtRandom(path: string, mode: string, killsMin: number): Promise<number> {
  for (let kills = 0; ; kills++) {
    const child = spawn(process.execPath, [program, path, mode, String(transactions), '1048576'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const errors: string[] = []
    child.stderr!.on('data', (text: Buffer) => errors.push(text.toString()))
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const written = firstOutput(child)
    await Promise.race([written, ended])
    if (kills < killsMin) {
      await Promise.race([sleep(Math.random() * 60), ended])
      child.kill('SIGKILL')
    }
    const code = await ended
    if (code === 0) return kills
    assert.equal(code, null, `the writer failed by itself: ${errors.join('')}`)
  }
}

function firstOutput(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.stdout!.once('data', () => resolve()))
}

const tables = ['a', 'b', 'c']

test('killed at random instants in append mode, every change is in the lake once', options, async (t) => {
  await using lake = await newLake()
  t.diagnostic(`${await killAtRandom(lake.path, 'append', 12)} kills`)
  const sql = 'SELECT __lsn, __seq, __op, id, note FROM t'
  const rows = (await Promise.all(tables.map((table) => judge!.readTable(`${lake.path}/s/${table}`, { sql })))).flat()
  const places = new Set(rows.map((row) => `${String(row['__lsn'])}/${String(row['__seq'])}`))
  const expected = 10 + (transactions - 1) * 15
  assert.equal(rows.length, expected)
  assert.equal(places.size, expected)
})

test('killed at random instants in upsert mode, the tables end as the source', options, async (t) => {
  await using lake = await newLake()
  t.diagnostic(`${await killAtRandom(lake.path, 'upsert', 12)} kills`)
  const found = new Map<string, unknown>()
  for (const table of tables) {
    for (const row of await judge!.readTable(`${lake.path}/s/${table}`, { sql: 'SELECT id, note FROM t' })) {
      assert.equal(found.has(String(row['id'])), false, `row ${String(row['id'])} is there twice`)
      found.set(String(row['id']), row['note'])
    }
  }
  for (let number = 1; number <= transactions; number++) {
    for (let index = 0; index < 10; index++) {
      const last = number === transactions
      const expected = last || index > 4 ? `made by ${number}` : index === 4 ? undefined : `changed by ${number + 1}`
      assert.equal(found.get(String(number * 10 + index)), expected)
    }
  }
})

const orders = () =>
  new Source(
    'shop.public.orders',
    [
      ['id', primitive('int64')],
      ['note', optional(primitive('string'))],
    ],
    ['id'],
  )

for (const mode of ['append', 'upsert']) {
  test(`of two tasks that write the same records in ${mode} mode, the slower one is fenced and nothing is doubled`, options, async () => {
    await using lake = await newLake()
    const source = orders()
    await using old = await openSink(lake.path, { mode })
    await write(old, [source.create({ id: 1n, note: 'a' })], 1)
    const records = [source.commit().create({ id: 2n, note: 'b' }), source.create({ id: 3n, note: 'c' })]
    await old.put(records, noKill)
    await using young = await openSink(lake.path, { mode })
    assert.deepEqual(await young.committed(), { p: 1 })
    await young.put(records, noKill)
    const outcomes = await Promise.allSettled([old.flush({ p: 2 }, noKill), young.flush({ p: 2 }, noKill)])
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    assert.equal(lost.length, 1)
    assert.ok(lost[0]!.reason instanceof FencedError)
    const rows = await judge!.readTable(`${lake.path}/public/orders`, { sql: 'SELECT id FROM t ORDER BY id' })
    assert.deepEqual(rows, [{ id: 1 }, { id: 2 }, { id: 3 }])
  })
}

test('a foreign append, delete and compaction between two commits leave the mirror right', options, async () => {
  await using lake = await newLake()
  const path = `${lake.path}/public/orders`
  const source = orders()
  await using sink = await openSink(lake.path, { mode: 'upsert', 'delta.deletion.vectors': 'false' })
  for (let index = 0; index < 5; index++) await write(sink, [source.commit().create({ id: BigInt(index), note: 'old' })], index)
  await sink.put([source.commit().update({ id: 1n, note: 'new' }), source.delete({ id: 2n, note: null })], noKill)
  await judge!.optimize(path)
  await sink.flush({ p: 10 }, noKill)
  await sink.put([source.commit().update({ id: 3n, note: 'new' }), source.update({ id: 77n, note: 'ours' })], noKill)
  await judge!.append(path, [
    { id: 77, note: 'theirs' },
    { id: 78, note: 'theirs' },
  ])
  await sink.flush({ p: 11 }, noKill)
  await sink.put([source.commit().update({ id: 4n, note: 'new' })], noKill)
  await judge!.delete(path, 'id = 0')
  await sink.flush({ p: 12 }, noKill)
  assert.deepEqual(await judge!.readTable(path, { sql: 'SELECT * FROM t ORDER BY id' }), [
    { id: 1, note: 'new' },
    { id: 3, note: 'new' },
    { id: 4, note: 'new' },
    { id: 77, note: 'ours' },
    { id: 78, note: 'theirs' },
  ])
})

test('a checkpoint of another writer is read', options, async () => {
  await using lake = await newLake()
  const source = orders()
  {
    await using sink = await openSink(lake.path, { mode: 'upsert', 'checkpoint.interval': '1000' })
    for (let index = 0; index < 4; index++) await write(sink, [source.commit().create({ id: BigInt(index % 3), note: `v${index}` })], index)
  }
  await judge!.checkpoint(`${lake.path}/public/orders`)
  await using sink = await openSink(lake.path, { mode: 'upsert', 'checkpoint.interval': '1' })
  await write(sink, [source.commit().update({ id: 2n, note: 'last' })], 9)
  assert.deepEqual(await judge!.readTable(`${lake.path}/public/orders`, { sql: 'SELECT * FROM t ORDER BY id' }), [
    { id: 0, note: 'v3' },
    { id: 1, note: 'v1' },
    { id: 2, note: 'last' },
  ])
})
