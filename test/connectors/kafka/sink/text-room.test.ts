import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TextRoom } from '../../../../connectors/kafka/sink/text-room.ts'

test('texts of one batch stand beside each other, whatever their lengths, batch after batch', () => {
  const room = new TextRoom()
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constant('half \ud800 of a pair'),
    fc.integer({ min: 1, max: 600_000 }).map((n) => 'ä€x'.repeat(n / 3 + 1)),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
      room.clear()
      const written = texts.map((one) => room.write(one))
      written.forEach((bytes, n) => assert.equal(Buffer.compare(bytes, Buffer.from(texts[n]!)), 0))
    }),
    { numRuns: 60 },
  )
})
