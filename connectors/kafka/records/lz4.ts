import { lz4Compress } from '@platformatic/wasm-utils'
import { CodecError } from './codec-error.ts'
import { xxhash32 } from './xxhash32.ts'

// LZ4 frames (lz4_Frame_format.md 1.6.x) as Kafka has them since 0.10: one frame, independent blocks of 64 KiB.

const magic = 0x184d2204
/** Bytes of magic, flags, block size and header checksum. */
const headerBytes = 7
/** Version 1, independent blocks, no checksums, no content size; blocks of 64 KiB at most; the checksum of these two. Java reads independent blocks alone. */
const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
const blockBytes = 64 * 1024
/** Set in a block's length: its bytes are stored as they are. */
const stored = 0x80000000
/** Copies shorter than this are quicker byte by byte than by a call. */
const callBytes = 16

const flag = { version: 0xc0, independent: 0x20, blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const

/** One frame that all Kafka clients read, Java's included. */
export function compressLz4(bytes: Uint8Array): Buffer {
  const parts: Buffer[] = [header]
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const frame = lz4Compress(Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(blockBytes, bytes.length - at)))
    // The library writes a frame of its own around what is one block; its header goes, its end mark (4 bytes) too.
    parts.push(frame.subarray(headerBytes, frame.length - 4))
  }
  parts.push(Buffer.alloc(4))
  return Buffer.concat(parts)
}

/**
 * The content of one frame, dependent blocks and all checksums included. `most` bytes at most: the blocks' sizes are found by a pass that
 * makes nothing, before the output is. Throws a CodecError for anything else than one whole frame.
 */
export function decompressLz4(bytes: Buffer, most: number): Buffer {
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== magic) throw new CodecError('it does not begin as an LZ4 frame')
  const flags = bytes[4]!
  if ((flags & flag.version) !== 0x40 || (flags & flag.dictionary) !== 0) {
    throw new CodecError(`its LZ4 frame has another version, or a dictionary (flags 0x${flags.toString(16)})`)
  }
  const sizeCode = (bytes[5]! >>> 4) & 7
  if (sizeCode < 4) throw new CodecError(`its LZ4 frame has the unknown block size ${sizeCode}`)
  const blockMost = 1 << (8 + 2 * sizeCode)
  const start = (flags & flag.contentSize) !== 0 ? headerBytes + 8 : headerBytes
  if (bytes.length < start) throw new CodecError('its LZ4 frame is cut short')
  if (bytes[start - 1] !== ((xxhash32(bytes, 4, start - 1) >>> 8) & 0xff)) throw new CodecError('the header of its LZ4 frame is damaged')
  const blocks = findBlocks(bytes, start, flags, blockMost, most)
  const told = (flags & flag.contentSize) !== 0 ? bytes.readBigUInt64LE(6) : BigInt(blocks.size)
  if (told !== BigInt(blocks.size)) throw new CodecError(`its LZ4 frame says that it holds ${told} bytes, it holds ${blocks.size}`)
  const output = Buffer.allocUnsafe(blocks.size)
  let size = 0
  for (const block of blocks.list) {
    const end = block.start + block.length
    const base = (flags & flag.independent) !== 0 ? size : 0
    size = block.stored ? size + bytes.copy(output, size, block.start, end) : decompressBlock(bytes, block.start, end, output, size, base)
  }
  if ((flags & flag.contentChecksum) !== 0 && bytes.readUInt32LE(blocks.end) !== xxhash32(output, 0, size)) {
    throw new CodecError('the content of its LZ4 frame does not match its checksum')
  }
  return output
}

interface Block {
  readonly start: number
  readonly length: number
  readonly stored: boolean
}

/** The frame's blocks and what they come to; `end` is where the content's checksum lies or the frame ends. */
function findBlocks(
  bytes: Buffer,
  start: number,
  flags: number,
  blockMost: number,
  most: number,
): { readonly list: readonly Block[]; readonly size: number; readonly end: number } {
  const list: Block[] = []
  const checksum = (flags & flag.blockChecksum) !== 0 ? 4 : 0
  let size = 0
  let at = start
  for (;;) {
    if (at + 4 > bytes.length) throw new CodecError('its LZ4 frame is cut short')
    const word = bytes.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const length = word & ~stored
    if (at + length + checksum > bytes.length) throw new CodecError('a block of its LZ4 frame is cut short')
    const block = { start: at, length, stored: word >= stored }
    const blockSize = block.stored ? length : sizeOfBlock(bytes, at, at + length)
    if (blockSize > blockMost) throw new CodecError(`a block of its LZ4 frame holds more than ${blockMost} bytes`)
    size += blockSize
    if (size > most) throw new CodecError(`its LZ4 frame holds more than ${most} bytes`, true)
    at += length
    if (checksum > 0 && bytes.readUInt32LE(at) !== xxhash32(bytes, block.start, at))
      throw new CodecError('a block of its LZ4 frame is damaged')
    at += checksum
    list.push(block)
  }
  const end = at + ((flags & flag.contentChecksum) !== 0 ? 4 : 0)
  if (end !== bytes.length) throw new CodecError(end > bytes.length ? 'its LZ4 frame is cut short' : 'bytes follow its LZ4 frame')
  return { list, size, end: at }
}

/** What a block comes to; checks that its sequences lie within it. */
function sizeOfBlock(bytes: Buffer, start: number, end: number): number {
  let at = start
  let size = 0
  for (;;) {
    if (at >= end) throw new CodecError('a block of its LZ4 frame ends within a sequence')
    const token = bytes[at++]!
    let literals = token >>> 4
    if (literals === 15) {
      let byte: number
      do {
        byte = at < end ? bytes[at]! : 0
        at++
        literals += byte
      } while (byte === 255)
    }
    at += literals
    size += literals
    if (at === end) return size
    at += 2
    let match = token & 15
    if (match === 15) {
      let byte: number
      do {
        byte = at < end ? bytes[at]! : 0
        at++
        match += byte
      } while (byte === 255)
    }
    size += match + 4
  }
}

/** Writes a block that `sizeOfBlock` has measured; matches reach back to `base`. Returns the output's new end. */
function decompressBlock(bytes: Buffer, start: number, end: number, output: Buffer, from: number, base: number): number {
  let at = start
  let to = from
  for (;;) {
    const token = bytes[at++]!
    let literals = token >>> 4
    if (literals === 15) {
      let byte: number
      do {
        byte = bytes[at++]!
        literals += byte
      } while (byte === 255)
    }
    if (literals < callBytes) {
      for (let n = 0; n < literals; n++) output[to + n] = bytes[at + n]!
    } else {
      bytes.copy(output, to, at, at + literals)
    }
    at += literals
    to += literals
    if (at === end) return to
    const back = bytes[at]! | (bytes[at + 1]! << 8)
    at += 2
    let match = token & 15
    if (match === 15) {
      let byte: number
      do {
        byte = bytes[at++]!
        match += byte
      } while (byte === 255)
    }
    match += 4
    const source = to - back
    if (back === 0 || source < base) throw new CodecError('a block of its LZ4 frame copies from before its start')
    if (match < callBytes || back < match) {
      for (let n = 0; n < match; n++) output[to + n] = output[source + n]!
    } else {
      output.copyWithin(to, source, source + match)
    }
    to += match
  }
}
