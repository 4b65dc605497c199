import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FencedError, optional, primitive } from '../../../../core/index.ts'
import { type Fault, FaultyProxy } from '../../../faulty-proxy.ts'
import { Judge, judgeMissing } from '../../../judge.ts'
import { S3Server, s3Skip } from '../../../s3.ts'
import { Source, noKill, openSink, write } from '../lake.ts'

const program = join(import.meta.dirname, '..', 'crash-writer.ts')
const transactions = 21
const tables = ['a', 'b', 'c']

let skip: string | false = s3Skip()
let server: S3Server
let judge: Judge
before(async () => {
  if (skip !== false) return
  server = await S3Server.start()
  // delta-rs, in the judge's process, takes them from there.
  Object.assign(process.env, server.environment)
  const opened = Judge.open()
  if (opened) judge = opened
  else skip = judgeMissing
})
after(async () => {
  await judge?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

async function newPath(): Promise<string> {
  return `s3://${await server.newBucket()}/deep/lake`
}

/** Runs the writer until it ends by itself, killing it at random instants at first. */
async function writeAll(path: string, mode: string, settings: Readonly<Record<string, string>>, kills: number): Promise<void> {
  const args = [program, path, mode, String(transactions), '1048576', JSON.stringify(settings)]
  for (let run = 0; ; run++) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const errors: string[] = []
    child.stderr!.on('data', (text: Buffer) => errors.push(text.toString()))
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    if (run < kills) {
      await Promise.race([firstOutput(child), ended])
      await Promise.race([sleep(Math.random() * 200), ended])
      child.kill('SIGKILL')
    }
    const code = await ended
    if (code === 0) return
    // What a killed process had sent may arrive after the next one has read the log: that one is fenced, and starts again.
    assert.ok(code === null || errors.join('').includes('FencedError'), `the writer failed by itself: ${errors.join('')}`)
    assert.ok(run < kills + 20, 'the writer never ends')
  }
}

function firstOutput(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.stdout!.once('data', () => resolve()))
}

/** A fault for every so many requests, of any kind. */
function sometimes(part: number): () => Fault {
  const kinds: readonly Fault[] = ['503', '503', 'lost', 'lost', 'silent', 'late']
  return () => (Math.random() < part ? kinds[Math.floor(Math.random() * kinds.length)]! : 'none')
}

for (const mode of ['append', 'upsert']) {
  test(`in ${mode} mode, killed at random while the store fails, times out and loses answers, the lake ends as the source`, async (t) => {
    if (skip !== false) return t.skip(skip)
    await using proxy = await FaultyProxy.open(server.endpoint)
    proxy.choose = sometimes(0.1)
    const path = await newPath()
    await writeAll(path, mode, { ...server.settings(proxy.url), 's3.request.timeout.ms': '300', 's3.cache.bytes': '20000' }, 2)
    t.diagnostic(`requests: ${JSON.stringify(proxy.made)}`)
    assert.ok(proxy.made['503'] > 0 && proxy.made.lost + proxy.made.late > 0)
    if (mode === 'append') await checkLog(path)
    else await checkMirror(path)
  })
}

async function checkLog(path: string): Promise<void> {
  const sql = 'SELECT __lsn, __seq, __op, id, note FROM t'
  const rows = (await Promise.all(tables.map((table) => judge.readTable(`${path}/s/${table}`, { sql })))).flat()
  const places = new Set(rows.map((row) => `${String(row['__lsn'])}/${String(row['__seq'])}`))
  const expected = 10 + (transactions - 1) * 15
  assert.equal(places.size, expected)
  assert.equal(rows.length, expected)
}

async function checkMirror(path: string): Promise<void> {
  const found = new Map<string, unknown>()
  for (const table of tables) {
    for (const row of await judge.readTable(`${path}/s/${table}`, { sql: 'SELECT id, note FROM t' })) {
      assert.equal(found.has(String(row['id'])), false, `row ${String(row['id'])} is there twice`)
      found.set(String(row['id']), row['note'])
    }
  }
  for (let number = 1; number <= transactions; number++) {
    for (let index = 0; index < 10; index++) {
      const expected = number === transactions || index > 4 ? `made by ${number}` : index === 4 ? undefined : `changed by ${number + 1}`
      assert.equal(found.get(String(number * 10 + index)), expected, `row ${number * 10 + index}`)
    }
  }
}

const orders = () =>
  new Source(
    'shop.public.orders',
    [
      ['id', primitive('int64')],
      ['note', optional(primitive('string'))],
    ],
    ['id'],
  )

test('of two tasks that write the same records to S3, the slower one is fenced and nothing is doubled', async (t) => {
  if (skip !== false) return t.skip(skip)
  const path = await newPath()
  const source = orders()
  const settings = { mode: 'upsert', ...server.settings() }
  await using old = await openSink(path, settings)
  await write(old, [source.create({ id: 1n, note: 'a' })], 1)
  const records = [source.commit().create({ id: 2n, note: 'b' }), source.update({ id: 1n, note: 'c' })]
  await old.put(records, noKill)
  await using young = await openSink(path, settings)
  assert.deepEqual(await young.committed(), { p: 1 })
  await young.put(records, noKill)
  const outcomes = await Promise.allSettled([old.flush({ p: 2 }, noKill), young.flush({ p: 2 }, noKill)])
  const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(lost.length, 1)
  assert.ok(lost[0]!.reason instanceof FencedError)
  assert.deepEqual(await judge.readTable(`${path}/public/orders`, { sql: 'SELECT id, note FROM t ORDER BY id' }), [
    { id: 1, note: 'c' },
    { id: 2, note: 'b' },
  ])
})

test('credentials come from the usual chain where the config has none', async (t) => {
  if (skip !== false) return t.skip(skip)
  const path = await newPath()
  await using sink = await openSink(path, { 's3.endpoint': server.endpoint })
  await write(sink, [orders().create({ id: 1n, note: 'a' })], 1)
  assert.equal(await judge.version(`${path}/public/orders`), 0)
})

for (const vectors of ['true', 'false']) {
  test(`a mirror on S3 with delta.deletion.vectors=${vectors} goes on after what delta-rs wrote, without local copies`, async (t) => {
    if (skip !== false) return t.skip(skip)
    const path = await newPath()
    const table = `${path}/public/orders`
    const source = orders()
    const settings = {
      mode: 'upsert',
      'delta.deletion.vectors': vectors,
      's3.cache.bytes': '0',
      'checkpoint.interval': '2',
      ...server.settings(),
    }
    {
      await using sink = await openSink(path, settings)
      for (let index = 0; index < 5; index++) await write(sink, [source.commit().create({ id: BigInt(index), note: 'old' })], index)
      await write(sink, [source.commit().update({ id: 1n, note: 'new' }), source.delete({ id: 2n, note: null })], 5)
    }
    if (vectors === 'false') {
      await judge.append(table, [{ id: 77, note: 'theirs' }])
      await judge.optimize(table)
    }
    await judge.checkpoint(table)
    await using sink = await openSink(path, settings)
    assert.deepEqual(await sink.committed(), { p: 5 })
    await write(sink, [source.commit().update({ id: 3n, note: 'new' })], 6)
    assert.deepEqual(await judge.readTable(table, { sql: 'SELECT id, note FROM t ORDER BY id' }), [
      { id: 0, note: 'old' },
      { id: 1, note: 'new' },
      { id: 3, note: 'new' },
      { id: 4, note: 'old' },
      ...(vectors === 'false' ? [{ id: 77, note: 'theirs' }] : []),
    ])
  })
}
