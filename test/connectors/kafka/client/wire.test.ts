import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Frames, StrangeBytesError } from '../../../../connectors/kafka/client/frames.ts'
import { WireReader } from '../../../../connectors/kafka/client/wire-reader.ts'
import { WireWriter } from '../../../../connectors/kafka/client/wire-writer.ts'

void test('what is written reads back, however large it grows and whatever is taken by reference', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ a: fc.string({ maxLength: 200 }), b: fc.uint8Array({ maxLength: 300 }), c: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) }),
      ),
      fc.boolean(),
      (items, byReference) => {
        const writer = new WireWriter(1).int8(-3).int16(-300).int32(-70_000).boolean(true).string(null)
        writer.array(items, ({ a, b, c }) => {
          writer.string(a)
          if (byReference) writer.bytesReference(Buffer.from(b))
          else writer.bytesField(b)
          writer.int64(c)
        })
        const size = writer.size
        const bytes = writer.bytes()
        assert.equal(bytes.length, size)
        const reader = new WireReader(bytes)
        assert.deepEqual(
          [reader.int8(), reader.int16(), reader.int32(), reader.boolean(), reader.nullableString()],
          [-3, -300, -70_000, true, null],
        )
        const read = reader.array(() => ({ a: reader.string(), b: new Uint8Array(reader.bytes()), c: reader.bigint() }))
        // A lone half of a surrogate pair has no UTF-8.
        assert.deepEqual(
          read,
          items.map(({ a, b, c }) => ({ a: a.toWellFormed(), b, c })),
        )
        assert.equal(reader.left, 0)
      },
    ),
  )
})

void test('bytes that end too early, and numbers beyond 2^53, are told', () => {
  assert.throws(() => new WireReader(Buffer.from([0, 5, 65])).string(), RangeError)
  assert.throws(() => new WireReader(Buffer.from('7fffffff', 'hex')).bytes(), RangeError)
  const reader = new WireReader(Buffer.from('7fffffff', 'hex'))
  assert.throws(() => reader.array(() => reader.int32()), RangeError)
  assert.throws(() => new WireReader(Buffer.from('7fffffffffffffff', 'hex')).int64(), RangeError)
})

void test('answers come whole, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 4, maxLength: 50 }), { maxLength: 10 }), fc.array(fc.nat(200)), (answers, cuts) => {
      const stream = Buffer.concat(answers.flatMap((answer) => [Buffer.from(Uint32Array.of(answer.length).buffer).swap32(), answer]))
      const got: Uint8Array[] = []
      const frames = new Frames((frame) => void got.push(new Uint8Array(frame)))
      const places = [...new Set([0, ...cuts.filter((cut) => cut < stream.length), stream.length])].toSorted((a, b) => a - b)
      for (const [n, place] of places.slice(1).entries()) frames.push(stream.subarray(places[n], place))
      assert.deepEqual(got, answers)
    }),
  )
})

void test('an answer stays as it came when what it was read into is used again', () => {
  const got: Buffer[] = []
  const frames = new Frames((frame) => void got.push(frame))
  const chunk = Buffer.from('0000000501020304050000000406070809', 'hex')
  frames.push(chunk)
  chunk.fill(0xff)
  assert.deepEqual(
    got.map((frame) => frame.toString('hex')),
    ['0102030405', '06070809'],
  )
})

void test('a length that no Kafka would send ends it, without memory taken for it', () => {
  for (const head of ['48545450', '15030300', 'ffffffff', '00000003', '00100001']) {
    assert.throws(() => new Frames(() => {}).push(Buffer.from(`${head}00`, 'hex')), StrangeBytesError)
  }
  const frames = new Frames(() => {})
  frames.push(Buffer.from('0000000400000000', 'hex'))
  assert.throws(() => frames.push(Buffer.from('40000001', 'hex')), StrangeBytesError)
})
