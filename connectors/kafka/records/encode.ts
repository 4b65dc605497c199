import { DataError, type RawHeader } from '../../../core/index.ts'
import { attribute, layout, lengthEnd } from './batch-layout.ts'
import { compress, compressions, type CompressOptions } from './compression.ts'
import { crc32c, crc32cAfterHeadChange } from './crc32c.ts'
import type { BatchStamp, Compression, DecodedBatch } from './record-set.ts'

/** How a batch is finished. */
export interface BuildOptions extends CompressOptions {
  readonly compression: Compression
  /** Absent: a producer without idempotence. */
  readonly stamp?: BatchStamp
}

/** Most bytes of a record besides its key, value and headers: seven varints and the attributes. */
const recordOverheadMax = 5 + 1 + 10 + 5 + 5 + 5 + 5
const headerOverheadMax = 5 + 5
/** Bytes of UTF-8 that one UTF-16 unit comes to at most. */
const utf8Max = 3
/** Buffers double up to here, then grow by half: they stay until the broker has answered, so what is not filled is lost. */
const doubledMax = 128 * 1024
/** A builder keeps a buffer of about so much from batch to batch. */
const keptBytesMin = 64 * 1024
const keptBytesMax = 4 << 20
/** Copies shorter than this are quicker byte by byte than by a call. */
const callBytes = 12

/** Most bytes that a record may add to a batch before compression; cheap, for `batch.size` and `max.request.size`. */
export function recordBytesMax(key: Uint8Array | null, value: Uint8Array | null, headers: readonly RawHeader[]): number {
  let bytes = recordOverheadMax + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  for (const header of headers) bytes += headerOverheadMax + header.key.length * utf8Max + (header.value === null ? 0 : header.value.length)
  return bytes
}

/**
 * Gathers records into one record batch (KIP-98, magic 2) in one growing buffer. The bytes given are copied: they belong to the caller again
 * when `append` returns.
 */
export class RecordBatchBuilder {
  #buffer: Buffer
  #end: number = layout.records
  #count = 0
  #baseTimestamp = -1
  #maxTimestamp = -1

  /** `capacity`: bytes that the buffer begins with; it grows where they are too few. */
  constructor(capacity = 16 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(capacity, layout.records))
  }

  /** Records appended since the start or the last `reset`. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the batch before compression, its header included. */
  get bytes(): number {
    return this.#end
  }

  /** `timestamp`: milliseconds since the epoch, null (or Kafka's own -1): none. Throws a DataError, and takes nothing, for another timestamp below 0 or a header name that is no Unicode text. */
  append(key: Uint8Array | null, value: Uint8Array | null, headers: readonly RawHeader[], timestamp: number | null): void {
    const most = this.#end + recordBytesMax(key, value, headers)
    if (most > this.#buffer.length) this.#grow(most)
    const buffer = this.#buffer
    const time = timestamp ?? -1
    if (!(Number.isSafeInteger(time) && time >= -1)) {
      throw new DataError(`The timestamp ${timestamp} is no whole number of milliseconds since 1970; Kafka keeps no other`)
    }
    if (this.#count === 0) this.#baseTimestamp = time
    const delta = time - this.#baseTimestamp
    // The length stands in front of the record and is a varint itself: the sizes come first, then each byte is written once.
    const keyLength = key === null ? -1 : key.length
    const valueLength = value === null ? -1 : value.length
    const headersLength = headers.length === 0 ? 1 : headersSize(headers)
    const length =
      1 +
      varlongSize(delta) +
      varintSize(this.#count) +
      (key === null ? 1 : varintSize(keyLength) + keyLength) +
      (value === null ? 1 : varintSize(valueLength) + valueLength) +
      headersLength
    let at = writeVarint(buffer, this.#end, length)
    buffer[at++] = 0
    at = writeVarlong(buffer, at, delta)
    at = writeVarint(buffer, at, this.#count)
    at = writeVarint(buffer, at, keyLength)
    if (key !== null) at = writeBytes(buffer, at, key)
    at = writeVarint(buffer, at, valueLength)
    if (value !== null) at = writeBytes(buffer, at, value)
    this.#end = headers.length === 0 ? writeVarint(buffer, at, 0) : writeHeaders(buffer, at, headers)
    if (time > this.#maxTimestamp) this.#maxTimestamp = time
    this.#count++
  }

  /** The batch, in a buffer of its own: it stays as it is whatever is appended later. An empty builder gives a batch that brokers refuse. */
  build(options: BuildOptions): Buffer {
    const { compression } = options
    const records = this.#buffer.subarray(layout.records, this.#end)
    const payload = compression === 'none' ? records : compress(compression, records, options)
    const batch = Buffer.allocUnsafeSlow(layout.records + payload.length)
    batch.set(payload, layout.records)
    return this.#finish(batch, options)
  }

  /** The same without compression and without a copy, in the builder's own buffer: nothing may be appended until `reset`, which ends it. */
  buildInPlace(stamp: BatchStamp | undefined): Buffer {
    return this.#finish(this.#buffer.subarray(0, this.#end), stamp ? { compression: 'none', stamp } : { compression: 'none' })
  }

  /** Share of the buffer that holds records. */
  get fill(): number {
    return this.#end / this.#buffer.length
  }

  #finish(batch: Buffer, { compression, stamp }: BuildOptions): Buffer {
    batch.writeInt16BE(compressions.indexOf(compression), layout.attributes)
    batch.writeInt32BE(this.#count - 1, layout.lastOffsetDelta)
    batch.writeBigInt64BE(BigInt(this.#baseTimestamp), layout.baseTimestamp)
    batch.writeBigInt64BE(BigInt(this.#maxTimestamp), layout.maxTimestamp)
    batch.writeInt32BE(this.#count, layout.count)
    writeFrame(batch, batch.length)
    writeStamp(batch, stamp)
    batch.writeUInt32BE(crc32c(batch, layout.attributes), layout.crc)
    return batch
  }

  /** Forgets the records. The buffer stays, but not one that was made for much more than the last batch: there is one for each partition. */
  reset(): void {
    const wanted = Math.min(Math.max(this.#end * 2, keptBytesMin), keptBytesMax)
    if (this.#buffer.length > wanted * 2) this.#buffer = Buffer.allocUnsafeSlow(wanted)
    this.#end = layout.records
    this.#count = 0
    this.#maxTimestamp = -1
  }

  #grow(most: number): void {
    const { length } = this.#buffer
    const larger = Buffer.allocUnsafeSlow(Math.max(most, length < doubledMax ? length * 2 : Math.ceil(length * 1.5)))
    this.#buffer.copy(larger, 0, 0, this.#end)
    this.#buffer = larger
  }
}

/**
 * Whether a batch of the log may be produced again as it is. Brokers refuse, or would change the sense of: markers of transactions, batches
 * with gaps (compaction), and batches under the log's own time (their records' timestamps are others than consumers see).
 */
export function forwardable(batch: DecodedBatch): boolean {
  return !batch.control && !batch.logAppendTime && batch.count > 0 && batch.count === batch.lastOffset - batch.baseOffset + 1
}

/**
 * A copy of one whole batch of the log, made ready to be produced (`forwardable`): base offset 0, this producer's stamp, all else as it is.
 * Its CRC32C is reckoned from the old one and the changed header alone: the records are not read, and a batch that was damaged on its way
 * stays one that every reader finds damaged.
 */
export function restamp(batch: Uint8Array, stamp?: BatchStamp): Buffer {
  const copy = Buffer.allocUnsafeSlow(batch.length)
  copy.set(batch)
  const headBytes = layout.records - layout.attributes
  const old = Buffer.from(copy.subarray(layout.attributes, layout.records))
  writeFrame(copy, batch.length)
  writeStamp(copy, stamp)
  const head = copy.subarray(layout.attributes, layout.records)
  const crc = crc32cAfterHeadChange(copy.readUInt32BE(layout.crc), old, head, copy.length - layout.attributes - headBytes)
  copy.writeUInt32BE(crc, layout.crc)
  return copy
}

/** Sequence number after `count` records from `sequence` on: 31 bits, then 0 again, as brokers count. */
export function sequenceAfter(sequence: number, count: number): number {
  return sequence > 0x7fffffff - count ? count - (0x7fffffff - sequence) - 1 : sequence + count
}

/** What is no part of the checksum. */
function writeFrame(batch: Buffer, length: number): void {
  batch.writeBigInt64BE(0n, layout.baseOffset)
  batch.writeInt32BE(length - lengthEnd, layout.length)
  batch.writeInt32BE(-1, layout.partitionLeaderEpoch)
  batch[layout.magic] = 2
}

function writeStamp(batch: Buffer, stamp: BatchStamp | undefined): void {
  const kept = batch.readInt16BE(layout.attributes) & (attribute.compression | attribute.logAppendTime | attribute.control)
  batch.writeInt16BE(stamp?.transactional ? kept | attribute.transactional : kept, layout.attributes)
  batch.writeBigInt64BE(stamp?.producerId ?? -1n, layout.producerId)
  batch.writeInt16BE(stamp?.epoch ?? -1, layout.producerEpoch)
  batch.writeInt32BE(stamp?.baseSequence ?? -1, layout.baseSequence)
}

function headersSize(headers: readonly RawHeader[]): number {
  let size = varintSize(headers.length)
  for (const { key, value } of headers) {
    const keyLength = nameBytes(key).length
    size += varintSize(keyLength) + keyLength + (value === null ? 1 : varintSize(value.length) + value.length)
  }
  return size
}

function writeHeaders(buffer: Buffer, from: number, headers: readonly RawHeader[]): number {
  let at = writeVarint(buffer, from, headers.length)
  for (const { key, value } of headers) {
    const name = nameBytes(key)
    at = writeVarint(buffer, at, name.length)
    at = writeBytes(buffer, at, name)
    at = writeVarint(buffer, at, value === null ? -1 : value.length)
    if (value !== null) at = writeBytes(buffer, at, value)
  }
  return at
}

/** Header names are few and come again with every record, so their bytes are kept: never more than this many, none longer than this. */
const namesMax = 1000
const nameLengthMax = 200
const names = new Map<string, Buffer>()

function nameBytes(name: string): Buffer {
  const known = names.get(name)
  if (known !== undefined) return known
  if (!name.isWellFormed())
    throw new DataError(`The header name ${JSON.stringify(name)} is no Unicode text (a lone surrogate), so it has no UTF-8`)
  const bytes = Buffer.from(name)
  if (names.size >= namesMax) names.clear()
  if (name.length <= nameLengthMax) names.set(name, bytes)
  return bytes
}

function writeBytes(buffer: Buffer, at: number, bytes: Uint8Array): number {
  const length = bytes.length
  if (length >= callBytes) buffer.set(bytes, at)
  else for (let n = 0; n < length; n++) buffer[at + n] = bytes[n]!
  return at + length
}

/** Bytes of the zigzag varint of a number of 32 bits. */
function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5
}

function writeVarint(buffer: Buffer, from: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  let at = from
  while (zigzag >= 0x80) {
    buffer[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  buffer[at++] = zigzag
  return at
}

/** Bytes of the zigzag varint of a safe integer. */
function varlongSize(value: number): number {
  const magnitude = value < 0 ? -value - 1 : value
  if (magnitude < 0x40) return 1
  if (magnitude < 0x2000) return 2
  let size = 2
  for (let left = Math.floor(magnitude / 0x2000); left > 0; left = Math.floor(left / 0x80)) size++
  return size
}

/** The lowest bit is the sign, so the first byte takes six bits of the magnitude: no number beyond 2^53 comes up. */
function writeVarlong(buffer: Buffer, from: number, value: number): number {
  let left = value < 0 ? -value - 1 : value
  const first = ((left % 0x40) << 1) | (value < 0 ? 1 : 0)
  left = Math.floor(left / 0x40)
  let at = from
  buffer[at++] = left > 0 ? first | 0x80 : first
  while (left > 0) {
    const group = left % 0x80
    left = Math.floor(left / 0x80)
    buffer[at++] = left > 0 ? group | 0x80 : group
  }
  return at
}
