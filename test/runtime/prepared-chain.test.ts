import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataError, RetriableError, record, type ConnectRecord } from '../../core/index.ts'
import { buildPreparedChain, type ChainStep } from '../../core/runtime/chain.ts'

const plus = (text: string): ChainStep => ({
  name: text,
  transform: { apply: (one) => ({ ...one, value: `${String(one.value)}${text}` }) },
})

/** Looks up what it gets, and tells what it was asked for. */
function lookUp(asked: unknown[][], more: Partial<ChainStep> = {}): ChainStep {
  let found = new Set<unknown>()
  return {
    name: 'look-up',
    transform: {
      prepare: async (records) => {
        asked.push(records.map(({ value }) => value))
        found = new Set(records.map(({ value }) => value))
      },
      apply: (one) => {
        if (!found.has(one.value)) throw new DataError(`${String(one.value)} was not looked up`)
        return { ...one, value: `${String(one.value)}!` }
      },
    },
    ...more,
  }
}

const values = (records: readonly ConnectRecord[]) => records.map(({ value }) => value)
const batch = ['a', 'b', 'c'].map((value) => record('t', value))

test('a chain without look-ups is not cut', () => {
  assert.equal(buildPreparedChain([plus('1')]), undefined)
})

test('a look-up is asked once per batch, for what comes to it', async () => {
  const asked: unknown[][] = []
  const chain = buildPreparedChain([plus('1'), lookUp(asked), plus('2'), lookUp(asked)])!
  const { kept, refused } = await chain(batch)
  assert.deepEqual(asked, [
    ['a1', 'b1', 'c1'],
    ['a1!2', 'b1!2', 'c1!2'],
  ])
  assert.deepEqual(values(kept), ['a1!2!', 'b1!2!', 'c1!2!'])
  assert.deepEqual(refused, [])
})

test('after a look-up that failed, the batch goes on where it stood: what is before it is not applied again', async () => {
  let fails = 2
  const seen = new Set<unknown>()
  const once: ChainStep = {
    name: 'once',
    transform: {
      apply(one) {
        if (one.value === 'b') throw new DataError('b is bad')
        return seen.size === seen.add(one.value).size ? null : one
      },
    },
  }
  const shaky: ChainStep = {
    name: 'shaky',
    transform: {
      async prepare() {
        if (fails-- > 0) throw new RetriableError('away')
      },
      apply: (one) => one,
    },
  }
  const chain = buildPreparedChain([once, shaky])!
  await assert.rejects(chain(batch), /away/)
  await assert.rejects(chain(batch), /away/)
  const { kept, refused } = await chain(batch)
  assert.deepEqual([values(kept), refused.map(({ record: { value } }) => value)], [['a', 'c'], ['b']])
  assert.deepEqual(values((await chain([...batch])).kept), [], 'another batch starts anew')
})

test('dropped, refused and passed-over records are not looked up', async () => {
  const asked: unknown[][] = []
  const drop: ChainStep = { name: 'drop', transform: { apply: (one) => (one.value === 'a' ? null : one) } }
  const refuse: ChainStep = {
    name: 'refuse',
    transform: {
      apply: (one) => {
        if (one.value === 'b') throw new DataError('b is bad')
        return one
      },
    },
  }
  const notC = { predicate: { test: ({ value }: ConnectRecord) => value === 'c' }, negate: true }
  const chain = buildPreparedChain([drop, refuse, lookUp(asked, notC), plus('2')])!
  const { kept, refused } = await chain([...batch, record('t', 'd')])
  assert.deepEqual(asked, [['d']])
  assert.deepEqual(values(kept), ['c2', 'd!2'])
  assert.deepEqual(
    refused.map(({ step, error }) => [step, error.message]),
    [['refuse', 'b is bad']],
  )
})
