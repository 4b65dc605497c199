import { RecordBatchBuilder, type BuildOptions } from '../../../../connectors/kafka/records/encode.ts'
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { DecodedBatch } from '../../../../connectors/kafka/records/record-set.ts'
import type { RawHeader } from '../../../../core/index.ts'

/** A record as the tests write and expect it. */
export interface TestRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RawHeader[]
  readonly timestamp: number | null
}

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export const checked = { checkCrc: true, limits: { batchMaxBytes: 64 << 20, ratioMax: 1000 } }

export function row(value: string | null, more: Partial<TestRecord> = {}): TestRecord {
  return {
    key: null,
    value: value === null ? null : Uint8Array.from(Buffer.from(value)),
    headers: [],
    timestamp: 1_700_000_000_000,
    ...more,
  }
}

export function batchOf(rows: readonly TestRecord[], options: BuildOptions = { compression: 'none' }): Buffer {
  const builder = new RecordBatchBuilder(64)
  for (const { key, value, headers, timestamp } of rows) builder.append(key, value, headers, timestamp)
  return builder.build(options)
}

/** The batch's records as plain values, to compare. */
export function rowsOf(batch: DecodedBatch): TestRecord[] {
  const columns = batch.records()
  return Array.from({ length: columns.count }, (_, n) => ({
    key: plain(columns.key(n)),
    value: plain(columns.value(n)),
    headers: columns.headers(n).map(({ key, value }) => ({ key, value: plain(value) })),
    timestamp: columns.timestamp(n),
  }))
}

function plain(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : Uint8Array.from(bytes)
}

/** Compares row by row: the difference of two long lists would take minutes to print. */
export function assertRows(found: readonly TestRecord[], expected: readonly TestRecord[]): void {
  assert.equal(found.length, expected.length)
  for (const [n, each] of expected.entries()) if (!isDeepStrictEqual(found[n], each)) assert.deepEqual(found[n], each, `row ${n}`)
}
