import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  assign,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../../connectors/kafka/source/assignment.ts'

test('what Java writes as a subscription of version 3 is read: topics, owned partitions and rack', () => {
  // ConsumerProtocol.serializeSubscription(new Subscription(List.of("orders"), null, [orders-1], 7, Optional.of("r"))), version 3.
  const bytes = Buffer.from(
    '0003' +
      '00000001' +
      '00066f7264657273' +
      'ffffffff' +
      '00000001' +
      '00066f7264657273' +
      '00000001' +
      '00000001' +
      '00000007' +
      '000172',
    'hex',
  )
  assert.deepEqual(decodeSubscription(bytes), ['orders'])
})

test('a subscription and an assignment are read back as they were written', () => {
  assert.deepEqual(decodeSubscription(encodeSubscription(['b', 'a'])), ['a', 'b'])
  const own = [
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 2 },
    { topic: 'ü', partition: 1 },
  ]
  assert.deepEqual(decodeAssignment(encodeAssignment(own)), own)
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), [])
})

test('messages that are cut short or claim too much are refused', () => {
  const bytes = encodeAssignment([{ topic: 'orders', partition: 1 }])
  for (let length = 1; length < bytes.length - 4; length++) assert.throws(() => decodeAssignment(bytes.subarray(0, length)), RangeError)
  assert.throws(() => decodeSubscription(Buffer.from('00007fffffff', 'hex')), RangeError)
})

test('range gives each member a run of every topic, the first ones one more (RangeAssignor)', () => {
  const members = [
    { id: 'c2', topics: ['t'] },
    { id: 'c1', topics: ['t', 'u'] },
  ]
  const shares = assign('range', members, new Map(Object.entries({ t: 3, u: 1 })))
  assert.deepEqual(names(shares), { c1: ['t0', 't1', 'u0'], c2: ['t2'] })
})

test('round robin deals one by one and passes over who does not read a topic (RoundRobinAssignor)', () => {
  const members = [
    { id: 'a', topics: ['t0'] },
    { id: 'b', topics: ['t0', 't1'] },
    { id: 'c', topics: ['t0', 't1', 't2'] },
  ]
  // The example of the assignor's Javadoc.
  const shares = assign('roundrobin', members, new Map(Object.entries({ t0: 1, t1: 2, t2: 3 })))
  assert.deepEqual(names(shares), { a: ['t00'], b: ['t10'], c: ['t11', 't20', 't21', 't22'] })
})

test('every partition goes to exactly one member that reads its topic', () => {
  const members = fc.uniqueArray(fc.record({ id: fc.string({ minLength: 1 }), topics: fc.subarray(['a', 'b', 'c', 'gone']) }), {
    selector: ({ id }) => id,
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(fc.constantFrom('range' as const, 'roundrobin' as const), members, fc.nat(9), (assignor, all, partitions) => {
      const counts = new Map(Object.entries({ a: partitions, b: 1, c: 3 }))
      const shares = assign(assignor, all, counts)
      assert.equal(shares.size, all.length)
      for (const { id, topics } of all) for (const { topic } of shares.get(id)!) assert.ok(topics.includes(topic))
      const dealt = [...shares.values()].flat().map(({ topic, partition }) => `${topic}${partition}`)
      const wanted = [...counts].filter(([topic]) => all.some(({ topics }) => topics.includes(topic)))
      assert.deepEqual(dealt.sort(), wanted.flatMap(([topic, count]) => Array.from({ length: count }, (_, n) => `${topic}${n}`)).sort())
    }),
  )
})

function names(shares: ReadonlyMap<string, readonly { readonly topic: string; readonly partition: number }[]>) {
  return Object.fromEntries([...shares].map(([id, own]) => [id, own.map(({ topic, partition }) => `${topic}${partition}`)]))
}
