import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { crc32c, crc32cAfterHeadChange } from '../../../../connectors/kafka/records/crc32c.ts'

test('the checksums of RFC 3720 come out', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, n) => n))), 0x46dd794e)
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(0)), 0)
})

test('every length and place gives what a bit by bit reckoning gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000, size: 'max' }), fc.nat({ max: 20 }), (bytes, start) => {
      assert.equal(crc32c(bytes, start), slow(bytes.subarray(start)))
    }),
    { numRuns: 200 },
  )
})

test('every length around the bounds of folding gives the same sum as its parts', () => {
  const bytes = Buffer.from(Array.from({ length: 270_000 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 24))
  // Bit by bit reckoning of a long prefix, once for all lengths.
  const lengths = [6143, 6144, 6145, 6160, 10_000, 131_071, 131_072, 131_073, 137_215, 137_216, 262_144, 269_990]
  for (const start of [0, 1, 7]) {
    for (const length of lengths)
      assert.equal(crc32c(bytes.subarray(0, start + length), start), slow(bytes.subarray(start, start + length)))
  }
})

test('large inputs are summed as small ones are', () => {
  const bytes = Buffer.from(Array.from({ length: 3_000_001 }, (_, n) => (n * 31) ^ (n >>> 7)))
  assert.equal(crc32c(bytes), slow(bytes))
})

test('a changed head changes the checksum as if all were summed again', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 40, maxLength: 40 }),
      fc.uint8Array({ minLength: 40, maxLength: 40 }),
      fc.uint8Array(),
      (old, changed, rest) => {
        const crc = crc32c(Buffer.concat([old, rest]))
        assert.equal(crc32cAfterHeadChange(crc, old, changed, rest.length), crc32c(Buffer.concat([changed, rest])))
      },
    ),
  )
})

function slow(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
