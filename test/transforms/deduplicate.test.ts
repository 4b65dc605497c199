import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DataError, primitive, record, structOf, type ConnectRecord } from '../../core/index.ts'
import { transformOf } from './apply.ts'

const kept = (config: Record<string, string>, records: readonly ConnectRecord[], name = 'Deduplicate$Value') => {
  const transform = transformOf(name, config)
  return records.filter((one) => transform.apply(one) !== null)
}

test('a repeat within the window is dropped, by fields, value or key', () => {
  const [a, b, c] = [record('t', { id: 1n, x: 1n }), record('t', { id: 1n, x: 2n }), record('t', { x: 1n, id: 1n })] as const
  assert.deepEqual(kept({ fields: 'id' }, [a, b, c]), [a])
  assert.deepEqual(kept({ fields: 'id,x' }, [a, b, c]), [a, b])
  assert.deepEqual(kept({}, [a, b, c]), [a, b], 'the order of plain members does not count')
  const keys = [record('t', 1n, { key: 'a' }), record('t', 2n, { key: 'a' }), record('u', 3n, { key: 'a' })]
  assert.deepEqual(kept({}, keys, 'Deduplicate$Key'), [keys[0], keys[2]], 'topics do not mix')
})

test('a struct that looks like a decimal is told by all its fields', () => {
  const odd = (note: string) => record('t', { unscaled: 1n, scale: 2, note })
  assert.equal(kept({}, [odd('a'), odd('b'), odd('a')]).length, 2)
})

test('nested fields and values of all types tell records apart', () => {
  const schema = structOf([['in', structOf([['b', primitive('bytes')]])]])
  const bytes = (...of: number[]) => record('t', { in: { b: Uint8Array.from(of) } }, { valueSchema: schema })
  assert.equal(kept({ fields: 'in.b' }, [bytes(1), bytes(1, 0), bytes(1)]).length, 2)
  const values = [
    1n,
    '1',
    true,
    'true',
    [1n],
    ['1'],
    { a: 1n },
    { a: '1' },
    { unscaled: 1n, scale: 0 },
    { unscaled: 10n, scale: 1 },
    '',
    [],
    {},
    [null],
    ['null'],
  ]
  assert.equal(
    kept(
      { fields: 'v' },
      [...values, ...values].map((v) => record('t', { v })),
    ).length,
    values.length,
  )
})

test('a record without any of the fields passes always', () => {
  const none = [record('t', { x: null }), record('t', {}), record('t', null)]
  assert.deepEqual(kept({ fields: 'x' }, none), none)
  const partly = [record('t', { x: null, y: 1n }), record('t', { y: 1n })]
  assert.deepEqual(kept({ fields: 'x,y' }, partly), [partly[0]])
})

test('the window is bounded by records, bytes and time', () => {
  const ids = (...of: number[]) => of.map((id) => record('t', { id }))
  assert.equal(kept({ fields: 'id', 'window.records': '2' }, ids(1, 2, 1, 3, 1)).length, 4, '3 pushed 1 out')
  assert.equal(kept({ fields: 'id', 'window.bytes': '512' }, ids(1, 2, 1, 3, 1)).length, 4)
  const at = (id: number, timestamp: number | null) => record('t', { id }, { timestamp })
  const timed = [at(1, 1000), at(1, 1500), at(1, 2000), at(1, 2001), at(1, 2500)]
  assert.deepEqual(kept({ fields: 'id', 'window.ms': '1000' }, timed), [timed[0], timed[3]], 'a repeat does not prolong the window')
  assert.throws(() => kept({ fields: 'id', 'window.ms': '1000' }, [at(1, null)]), DataError)
  assert.equal(kept({ fields: 'id', 'window.ms': '60000', 'window.time': 'clock' }, [at(1, null), at(1, null)]).length, 1)
  assert.throws(() => kept({ 'window.records': '0' }, []), /at least 1/)
})

test('the window slides on for long, with records that come back after their time', () => {
  const model: { id: number; time: number }[] = []
  const records = Array.from({ length: 5_000 }, (_, n) => record('t', { id: (n * 7919) % 61 }, { timestamp: n }))
  const expected = records.filter(({ value, timestamp }) => {
    const { id } = value as { id: number }
    const at = model.findIndex((one) => one.id === id)
    if (at >= 0 && timestamp! - model[at]!.time <= 40) return false
    if (at >= 0) model.splice(at, 1)
    else if (model.length >= 50) model.shift()
    model.push({ id, time: timestamp! })
    return true
  })
  assert.deepEqual(kept({ fields: 'id', 'window.records': '50', 'window.ms': '40' }, records), expected)
  const wide = Array.from({ length: 3_000 }, (_, n) => record('t', { id: n % 60 }))
  assert.equal(kept({ fields: 'id', 'window.records': '50' }, wide).length, 3_000)
})

test('the same record read again passes: a replay is for the sink to judge', () => {
  const from = (position: number, seq: number) => record('t', { id: 1n }, { origin: { partition: 'p', position, seq } })
  const replay = [from(1, 1), from(1, 2), from(1, 1), from(2, 1)]
  assert.deepEqual(kept({ fields: 'id' }, replay), [replay[0], replay[2]])
})

test('a record that is redriven from the dead letters is no repeat of itself', () => {
  const first = record('t', { id: 1n }, { origin: { partition: 'p', position: 1, seq: 0 } })
  const redriven = record('t', { id: 1n }, { origin: { partition: '{"#redrive":"r1"}', position: 1, seq: 0 } })
  assert.deepEqual(kept({ fields: 'id' }, [first, redriven, first]), [first, redriven, first])
})

test('a restart forgets the window', () => {
  const one = record('t', { id: 1n })
  assert.deepEqual([...kept({ fields: 'id' }, [one]), ...kept({ fields: 'id' }, [one])], [one, one])
})

test('of any records the first of each kind stay, in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.integer({ min: 0, max: 5 }), x: fc.string({ maxLength: 2 }) })), (values) => {
      const firsts = values.filter((value, index) => values.findIndex(({ id, x }) => id === value.id && x === value.x) === index)
      const left = kept(
        { fields: 'id,x' },
        values.map((value) => record('t', value)),
      ).map(({ value }) => value)
      assert.deepEqual(left, firsts)
    }),
  )
})

test('a window larger than a map can hold is refused', () => {
  assert.throws(() => kept({ 'window.records': '16777217' }, []), /no more than 16000000/)
})

test('paths of many values are refused', () => {
  assert.throws(() => transformOf('Deduplicate$Value', { fields: 'a[]' }), /many values/)
})
