import { DataError } from '../../../core/index.ts'
import { attribute, layout, lengthEnd, recordBytesMin } from './batch-layout.ts'
import { compressions, decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { readColumns } from './record-columns.ts'
import type { DecodedBatch, DecodeLimits } from './record-set.ts'

/** How record batches are read. */
export interface DecodeOptions {
  /** Compares each batch's CRC32C (`check.crcs`): one pass over its bytes. */
  readonly checkCrc: boolean
  readonly limits: DecodeLimits
}

/**
 * The record batches (KIP-98, magic 2) of a fetched buffer, in order; nothing is copied or decompressed. The last one, where it is cut
 * short, is left out: it comes whole with the next fetch. Throws a DataError that names the base offset for a batch of the formats before
 * Kafka 0.11, an impossible length or count, an unknown compression, a checksum that does not match, or where not even the first batch is
 * whole (brokers since 0.10.1 never send that, KIP-74; to leave it out would be to fetch it for ever).
 */
export function decodeBatches(buffer: Buffer, options: DecodeOptions): DecodedBatch[] {
  const batches: DecodedBatch[] = []
  let at = 0
  while (buffer.length - at >= layout.records) {
    const length = buffer.readInt32BE(at + layout.length)
    const end = at + lengthEnd + length
    // The formats before magic 2 have their magic number at the same place.
    checkFrame(buffer, at, length)
    if (end > buffer.length) break
    batches.push(decodeBatch(buffer.subarray(at, end), options))
    at = end
  }
  if (buffer.length - at > layout.magic) checkFrame(buffer, at, buffer.readInt32BE(at + layout.length))
  if (at === 0 && buffer.length > 0) {
    const told = buffer.length < lengthEnd ? 'less than its header' : `of ${buffer.readInt32BE(layout.length) + lengthEnd}`
    const where = buffer.length < layout.length ? '' : ` at offset ${buffer.readBigInt64BE(layout.baseOffset)}`
    throw new DataError(
      `Of the record batch${where} ${buffer.length} bytes came, ${told}: brokers send the first one whole, so its length is wrong`,
    )
  }
  return batches
}

function checkFrame(buffer: Buffer, at: number, length: number): void {
  const magic = buffer[at + layout.magic]!
  const offset = () => buffer.readBigInt64BE(at + layout.baseOffset)
  if (magic === 0 || magic === 1) {
    throw new DataError(
      `The record batch at offset ${offset()} has the message format ${magic} of Kafka before 0.11, which is not read; have the broker rewrite the topic (message format 2 or later), or read it with a Java consumer and write it anew`,
    )
  }
  if (magic !== 2) throw new DataError(`The record batch at offset ${offset()} says that it has format ${magic}; known is 2`)
  if (length < layout.records - lengthEnd) {
    throw new DataError(`The record batch at offset ${offset()} says that it is ${length} bytes long, less than its header`)
  }
}

function decodeBatch(bytes: Buffer, options: DecodeOptions): DecodedBatch {
  const baseOffset = Number(bytes.readBigInt64BE(layout.baseOffset))
  const fail = (fault: string) => new DataError(`The record batch at offset ${baseOffset} ${fault}`)
  const lastOffsetDelta = bytes.readInt32BE(layout.lastOffsetDelta)
  const lastOffset = baseOffset + lastOffsetDelta
  if (baseOffset < 0 || !Number.isSafeInteger(lastOffset)) throw fail('has an offset outside of 0 to 2^53')
  if (lastOffsetDelta < 0) throw fail(`ends before it begins (last offset delta ${lastOffsetDelta})`)
  if (options.checkCrc) {
    const told = bytes.readUInt32BE(layout.crc)
    const found = crc32c(bytes, layout.attributes)
    if (told !== found) {
      throw fail(
        `is corrupt: its CRC32C is ${found.toString(16)}, it says ${told.toString(16)}; check the broker's disk and the network, or set check.crcs=false to read it all the same`,
      )
    }
  }
  const attributes = bytes.readInt16BE(layout.attributes)
  const compression = compressions[attributes & attribute.compression]
  if (compression === undefined) throw fail(`has the unknown compression ${attributes & attribute.compression}`)
  const count = bytes.readInt32BE(layout.count)
  if (count < 0 || count > lastOffsetDelta + 1) throw fail(`says that it has ${count} records in ${lastOffsetDelta + 1} offsets`)
  const maxTimestamp = Number(bytes.readBigInt64BE(layout.maxTimestamp))
  const baseTimestamp = Number(bytes.readBigInt64BE(layout.baseTimestamp))
  if (!Number.isSafeInteger(maxTimestamp) || !Number.isSafeInteger(baseTimestamp)) throw fail('has an impossible timestamp')
  const logAppendTime = (attributes & attribute.logAppendTime) !== 0
  const control = (attributes & attribute.control) !== 0
  const columns = () => {
    const payload = compression === 'none' ? bytes : decompress(compression, bytes.subarray(layout.records), options.limits, baseOffset)
    const start = compression === 'none' ? layout.records : 0
    if (count * recordBytesMin > payload.length - start) throw fail(`says that it has ${count} records in ${payload.length - start} bytes`)
    return readColumns(payload, start, {
      baseOffset,
      lastOffsetDelta,
      count,
      baseTimestamp,
      appendTimestamp: logAppendTime ? maxTimestamp : undefined,
    })
  }
  return {
    baseOffset,
    lastOffset,
    count,
    producerId: bytes.readBigInt64BE(layout.producerId),
    producerEpoch: bytes.readInt16BE(layout.producerEpoch),
    transactional: (attributes & attribute.transactional) !== 0,
    control,
    // A marker's key is its version and its type (0: abort, 1: commit); compaction may leave the batch without it.
    aborts: control && count > 0 && isAbort(columns().key(0)),
    compression,
    maxTimestamp,
    logAppendTime,
    bytes,
    records: columns,
  }
}

function isAbort(key: Buffer | null): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0
}
