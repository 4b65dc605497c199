import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../../core/contract/json.ts'
import type { Offsets } from '../../core/contract/record.ts'
import { mergeOffsets, type WorkerStore } from '../../core/store/store.ts'

/** What every store must do. `file` is given where a store outlives its object: then it is closed and opened again. */
export function storeLaws(
  name: string,
  { open, file }: { readonly open: (file?: string) => Promise<WorkerStore>; readonly file?: () => string },
): void {
  test(`${name}: a connector without positions is told from one whose positions were reset`, async () => {
    await using store = await open()
    assert.equal(await store.offsets.load('c'), undefined)
    await store.offsets.reset('c')
    assert.deepEqual(await store.offsets.load('c'), {})
    assert.equal(await store.offsets.load('d'), undefined)
  })

  test(`${name}: saving merges by partition, null removes one, and values come back exactly`, async () => {
    await using store = await open()
    const name = fc.oneof(fc.constantFrom('a', '__proto__', 'constructor', ''), fc.string({ unit: 'grapheme', maxLength: 10 }))
    const position = fc.oneof(fc.constant(null), fc.jsonValue({ maxDepth: 2 })) as fc.Arbitrary<Json>
    const change = fc.array(fc.tuple(name, position), { maxLength: 4 }).map((entries) => Object.fromEntries(entries) as Offsets)
    let connectors = 0
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const connector = `c${connectors++}`
        let expected: Offsets = {}
        for (const one of changes) {
          await store.offsets.save(connector, one)
          expected = mergeOffsets(expected, JSON.parse(JSON.stringify(one)) as Offsets)
        }
        assert.deepEqual(new Map(Object.entries((await store.offsets.load(connector))!)), new Map(Object.entries(expected)))
      }),
      { numRuns: 50 },
    )
  })

  test(`${name}: altering raises the generation, also of a connector that was deleted since`, async () => {
    await using store = await open()
    assert.equal(await store.generation('c'), 0)
    await store.offsets.save('c', { p: { n: 1 }, q: { n: 2 } })
    await store.alterOffsets('c', { p: null, r: { n: 3 } }, { replace: false })
    assert.deepEqual(await store.offsets.load('c'), { q: { n: 2 }, r: { n: 3 } })
    await store.alterOffsets('c', {}, { replace: true })
    assert.deepEqual(await store.offsets.load('c'), {})
    await store.deleteConnector('c')
    assert.equal(await store.generation('c'), 2)
  })

  test(`${name}: connectors, statuses, topics and hosts are kept, in order, until they are deleted`, async () => {
    const at = file?.()
    let store = await open(at)
    const one = { name: '__proto__', config: { 'a.b': 'ü "x"', n: '9007199254740993' }, target: 'STARTED', tasks: null } as const
    const good = { 'connector.class': { package: '@a/b', class: 'a.B', version: '1.0.0' } }
    const versions = { good, refused: { failed: good, reason: 'ü', atMs: 1 } }
    const two = { name: 'two', config: {}, target: 'PAUSED', tasks: [{}, { part: '1' }], versions } as const
    await store.saveConnector({ ...one, versions })
    await store.saveConnector(two)
    await store.saveConnector({ ...one, target: 'STOPPED' })
    await store.saveStatus('two', null, { task: null, state: 'PAUSED', trace: null, workerId: 'h:1', sinceMs: 1 })
    await store.saveStatus('two', 0, { task: 0, state: 'FAILED', trace: 'why', workerId: 'h:1', sinceMs: 2 })
    await store.addTopics('two', ['t2', 't1'])
    await store.addTopics('two', ['t1', 't3'])
    await store.addHost({ pid: 7, started: '1', boot: 'b' })
    await store.addHost({ pid: 8, started: '2', boot: 'b' })
    await store.removeHost(7)
    if (at !== undefined) {
      const { id } = store
      await store[Symbol.asyncDispose]()
      store = await open(at)
      assert.equal(store.id, id)
    }
    assert.deepEqual(await store.load(), [{ ...one, target: 'STOPPED' }, two])
    assert.deepEqual(
      (await store.statuses('two')).map(({ task, state, trace }) => [task, state, trace]),
      [
        [null, 'PAUSED', null],
        [0, 'FAILED', 'why'],
      ],
    )
    assert.deepEqual(await store.topics('two'), ['t1', 't2', 't3'])
    assert.deepEqual(await store.hosts(), [{ pid: 8, started: '2', boot: 'b' }])
    await store.resetTopics('two')
    assert.deepEqual(await store.topics('two'), [])
    await store.deleteConnector('two')
    assert.deepEqual(await store.statuses('two'), [])
    assert.deepEqual(
      (await store.load()).map((connector) => connector.name),
      ['__proto__'],
    )
    await store[Symbol.asyncDispose]()
  })
}
