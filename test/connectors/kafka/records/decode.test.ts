import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { DataError } from '../../../../core/index.ts'
import { layout } from '../../../../connectors/kafka/records/batch-layout.ts'
import { crc32c } from '../../../../connectors/kafka/records/crc32c.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { batchOf, checked, codecs, row, rowsOf } from './batches.ts'

const unchecked = { ...checked, checkCrc: false }

test('a batch that is cut short at the end is left out, wherever the cut is', () => {
  const whole = batchOf([row('one'), row('two')])
  for (let cut = 0; cut < whole.length; cut++) {
    const batches = decodeBatches(Buffer.concat([whole, whole.subarray(0, cut)]), checked)
    assert.equal(batches.length, 1, `cut at ${cut}`)
  }
})

test('a buffer without one whole batch is an error: to wait for the rest would be to wait for ever', () => {
  const whole = batchOf([row('one')])
  for (let cut = 1; cut < whole.length; cut++)
    assert.throws(() => decodeBatches(whole.subarray(0, cut), checked), DataError, `cut at ${cut}`)
  assert.deepEqual(decodeBatches(Buffer.alloc(0), checked), [])
  const far = Buffer.from(whole)
  far.writeInt32BE(0x7fffffff, layout.length)
  assert.throws(() => decodeBatches(far, checked), /its length is wrong/)
})

test('nothing is decompressed or looked through before somebody asks for the records', () => {
  const built = batchOf([row('one')], { compression: 'gzip' })
  built.fill(0xff, layout.records)
  const [batch] = decodeBatches(built, unchecked)
  assert.equal(batch!.count, 1)
  assert.throws(() => batch!.records(), DataError)
})

test('a changed byte anywhere in what the checksum covers is found and told with the offset', () => {
  const whole = batchOf([row('one'), row('two')])
  whole.writeBigInt64BE(4711n, layout.baseOffset)
  for (let at = layout.attributes; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at]! ^= 0x40
    // Where the header itself has become impossible, that is told; else the checksum is.
    assert.throws(() => decodeBatches(damaged, checked), { name: 'DataError', message: /at offset 4711 / })
  }
})

test('the formats of Kafka before 0.11 are refused with a way out', () => {
  for (const magic of [0, 1]) {
    const old = batchOf([row('one')])
    old[layout.magic] = magic
    assert.throws(() => decodeBatches(old, checked), { name: 'DataError', message: /message format .* before 0\.11/ })
    assert.throws(() => decodeBatches(old.subarray(0, 40), checked), DataError)
  }
})

test('the records of a compacted batch have their own offsets', () => {
  const builder = batchOf([row('a'), row('b'), row('c')])
  // The third record's offset delta (after its length, attributes and timestamp) becomes 9.
  const [plain] = decodeBatches(builder, checked)
  assert.equal(plain!.records().offset(2), 2)
  const at = builder.indexOf('c') - 3
  assert.equal(builder[at], 4)
  builder[at] = 18
  builder.writeInt32BE(12, layout.lastOffsetDelta)
  builder.writeBigInt64BE(1000n, layout.baseOffset)
  const [batch] = decodeBatches(builder, unchecked)
  assert.deepEqual(
    [0, 1, 2].map((n) => batch!.records().offset(n)),
    [1000, 1001, 1009],
  )
  assert.equal(batch!.lastOffset, 1012)
})

test('the time of the log stands in place of the records own times where the topic says so', () => {
  const built = batchOf([row('a', { timestamp: 5 }), row('b', { timestamp: 6 })])
  built.writeInt16BE(0x08, layout.attributes)
  built.writeBigInt64BE(1_800_000_000_000n, layout.maxTimestamp)
  const [batch] = decodeBatches(built, unchecked)
  assert.equal(batch!.logAppendTime, true)
  assert.deepEqual(
    rowsOf(batch!).map(({ timestamp }) => timestamp),
    [1_800_000_000_000, 1_800_000_000_000],
  )
})

test('an empty batch that compaction left is one without records', () => {
  const built = batchOf([row('a')]).subarray(0, layout.records)
  built.writeInt32BE(layout.records - 12, layout.length)
  built.writeInt32BE(0, layout.count)
  const [batch] = decodeBatches(built, unchecked)
  assert.equal(batch!.records().count, 0)
})

test('headers keep their order and duplicates, and ten thousand of them take no longer than their share', () => {
  const headers = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ key: n % 2 ? 'same' : `h${n}`, value: n % 3 ? Uint8Array.of(n & 0xff) : null }))
  const many = headers(10_000)
  const [batch] = decodeBatches(batchOf([row('a', { headers: many })]), checked)
  assert.deepEqual(rowsOf(batch!)[0]!.headers, many)
})

test('the size of a record counts its key, value and headers', () => {
  const columns = decodeBatches(
    batchOf([row('12345'), row(null), row('1', { headers: [{ key: 'abc', value: Uint8Array.of(1, 2) }] })]),
    checked,
  )[0]!.records()
  assert.deepEqual(
    [0, 1, 2].map((n) => columns.size(n)),
    [5, 0, 1 + 1 + 3 + 1 + 2],
  )
})

test('counts and lengths that lie are told, not believed', () => {
  const cases: readonly (readonly [string, (bytes: Buffer) => void])[] = [
    [
      'a count of two milliards',
      (bytes) => (bytes.writeInt32BE(0x7fffffff, layout.count), bytes.writeInt32BE(0x7fffffff, layout.lastOffsetDelta)),
    ],
    ['a negative count', (bytes) => bytes.writeInt32BE(-1, layout.count)],
    ['more records than there are', (bytes) => (bytes.writeInt32BE(3, layout.count), bytes.writeInt32BE(5, layout.lastOffsetDelta))],
    ['fewer records than there are', (bytes) => bytes.writeInt32BE(1, layout.count)],
    ['a batch length below its header', (bytes) => bytes.writeInt32BE(20, layout.length)],
    ['a negative batch length', (bytes) => bytes.writeInt32BE(-5, layout.length)],
    ['a negative offset', (bytes) => bytes.writeBigInt64BE(-1n, layout.baseOffset)],
    ['an offset beyond 2^53', (bytes) => bytes.writeBigInt64BE(2n ** 62n, layout.baseOffset)],
    ['a negative last offset delta', (bytes) => bytes.writeInt32BE(-1, layout.lastOffsetDelta)],
    ['an unknown compression', (bytes) => bytes.writeInt16BE(6, layout.attributes)],
    ['a timestamp beyond 2^53', (bytes) => bytes.writeBigInt64BE(2n ** 60n, layout.baseTimestamp)],
    ['a record longer than the batch', (bytes) => bytes.writeUInt8(0x7e, layout.records)],
    ['a record of negative length', (bytes) => bytes.writeUInt8(0x01, layout.records)],
    ['a length that never ends', (bytes) => bytes.fill(0xff, layout.records)],
    ['a key longer than the record', (bytes) => bytes.writeUInt8(0x7e, layout.records + 4)],
    ['a key length of -2', (bytes) => bytes.writeUInt8(0x03, layout.records + 4)],
    ['a value longer than the record', (bytes) => bytes.writeUInt8(0x7e, layout.records + 5)],
    ['offsets that go back', (bytes) => bytes.writeUInt8(0, bytes.indexOf('two') - 3)],
  ]
  for (const [name, change] of cases) {
    const bytes = batchOf([row('one'), row('two')])
    change(bytes)
    assert.throws(() => decodeBatches(bytes, unchecked).map((batch) => rowsOf(batch)), DataError, name)
  }
})

test('a magic number of the future is told', () => {
  const bytes = batchOf([row('one')])
  bytes[layout.magic] = 3
  assert.throws(() => decodeBatches(bytes, unchecked), /format 3/)
})

test('headers that lie are told when they are read, and other records are not hurt', () => {
  const bytes = batchOf([row('a', { headers: [{ key: 'abc', value: Uint8Array.of(7) }] }), row('b')])
  const name = bytes.indexOf('abc')
  const broken = [
    [name - 2, 0x7e],
    [name - 2, 0x01],
    [name - 1, 0x7e],
    [name - 1, 0x01],
    [name + 3, 0x7e],
    [name + 3, 0x03],
    [name, 0xff],
  ] as const
  for (const [at, byte] of broken) {
    const copy = Buffer.from(bytes)
    copy[at] = byte
    const columns = decodeBatches(copy, unchecked)[0]!.records()
    assert.throws(() => columns.headers(0), { name: 'DataError', message: /at offset 0/ }, `${at}: ${byte}`)
    assert.equal(columns.value(1)!.toString(), 'b')
  }
})

for (const compression of codecs) {
  test(`no bytes at all make the decoder crash, hang or read outside: ${compression}`, () => {
    const rows = Array.from({ length: 20 }, (_, n) => row(`value ${n} `.repeat(n), { headers: n % 4 ? [] : [{ key: 'h', value: null }] }))
    const whole = batchOf(rows, { compression })
    const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.boolean(), (changes, records) => {
        const bytes = Buffer.from(whole)
        // Half of the runs leave the header alone, or it would catch nearly all.
        for (const { at, byte } of changes) bytes[records ? layout.records + (at % (whole.length - layout.records)) : at] = byte
        survives(bytes)
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const bytes = Buffer.concat([whole.subarray(0, layout.records), noise])
        bytes.writeInt32BE(bytes.length - 12, layout.length)
        survives(bytes)
        survives(Buffer.from(noise))
      }),
      { numRuns: 700 },
    )
  })
}

function survives(bytes: Buffer): void {
  // What lies before and behind in memory must never come out.
  const around = Buffer.concat([Buffer.alloc(64, 0xee), bytes, Buffer.alloc(64, 0xee)])
  try {
    for (const batch of decodeBatches(around.subarray(64, 64 + bytes.length), unchecked)) {
      for (const { key, value } of rowsOf(batch)) assert.ok((key?.length ?? 0) + (value?.length ?? 0) <= 64 << 20)
    }
  } catch (error) {
    if (!(error instanceof DataError)) throw error
  }
}

test('a checksum is compared only where it is asked for', () => {
  const bytes = batchOf([row('one')])
  bytes.writeUInt32BE((crc32c(bytes, layout.attributes) ^ 1) >>> 0, layout.crc)
  assert.equal(decodeBatches(bytes, unchecked).length, 1)
  assert.throws(() => decodeBatches(bytes, checked), /CRC32C/)
})
