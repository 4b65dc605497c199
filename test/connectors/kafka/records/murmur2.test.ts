import assert from 'node:assert/strict'
import test from 'node:test'
import { murmur2, partitionOf } from '../../../../connectors/kafka/records/murmur2.ts'

test('keys hash as in the tests of the Java client', () => {
  const vectors: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [key, hash] of vectors) assert.equal(murmur2(Buffer.from(key)), hash)
})

test('a partition is the hash without its sign, by the number of partitions', () => {
  assert.equal(partitionOf(Buffer.from('21'), 10), ((-973932308 & 0x7fffffff) >>> 0) % 10)
  assert.equal(partitionOf(Buffer.from('anything'), 1), 0)
  assert.equal(partitionOf(Buffer.alloc(0), 7), (murmur2(Buffer.alloc(0)) & 0x7fffffff) % 7)
})
