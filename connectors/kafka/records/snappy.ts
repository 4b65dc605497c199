import { snappyCompress } from '@platformatic/wasm-utils'
import { CodecError } from './codec-error.ts'

// Snappy as Kafka has it: blocks in the framing of xerial's snappy-java (Java's clients), or one bare block (librdkafka and others).

/** The framing's magic, version 1, compatible with 1. */
const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01])
const magicBytes = 8
/** What snappy-java puts into a block. */
const blockBytes = 32 * 1024
/** Copies shorter than this are quicker byte by byte than by a call. */
const callBytes = 16

/** Blocks of 32 KiB in xerial's framing, as Java writes them. */
export function compressSnappy(bytes: Uint8Array): Buffer {
  const parts: Buffer[] = [header]
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = snappyCompress(Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(blockBytes, bytes.length - at)))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/**
 * The content of framed blocks or of one bare block, `most` bytes at most: each block begins with its size, so nothing is made before all
 * are known. Throws a CodecError for anything else.
 */
export function decompressSnappy(bytes: Buffer, most: number): Buffer {
  const framed = bytes.length >= header.length && bytes.compare(header, 0, magicBytes, 0, magicBytes) === 0
  const blocks = framed ? findBlocks(bytes) : [readSize(bytes, 0, bytes.length)]
  const size = blocks.reduce((sum, block) => sum + block.size, 0)
  if (size > most) throw new CodecError(`its snappy blocks hold ${size} bytes, more than ${most}`, true)
  const output = Buffer.allocUnsafe(size)
  let to = 0
  for (const block of blocks) {
    decompressBlock(bytes, block.start, block.end, output, to, to + block.size)
    to += block.size
  }
  return output
}

interface Block {
  /** After its size. */
  readonly start: number
  readonly end: number
  /** Of its content. */
  readonly size: number
}

function findBlocks(bytes: Buffer): readonly Block[] {
  const blocks: Block[] = []
  let at = header.length
  while (at < bytes.length) {
    const length = at + 4 <= bytes.length ? bytes.readInt32BE(at) : -1
    const end = at + 4 + length
    if (length < 0 || end > bytes.length) throw new CodecError('a snappy block is cut short')
    blocks.push(readSize(bytes, at + 4, end))
    at = end
  }
  return blocks
}

function readSize(bytes: Buffer, start: number, end: number): Block {
  let size = 0
  for (let at = start, scale = 1; at < end && at < start + 5; at++, scale *= 128) {
    const byte = bytes[at]!
    size += (byte & 0x7f) * scale
    if (byte < 0x80 && size < 2 ** 32) return { start: at + 1, end, size }
  }
  throw new CodecError('a snappy block does not begin with its size')
}

/** Fills the output from `to` to `limit` exactly (format_description.txt of snappy). */
function decompressBlock(bytes: Buffer, start: number, end: number, output: Buffer, base: number, limit: number): void {
  let at = start
  let to = base
  while (at < end) {
    const tag = bytes[at++]!
    let length = (tag >>> 2) + 1
    let back: number
    switch (tag & 3) {
      case 0: {
        if (length > 60) {
          const more = length - 60
          length = (at + more <= end ? bytes.readUIntLE(at, more) : Infinity) + 1
          at += more
        }
        if (length > end - at || length > limit - to) throw new CodecError('a snappy literal leads outside of its block')
        if (length < callBytes) {
          for (let n = 0; n < length; n++) output[to + n] = bytes[at + n]!
        } else {
          bytes.copy(output, to, at, at + length)
        }
        at += length
        to += length
        continue
      }
      case 1:
        length = ((tag >>> 2) & 7) + 4
        back = ((tag >>> 5) << 8) | bytes[at]!
        at += 1
        break
      case 2:
        back = bytes[at]! | (bytes[at + 1]! << 8)
        at += 2
        break
      default:
        back = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
        at += 4
    }
    const source = to - back
    if (at > end || back === 0 || source < base || length > limit - to) throw new CodecError('a snappy copy leads outside of its block')
    if (length < callBytes || back < length) {
      for (let n = 0; n < length; n++) output[to + n] = output[source + n]!
    } else {
      output.copyWithin(to, source, source + length)
    }
    to += length
  }
  if (to !== limit) throw new CodecError(`a snappy block says that it holds ${limit - base} bytes, it holds ${to - base}`)
}
