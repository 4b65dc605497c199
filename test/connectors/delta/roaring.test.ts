import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromZ85, readVector, writeVectors, z85 } from '../../../connectors/delta/deletion-vectors.ts'
import { RoaringSet } from '../../../connectors/delta/roaring.ts'
import { LocalStorage } from '../../../connectors/delta/storage.ts'
import { newLake } from './lake.ts'

const positions = fc.uniqueArray(fc.oneof(fc.nat(300_000), fc.nat(2 ** 31), fc.integer({ min: 2 ** 32 - 3, max: 2 ** 33 })), {
  maxLength: 300,
})

function setOf(values: Iterable<number>): RoaringSet {
  const set = new RoaringSet()
  for (const value of values) set.add(value)
  return set
}

test('a set holds what was added, ascending, and survives serialisation', () => {
  fc.assert(
    fc.property(positions, (values) => {
      const set = setOf(values)
      const sorted = values.toSorted((a, b) => a - b)
      assert.deepEqual([...set], sorted)
      assert.equal(set.size, values.length)
      const read = RoaringSet.deserialize(set.serialize())
      assert.deepEqual([...read], sorted)
      assert.ok(values.every((value) => read.has(value)))
      assert.equal(read.has(2 ** 34), false)
    }),
  )
})

test('containers turn into bitmaps at 4097 positions and stay exact', () => {
  for (const count of [4095, 4096, 4097, 65536]) {
    const values = Array.from({ length: count }, (_, index) => (index * 7) % 65536)
    const read = RoaringSet.deserialize(setOf(values).serialize())
    assert.equal(read.size, count)
    assert.deepEqual(
      [...read],
      values.toSorted((a, b) => a - b),
    )
  }
})

test('a clone is a set of its own', () => {
  const set = setOf([1, 70_000])
  const copy = set.clone()
  copy.add(2)
  assert.deepEqual([...set], [1, 70_000])
  assert.deepEqual([...copy], [1, 2, 70_000])
})

test('run containers of other writers are read', () => {
  // Two containers with a run each, as CRoaring writes them: cookie 12347 with the count minus one above, run flags, keys with sizes, no offsets.
  const bitmap = Buffer.alloc(4 + 1 + 8 + 2 * 6)
  bitmap.writeUInt32LE(12347 | (1 << 16), 0)
  bitmap[4] = 0b11
  bitmap.writeUInt16LE(0, 5)
  bitmap.writeUInt16LE(4, 7)
  bitmap.writeUInt16LE(3, 9)
  bitmap.writeUInt16LE(1, 11)
  bitmap.writeUInt16LE(1, 13)
  bitmap.writeUInt16LE(10, 15)
  bitmap.writeUInt16LE(4, 17)
  bitmap.writeUInt16LE(1, 19)
  bitmap.writeUInt16LE(0, 21)
  bitmap.writeUInt16LE(1, 23)
  const head = Buffer.alloc(16)
  head.writeInt32LE(1681511377, 0)
  head.writeBigInt64LE(1n, 4)
  const set = RoaringSet.deserialize(Buffer.concat([head, bitmap]))
  assert.deepEqual([...set], [10, 11, 12, 13, 14, 3 * 65536, 3 * 65536 + 1])
})

test('Z85 text gives the bytes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.deepEqual(fromZ85(z85(bytes), bytes.length), Buffer.from(bytes))
    }),
  )
  assert.equal(z85(Buffer.from('864fd26fb559f75b', 'hex')), 'HelloWorld')
  assert.throws(() => fromZ85('Hell', 4), RangeError)
  assert.throws(() => fromZ85('~~~~~', 4), RangeError)
})

test('vectors of one commit, small and large, are read back from where their descriptors point', async () => {
  await using lake = await newLake()
  const storage = await LocalStorage.open(lake.path)
  const sets = [
    setOf([5]),
    setOf(Array.from({ length: 20_000 }, (_, index) => index * 11)),
    setOf(Array.from({ length: 600 }, (_, index) => index * 70_000)),
  ]
  const descriptors = await writeVectors(storage, 't', sets)
  assert.deepEqual(
    descriptors.map((one) => one.storageType),
    ['i', 'u', 'u'],
  )
  for (const [index, descriptor] of descriptors.entries())
    assert.deepEqual([...(await readVector(storage, 't', descriptor))], [...sets[index]!])
  await assert.rejects(readVector(storage, 't', { ...descriptors[1]!, cardinality: 1 }), /masks 20000 rows, its descriptor says 1/)
})
