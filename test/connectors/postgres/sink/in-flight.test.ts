import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Json } from '../../../../core/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { CutProxy } from './cut-proxy.ts'
import { patiently } from './patiently.ts'
import { item, never, openSink, rejects, target } from './sink-rig.ts'

const server = await startPostgres()
after(() => server.stop())

const at = (n: number): Record<string, Json> => ({ p: { n }, '#flush/0': n })

/** A small generator with a seed, so that a failure can be had again. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 4294967296) * below)
  }
}

for (const mode of ['upsert', 'insert']) {
  test(`${mode}: bad rows here and there, while chunks follow each other without waiting, and cuts between them: the others land, each once`, async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${seed}`)
    const below = random(seed)
    const name = `f_${mode}`
    await server.query(`CREATE DATABASE ${name}`)
    const key = mode === 'upsert' ? 'PRIMARY KEY' : ''
    await server.query(`CREATE TABLE items (id bigint ${key}, name varchar(10), count int CONSTRAINT small CHECK (count < 1000))`, name)
    await using proxy = await CutProxy.start(server.port)
    const { rejected, context } = rejects()
    await using sink = await openSink(
      { ...target(server, name, proxy.port), 'insert.mode': mode, 'batch.size': '20', 'delete.enabled': 'false' },
      context,
    )
    const expected = new Map<number, number>()
    const all: number[] = []
    const refused = new Set<number>()
    for (let flush = 1; flush <= 6; flush++) {
      const cuts = flush % 3 === 0
      for (let batch = 0; batch < 3; batch++) {
        const records = Array.from({ length: 90 }, () => {
          const id = below(300)
          // No bad rows where the connection is cut: done again, they start the task again, which is tested elsewhere.
          const bad = cuts ? 9 : below(40)
          const count = bad === 0 ? 1000 + below(1000) : below(1000)
          const one = item(id, { name: bad === 1 ? 'far too long a name' : 'ok', count })
          if (bad === 0 || bad === 1) refused.add(one.origin!.position)
          else {
            expected.set(id, count)
            all.push(id)
          }
          return one
        })
        if (cuts && batch === 1) proxy.cutAfter(below(6_000))
        await patiently(() => sink.put(records, never))
      }
      await patiently(() => sink.flush(at(flush), never))
    }
    const rows = await server.query('SELECT id::int AS id, count FROM items ORDER BY id', name)
    if (mode === 'insert') {
      assert.deepEqual(
        rows.map(({ id }) => id),
        all.sort((a, b) => a - b),
      )
      assert.deepEqual(new Set(rejected.map(({ record }) => record.origin!.position)), refused)
    } else {
      assert.deepEqual(
        rows.map(({ id, count }) => [id, count]),
        [...expected].sort(([a], [b]) => a - b),
      )
      // One that a later change of its row in the same chunk replaced is not looked at.
      for (const { record } of rejected) assert.ok(refused.has(record.origin!.position))
    }
    assert.ok(rejected.length > 10 && proxy.cuts > 0, `${rejected.length} refused, ${proxy.cuts} cuts`)
    for (const { error } of rejected) assert.match(error.message, /constraint "small"|column "name"/)
  })
}
