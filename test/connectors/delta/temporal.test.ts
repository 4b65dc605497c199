import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { timeText, zonedMicros } from '../../../connectors/delta/temporal.ts'

test('an instant in any offset is the one that Date names, to the microsecond', () => {
  const instants = fc.record({
    millis: fc.integer({ min: -62135596800000, max: 253402300799999 }),
    micros: fc.nat(999),
    offset: fc.integer({ min: -14 * 60, max: 14 * 60 }),
  })
  fc.assert(
    fc.property(instants, ({ millis, micros, offset }) => {
      const expected = BigInt(millis) * 1000n + BigInt(micros)
      const utc = new Date(millis).toISOString()
      const fraction = utc.slice(20, 23) + String(micros).padStart(3, '0')
      const text = `${utc.slice(0, 20)}${fraction}Z`
      // Twice: the second time the day is known.
      assert.equal(zonedMicros(text), expected)
      assert.equal(zonedMicros(text), expected)
      const local = new Date(millis + offset * 60_000)
      if (local.getUTCFullYear() < 1 || local.getUTCFullYear() > 9999) return
      const sign = offset < 0 ? '-' : '+'
      const zone = `${sign}${String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0')}:${String(Math.abs(offset) % 60).padStart(2, '0')}`
      assert.equal(zonedMicros(`${local.toISOString().slice(0, 20)}${fraction}${zone}`), expected)
    }),
  )
})

test('short and long fractions, years beyond four digits and before Christ, and the infinities', () => {
  for (const [text, micros] of [
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01T00:00:00.1Z', 100_000n],
    ['1970-01-01T00:00:00.123456000Z', 123_456n],
    ['1970-01-01T00:00Z', 0n],
    ['0001-12-31T00:00:00Z BC', BigInt(Date.parse('0000-12-31T00:00:00Z')) * 1000n],
    ['+10000-01-01T00:00:00Z', 253402300800000000n],
    ['infinity', 9223372036854775807n],
    ['-infinity', -9223372036854775807n],
  ] as const) {
    assert.equal(zonedMicros(text), micros, text)
    assert.equal(zonedMicros(text), micros, text)
  }
  for (const text of [
    '',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '1970-01-01T00:00:00',
    '1970-01-01T0x:00:00Z',
    '1970-01-01T00:00:00.1234567Z',
  ]) {
    assert.throws(() => zonedMicros(text), { name: 'DataError' }, text)
  }
})

test('times of day are text with as many digits as they need', () => {
  assert.equal(timeText(0n, 6), '00:00:00')
  assert.equal(timeText(3_723_000_001n, 6), '01:02:03.000001')
  assert.equal(timeText(86_400_000n, 3), '24:00:00')
  assert.throws(() => timeText(86_401_000n, 3), { name: 'DataError' })
  assert.throws(() => timeText(-1n, 9), { name: 'DataError' })
})
