import { partitionKey, record, type ConnectRecord, type WholeChunk } from '../../../core/index.ts'
import { decodeBatches } from '../records/decode.ts'
import { forwardable } from '../records/encode.ts'
import type { DecodedBatch } from '../records/record-set.ts'
import type { Serialized } from './serialize.ts'

/** Caps of batches that must be read after all; they lie in a log whose broker has taken them. */
const limits = { batchMaxBytes: 256 << 20, ratioMax: 10_000 }

/** A batch as it is, or, where brokers would not take it again, its records. */
export type Passing =
  { readonly batch: DecodedBatch } | { readonly records: readonly (Serialized & { readonly timestamp: number | null })[] }

/** The batches of a chunk. `fits`: whether one may go on whole. */
export function passing(chunk: WholeChunk, fits: (batch: DecodedBatch) => boolean): readonly Passing[] {
  const { buffer, byteOffset, length } = chunk.bytes
  return decodeBatches(Buffer.from(buffer, byteOffset, length), { checkCrc: false, limits }).flatMap((batch): readonly Passing[] => {
    if (batch.control || batch.count === 0) return []
    return [forwardable(batch) && fits(batch) ? { batch } : { records: recordsOf(batch, chunk.topic, chunk.partition) }]
  })
}

/** The records of a batch that was read from (or written to) this partition, with their bytes as values. */
export function recordsOf(
  batch: DecodedBatch,
  topic: string,
  partition: number,
): readonly (Serialized & { readonly timestamp: number | null })[] {
  const columns = batch.records()
  const origin = partitionKey({ kafka_topic: topic, kafka_partition: partition })
  return Array.from({ length: columns.count }, (_, n) => {
    const key = columns.key(n)
    const value = columns.value(n)
    const headers = columns.headers(n)
    const timestamp = columns.timestamp(n)
    const position = columns.offset(n)
    const raw = { topic, partition, offset: position, timestamp, key, value, headers }
    const whole: ConnectRecord = record(topic, value, {
      key,
      partition,
      timestamp,
      headers: headers.map((header) => ({ ...header, schema: null })),
      origin: { partition: origin, position, seq: 0, raw },
    })
    return { record: whole, key, value, headers, timestamp }
  })
}
