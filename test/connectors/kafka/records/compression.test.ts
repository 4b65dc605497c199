import assert from 'node:assert/strict'
import test from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { lz4Compress, snappyCompress } from '@platformatic/wasm-utils'
import fc from 'fast-check'
import { DataError } from '../../../../core/index.ts'
import { compress, decompress } from '../../../../connectors/kafka/records/compression.ts'
import type { DecodeLimits } from '../../../../connectors/kafka/records/record-set.ts'
import { xxhash32 } from '../../../../connectors/kafka/records/xxhash32.ts'

const limits: DecodeLimits = { batchMaxBytes: 64 << 20, ratioMax: 1000 }
const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
type Codec = (typeof codecs)[number]

const open = (codec: Codec, bytes: Uint8Array, within = limits) => decompress(codec, Buffer.from(bytes), within, 42)
const noise = Buffer.from(Array.from({ length: 200_000 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 23))
const text = Buffer.from('{"id":17,"customer":"customer 17","city":"Berlin"}\n'.repeat(5000))

for (const codec of codecs) {
  test(`${codec}: bytes of any kind and length come back`, () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('a'), text, noise, Buffer.alloc(70_000, 1), Buffer.alloc(65_536, 2)]) {
      assert.ok(open(codec, compress(codec, bytes)).equals(bytes), `${bytes.length} bytes`)
    }
    // Words of which runs and near and far matches are made.
    const words = fc.array(
      fc.tuple(fc.constantFrom('a', 'ab', 'abc', 'customer', '\0', 'xyzzy-0123456789'), fc.integer({ min: 1, max: 90 })),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(words, (parts) => {
        const bytes = Buffer.from(parts.map(([word, times]) => word.repeat(times)).join(''))
        assert.ok(open(codec, compress(codec, bytes)).equals(bytes))
      }),
    )
  })

  test(`${codec}: a stream that is cut short anywhere is a data error`, () => {
    const whole = compress(codec, text.subarray(0, 3000))
    for (let cut = 0; cut < whole.length; cut++) {
      // Between two framed blocks a cut cannot be seen from the stream itself; the batch's count tells it then.
      const opened = attempt(() => open(codec, whole.subarray(0, cut)))
      assert.ok(opened instanceof DataError || (codec === 'snappy' && (cut === 16 || cut === 0)), `cut at ${cut}`)
    }
  })

  test(`${codec}: a batch that grows beyond the limits is refused before memory is spent on it`, () => {
    const bomb = compress(codec, Buffer.alloc(48 << 20))
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 5; n++) {
      assert.throws(() => open(codec, bomb, { batchMaxBytes: 1 << 20, ratioMax: 1e9 }), {
        name: 'DataError',
        message: /offset 42 comes to more than 1048576 bytes/,
      })
    }
    assert.throws(() => open(codec, bomb, { batchMaxBytes: 1 << 30, ratioMax: 2 }), { message: /comes to more than/ })
    assert.ok(process.memoryUsage().arrayBuffers - before < 24 << 20)
    assert.equal(open(codec, bomb, { batchMaxBytes: 48 << 20, ratioMax: 1e9 }).length, 48 << 20)
  })

  test(`${codec}: a small batch may shrink as far as it likes`, () => {
    assert.equal(open(codec, compress(codec, Buffer.alloc(1 << 20)), { batchMaxBytes: 64 << 20, ratioMax: 2 }).length, 1 << 20)
  })
}

test('gzip and zstd take a level', () => {
  assert.ok(compress('gzip', text, { level: 9 }).length <= compress('gzip', text, { level: 1 }).length)
  assert.ok(compress('zstd', text, { level: 19 }).length <= compress('zstd', text, { level: 1 }).length)
})

test('gzip of several members and zstd of several frames are one stream', () => {
  assert.equal(open('gzip', Buffer.concat([gzipSync('ab'), gzipSync('cd')])).toString(), 'abcd')
  assert.equal(open('zstd', Buffer.concat([zstdCompressSync('ab'), zstdCompressSync('cd')])).toString(), 'abcd')
})

test('snappy: a bare block, as librdkafka writes it, is read as a framed one is', () => {
  assert.ok(open('snappy', snappyCompress(text)).equals(text))
})

test('snappy: what lies about its size or copies from outside is a data error', () => {
  const cases: Record<string, readonly number[]> = {
    'nothing but a size': [5],
    'a size without an end': [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    'a literal longer than the block': [5, 0xf0, 200, 1, 2],
    'a literal longer than told': [2, 3 << 2, 1, 2, 3, 4],
    'a literal shorter than told': [9, 3 << 2, 1, 2, 3, 4],
    'a literal length without its bytes': [9, 0xfc, 1],
    'a copy from before the start': [9, 0, 65, (4 << 2) | 2, 2, 0],
    'a copy of nothing back': [9, 0, 65, (4 << 2) | 2, 0, 0],
    'a copy without its offset': [9, 0, 65, (4 << 2) | 2, 1],
    'a far copy from before the start': [9, 0, 65, (4 << 2) | 3, 0xff, 0xff, 0xff, 0xff],
  }
  for (const [name, bytes] of Object.entries(cases)) assert.throws(() => open('snappy', Buffer.from(bytes)), DataError, name)
  const framed = Buffer.from(compress('snappy', text))
  framed.writeInt32BE(-1, 16)
  assert.throws(() => open('snappy', framed), DataError)
})

test('snappy: near, far and overlapping copies are done as the format says', () => {
  // "ab", then 10 bytes from 2 back (tag 1), then 3 from 4 back with two and with four bytes of offset.
  const block = [18, 1 << 2, 97, 98, ((10 - 4) << 2) | 1, 2, (2 << 2) | 2, 4, 0, (2 << 2) | 3, 4, 0, 0, 0]
  assert.equal(open('snappy', Buffer.from(block)).toString(), 'abababababab' + 'aba' + 'bab')
})

test('lz4: dependent blocks, content sizes and all checksums are read', () => {
  const first = Buffer.from([0x50, ...Buffer.from('hello')])
  // A match of 5 bytes from 5 back, thus from the block before, then one literal.
  const second = Buffer.from([0x01, 5, 0, 0x10, 33])
  const content = Buffer.from('hellohello!')
  for (const independent of [false, true]) {
    const frame = lz4Frame([first, second], { content, independent })
    if (independent) assert.throws(() => open('lz4', frame), /copies from before its start/)
    else assert.equal(open('lz4', frame).toString(), 'hellohello!')
  }
  const good = lz4Frame([first, second], { content, independent: false })
  for (let at = 0; at < good.length; at++) {
    const damaged = Buffer.from(good)
    damaged[at]! ^= 0x10
    assert.throws(() => open('lz4', damaged), DataError, `byte ${at}`)
  }
})

test('lz4: frames with large blocks, as other writers make them, are read; a wrong content size is told', () => {
  assert.ok(open('lz4', lz4Compress(text)).equals(text))
  const frame = lz4Frame([Buffer.from([0x10, 65])], { content: Buffer.from('AB'), independent: true })
  assert.throws(() => open('lz4', frame), /says that it holds 2 bytes, it holds 1/)
})

test('lz4: bytes after the frame are told, and dictionaries refused', () => {
  const frame = compress('lz4', text)
  assert.throws(() => open('lz4', Buffer.concat([frame, Buffer.from([0])])), /bytes follow/)
  const other = Buffer.from(frame)
  other[4]! |= 0x01
  assert.throws(() => open('lz4', other), /dictionary/)
})

test('xxhash32 gives its published sums', () => {
  const sum = (of: string) => xxhash32(Buffer.from(of), 0, of.length)
  assert.equal(sum(''), 0x02cc5d05)
  assert.equal(sum('a'), 0x550d7456)
  assert.equal(sum('abc'), 0x32d153ff)
  assert.equal(sum('Nobody inspects the spammish repetition'), 0xe2293b2f)
})

function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

/** A frame with every optional part: content size, block checksums, content checksum. */
function lz4Frame(blocks: readonly Buffer[], { content, independent }: { content: Buffer; independent: boolean }): Buffer {
  const header = Buffer.alloc(15)
  header.writeUInt32LE(0x184d2204, 0)
  header[4] = 0x40 | (independent ? 0x20 : 0) | 0x10 | 0x08 | 0x04
  header[5] = 0x40
  header.writeBigUInt64LE(BigInt(content.length), 6)
  header[14] = (xxhash32(header, 4, 14) >>> 8) & 0xff
  const parts = blocks.flatMap((block) => [word(block.length), block, word(xxhash32(block, 0, block.length))])
  return Buffer.concat([header, ...parts, word(0), word(xxhash32(content, 0, content.length))])
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
