import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { DataError } from '../../../../core/index.ts'
import { layout } from '../../../../connectors/kafka/records/batch-layout.ts'
import { crc32c } from '../../../../connectors/kafka/records/crc32c.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { forwardable, recordBytesMax, RecordBatchBuilder, restamp, sequenceAfter } from '../../../../connectors/kafka/records/encode.ts'
import { assertRows, batchOf, checked, codecs, row, rowsOf } from './batches.ts'

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }))
const anyRow = fc.record(
  {
    key: bytes,
    value: bytes,
    headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 20 }), value: bytes }, { noNullPrototype: true }), {
      maxLength: 4,
    }),
    timestamp: fc.option(fc.integer({ min: 0, max: 8.64e15 })),
  },
  { noNullPrototype: true },
)

for (const compression of codecs) {
  test(`what was encoded with ${compression} is decoded as it was`, () => {
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 60 }), (rows) => {
        const [batch] = decodeBatches(batchOf(rows, { compression }), checked)
        assert.equal(batch!.compression, compression)
        assert.equal(batch!.count, rows.length)
        assertRows(rowsOf(batch!), rows)
      }),
      { numRuns: 150 },
    )
  })
}

test('a batch of several megabytes comes back, whatever its compression', () => {
  const rows = Array.from({ length: 20_000 }, (_, n) =>
    row(`${'value '.repeat(n % 60)}${n}`, { key: Uint8Array.from(Buffer.from(`k${n}`)) }),
  )
  for (const compression of codecs) {
    assertRows(rowsOf(decodeBatches(batchOf(rows, { compression }), checked)[0]!), rows)
  }
})

test('the size that is told beforehand is never less than what a record takes', () => {
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 1, maxLength: 20 }), (rows) => {
      const builder = new RecordBatchBuilder()
      for (const { key, value, headers, timestamp } of rows) {
        const most = builder.bytes + recordBytesMax(key, value, headers)
        builder.append(key, value, headers, timestamp)
        assert.ok(builder.bytes <= most)
      }
      assert.equal(builder.count, rows.length)
      assert.equal(builder.build({ compression: 'none' }).length, builder.bytes)
    }),
  )
})

test('a builder is used again after reset, and a batch built before stays as it was', () => {
  const builder = new RecordBatchBuilder()
  builder.append(null, Buffer.from('first'), [], 5_000)
  const first = builder.build({ compression: 'none' })
  builder.reset()
  assert.equal(builder.count, 0)
  builder.append(null, Buffer.from('other'), [], 7)
  const second = builder.build({ compression: 'none' })
  assert.deepEqual(rowsOf(decodeBatches(first, checked)[0]!), [row('first', { timestamp: 5_000 })])
  const [decoded] = decodeBatches(second, checked)
  assert.deepEqual(rowsOf(decoded!), [row('other', { timestamp: 7 })])
  assert.equal(decoded!.maxTimestamp, 7)
})

test('what is put into a batch stands in its header', () => {
  const stamp = { producerId: 2n ** 40n, epoch: 12, baseSequence: 2_147_483_647, transactional: true }
  const built = batchOf([row('a', { timestamp: 30 }), row('b', { timestamp: 90 }), row('c', { timestamp: 60 })], {
    compression: 'zstd',
    stamp,
  })
  const [batch] = decodeBatches(built, checked)
  const { baseOffset, lastOffset, count, producerId, producerEpoch, transactional, control, maxTimestamp, logAppendTime } = batch!
  assert.deepEqual(
    { baseOffset, lastOffset, count, producerId, producerEpoch, transactional, control, maxTimestamp, logAppendTime },
    {
      baseOffset: 0,
      lastOffset: 2,
      count: 3,
      producerId: 2n ** 40n,
      producerEpoch: 12,
      transactional: true,
      control: false,
      maxTimestamp: 90,
      logAppendTime: false,
    },
  )
  assert.equal(built.readInt32BE(layout.baseSequence), 2_147_483_647)
  assert.equal(built.readInt32BE(layout.partitionLeaderEpoch), -1)
})

test('a header name that has no UTF-8 is refused, and the builder goes on without the record', () => {
  const builder = new RecordBatchBuilder()
  const broken = [{ key: 'x\ud800', value: null }]
  assert.throws(() => builder.append(null, null, broken, 1), DataError)
  builder.append(null, Buffer.from('good'), [], 2)
  assert.deepEqual(rowsOf(decodeBatches(builder.build({ compression: 'none' }), checked)[0]!), [row('good', { timestamp: 2 })])
})

test('a timestamp that Kafka cannot keep is refused, and the builder goes on without the record', () => {
  const builder = new RecordBatchBuilder()
  for (const timestamp of [-5, 1.5, NaN, Infinity, 2 ** 53])
    assert.throws(() => builder.append(null, null, [], timestamp), DataError, `${timestamp}`)
  builder.append(null, Buffer.from('good'), [], 2)
  assert.deepEqual(rowsOf(decodeBatches(builder.build({ compression: 'none' }), checked)[0]!), [row('good', { timestamp: 2 })])
})

test('a builder that held one large record still builds small batches', () => {
  const builder = new RecordBatchBuilder()
  for (const size of [30 << 20, 10, 200_000, 10]) {
    builder.append(null, Buffer.alloc(size, 7), [], 1)
    const [batch] = decodeBatches(builder.build({ compression: 'none' }), checked)
    assert.equal(batch!.records().value(0)!.length, size)
    builder.reset()
  }
})

test('a batch is restamped without touching its records, and its checksum is that of its new bytes', () => {
  fc.assert(
    fc.property(
      fc.array(anyRow, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(...codecs),
      fc.bigInt({ min: 0n, max: 2n ** 62n }),
      fc.nat({ max: 0x7fffffff }),
      fc.boolean(),
      (rows, compression, producerId, baseSequence, transactional) => {
        const old = batchOf(rows, { compression, stamp: { producerId: 1n, epoch: 2, baseSequence: 3, transactional: !transactional } })
        old.writeBigInt64BE(123_456_789n, layout.baseOffset)
        old.writeInt32BE(17, layout.partitionLeaderEpoch)
        const before = Buffer.from(old)
        const stamped = restamp(old, { producerId, epoch: 5, baseSequence, transactional })
        assert.deepEqual(old, before)
        assert.equal(stamped.readUInt32BE(layout.crc), crc32c(stamped, layout.attributes))
        assert.deepEqual(stamped, batchOf(rows, { compression, stamp: { producerId, epoch: 5, baseSequence, transactional } }))
        assert.deepEqual(restamp(old), batchOf(rows, { compression }))
      },
    ),
  )
})

test('a batch that was damaged on its way is still found damaged after it was restamped', () => {
  const damaged = batchOf([row('some value')])
  damaged[damaged.length - 3]! ^= 1
  const stamped = restamp(damaged, { producerId: 9n, epoch: 0, baseSequence: 0, transactional: false })
  assert.throws(() => decodeBatches(stamped, checked), /CRC32C/)
})

test('only batches that a broker takes as they are are forwarded whole', () => {
  const built = batchOf([row('a'), row('b'), row('c')])
  const read = (change: (bytes: Buffer) => void) => {
    const copy = Buffer.from(built)
    change(copy)
    return decodeBatches(copy, { ...checked, checkCrc: false })[0]!
  }
  assert.equal(forwardable(read(() => {})), true)
  assert.equal(forwardable(read((bytes) => bytes.writeInt16BE(0x08, layout.attributes))), false, 'log append time')
  assert.equal(forwardable(read((bytes) => bytes.writeInt16BE(0x30, layout.attributes))), false, 'marker')
  assert.equal(forwardable(read((bytes) => bytes.writeInt32BE(5, layout.lastOffsetDelta))), false, 'compacted')
})

test('the delete horizon that compaction left in a batch does not go on with it', () => {
  const built = batchOf([row('a')])
  built.writeInt16BE(0x40, layout.attributes)
  built.writeUInt32BE(crc32c(built, layout.attributes), layout.crc)
  assert.deepEqual(restamp(built), batchOf([row('a')]))
})

test('sequence numbers begin anew after 2^31 - 1', () => {
  assert.equal(sequenceAfter(0, 5), 5)
  assert.equal(sequenceAfter(0x7fffffff, 1), 0)
  assert.equal(sequenceAfter(0x7ffffffe, 5), 3)
})

test('values of any length are written within the bound, by copy and in place', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.string({ unit: 'grapheme', minLength: 60, maxLength: 2500 }),
    fc.constant('é'.repeat(8191)),
  )
  fc.assert(
    fc.property(fc.array(texts, { minLength: 1, maxLength: 20 }), (values) => {
      const builder = new RecordBatchBuilder(64)
      const rows = values.map((value, n) => row(value, { key: Uint8Array.from([n]) }))
      for (const { key, value, timestamp } of rows) {
        const most = builder.bytes + recordBytesMax(key, value, [])
        builder.append(key, value, [], timestamp)
        assert.ok(builder.bytes <= most)
      }
      assert.deepEqual(builder.build({ compression: 'none' }), batchOf(rows))
      assert.deepEqual(builder.buildInPlace(undefined), batchOf(rows))
      builder.reset()
      builder.append(null, Buffer.from('again'), [], null)
      assert.equal(builder.count, 1)
    }),
    { numRuns: 100 },
  )
})
