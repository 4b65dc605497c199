import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PgOutputDecoder, pgOutputTag, ProtocolError } from '../../../connectors/postgres/decoder.ts'
import { formatLsn, parseLsn } from '../../../connectors/postgres/lsn.ts'
import { nullColumn, unchangedColumn, type TupleView } from '../../../connectors/postgres/tuple.ts'

const tag = (letter: string) => Buffer.from(letter, 'latin1')
const uint8 = (value: number) => Buffer.from([value])
const uint16 = (value: number) => Buffer.from([value >> 8, value & 255])
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}
const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const text = (value: string) => Buffer.from(`${value}\0`)
const join = (...parts: Buffer[]) => Buffer.concat(parts)
const relation = (oid: number, columns: readonly string[]) =>
  join(
    tag('R'),
    uint32(oid),
    text('public'),
    text('t'),
    tag('d'),
    uint16(columns.length),
    ...columns.flatMap((name) => [uint8(1), text(name), uint32(25), uint32(-1)]),
  )
const tuple = (values: readonly (string | null | undefined)[]) =>
  join(
    uint16(values.length),
    ...values.map((value) => {
      if (value === null) return tag('n')
      if (value === undefined) return tag('u')
      return join(tag('t'), uint32(Buffer.byteLength(value)), Buffer.from(value))
    }),
  )

function values(view: TupleView): (string | null | undefined)[] {
  return Array.from({ length: view.count }, (_, i) => {
    const start = view.starts[i]!
    if (start === nullColumn) return null
    return start === unchangedColumn ? undefined : view.buffer.toString('utf8', start, view.ends[i])
  })
}

/** A message of each kind, as a server could send it. */
const samples = [
  join(tag('B'), int64(0x16b374d848n), int64(0n), uint32(4_000_000_000)),
  join(tag('C'), uint8(0), int64(1n), int64(2n), int64(3n)),
  join(tag('O'), int64(5n), text('node')),
  relation(1, ['a', 'b']),
  join(tag('Y'), uint32(70_000), text('public'), text('mood')),
  join(tag('I'), uint32(1), tag('N'), tuple(['x', null])),
  join(tag('U'), uint32(1), tag('K'), tuple(['x', null]), tag('N'), tuple(['y', undefined])),
  join(tag('U'), uint32(1), tag('N'), tuple(['y', 'z'])),
  join(tag('D'), uint32(1), tag('O'), tuple(['x', 'é'])),
  join(tag('T'), uint32(1), uint8(0), uint32(1)),
  join(tag('M'), uint8(1), int64(9n), text('prefix'), uint32(3), Buffer.from('abc')),
]

function described(columns: readonly string[] = ['a', 'b']): PgOutputDecoder {
  const decoder = new PgOutputDecoder()
  const message = relation(1, columns)
  decoder.decode(message, 0, message.length)
  return decoder
}

test('every kind of message is read, from anywhere in a larger buffer', () => {
  const decoder = described()
  for (const sample of samples) {
    const buffer = join(Buffer.alloc(7, 0x74), sample, Buffer.alloc(9, 0x74))
    assert.equal(decoder.decode(buffer, 7, 7 + sample.length), sample[0])
  }
  assert.equal(formatLsn(decoder.finalLsn), '16/B374D848')
  assert.equal(decoder.xid, 4_000_000_000)
  assert.deepEqual(values(decoder.oldRow), ['x', 'é'])
  assert.equal(decoder.oldRowKind, 'full')
  assert.equal(decoder.messageContent.toString(), 'abc')
  assert.deepEqual(
    decoder.truncated.map(({ name }) => name),
    ['t'],
  )
})

test('any row comes out as it went in', () => {
  const cell = fc.option(fc.option(fc.string({ unit: 'binary' }), { nil: undefined }), { nil: null })
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 60 }), (row) => {
      const decoder = described(row.map((_, i) => `c${i}`))
      const message = join(tag('I'), uint32(1), tag('N'), tuple(row))
      assert.equal(decoder.decode(message, 0, message.length), pgOutputTag.insert)
      assert.deepEqual(
        values(decoder.newRow),
        row.map((value) => (typeof value === 'string' ? Buffer.from(value).toString() : value)),
      )
    }),
  )
})

test('a message that is cut anywhere, or has bytes too many, is a clear error', () => {
  for (const sample of samples) {
    for (let length = 0; length < sample.length; length++) {
      // What follows in the buffer belongs to the next message and must not be read.
      const buffer = join(sample.subarray(0, length), Buffer.alloc(64, 0))
      assert.throws(() => described().decode(buffer, 0, length), ProtocolError, `${sample.toString('latin1')} cut to ${length}`)
    }
    const longer = join(sample, uint8(0))
    assert.throws(() => described().decode(longer, 0, longer.length), ProtocolError)
  }
})

test('garbage never hangs, never reads outside, and fails only with a ProtocolError', () => {
  const damaged = fc
    .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([sample, changes]) => {
      const bytes = Buffer.from(sample)
      for (const [place, value] of changes) bytes[place % bytes.length] = value
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 }).map(Buffer.from)), (bytes) => {
      const decoder = described()
      const buffer = join(bytes, Buffer.alloc(32, 0x74))
      try {
        decoder.decode(buffer, 0, bytes.length)
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error))
        return
      }
      for (const view of [decoder.newRow, decoder.oldRow]) {
        for (let i = 0; i < view.count; i++) assert.ok(view.starts[i]! <= view.ends[i]! && view.ends[i]! <= bytes.length)
      }
    }),
    { numRuns: 3000 },
  )
})

test('rows of a table that was not described, or not with so many columns, are an error', () => {
  const unknown = join(tag('I'), uint32(2), tag('N'), tuple(['x']))
  assert.throws(() => described().decode(unknown, 0, unknown.length), /relation 2/)
  const narrow = join(tag('I'), uint32(1), tag('N'), tuple(['x']))
  assert.throws(() => described().decode(narrow, 0, narrow.length), /1 columns; its description has 2/)
  const decoder = described()
  decoder.reset()
  const known = samples[5]!
  assert.throws(() => decoder.decode(known, 0, known.length), ProtocolError)
})

test('LSNs keep all their bits up to 2^53 and are refused beyond', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (lsn) => {
      assert.equal(parseLsn(formatLsn(lsn)), lsn)
    }),
  )
  assert.throws(() => parseLsn('200000/0'), /beyond 2\^53/)
  assert.throws(() => parseLsn('16-B374D848'), /not a Postgres LSN/)
  const begin = join(tag('B'), int64(-1n), int64(0n), uint32(1))
  assert.throws(() => described().decode(begin, 0, begin.length), ProtocolError)
})
