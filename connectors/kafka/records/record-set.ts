/** How the bytes of a record batch (KIP-98, magic 2) are looked at: positions into one buffer, nothing copied before it is asked for. */
export interface DecodedBatch {
  /** Offset of the first record slot; records of a compacted batch have offsets from here to `lastOffset`, with gaps. */
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly transactional: boolean
  /** A transaction marker, no records of users: `aborts` tells which. */
  readonly control: boolean
  readonly aborts: boolean
  readonly compression: Compression
  /** Milliseconds; the log's own time (LogAppendTime) stands in place of every record's where `logAppendTime`. */
  readonly maxTimestamp: number
  readonly logAppendTime: boolean
  /** The whole batch as it stands in the log. */
  readonly bytes: Buffer
  /** Decompresses (bounded) and finds the records; called once, only when somebody looks at them. Throws a DataError that names the offset. */
  records(): RecordColumns
}

/** The records of one batch by index, 0 .. count - 1. */
export interface RecordColumns {
  readonly count: number
  offset(index: number): number
  /** Milliseconds; null: none (-1). */
  timestamp(index: number): number | null
  /** A view into the batch's buffer; null: no key. */
  key(index: number): Buffer | null
  value(index: number): Buffer | null
  /** In their order, duplicates kept; an empty frozen list where there are none. */
  headers(index: number): readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** Bytes of key, value and headers together. */
  size(index: number): number
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface DecodeLimits {
  /** Most bytes that one batch may come to when decompressed. */
  readonly batchMaxBytes: number
  /** Most times its compressed size that a batch may come to (beyond a floor of 1 MiB). */
  readonly ratioMax: number
}

/** What a new batch says about its producer; absent parts: a producer without idempotence. */
export interface BatchStamp {
  readonly producerId: bigint
  readonly epoch: number
  readonly baseSequence: number
  readonly transactional: boolean
}
