import type { Json } from './json.ts'
import type { Schema } from './schema.ts'

/** One record. Never mutated: a transform returns a new one. Always built by `record()`, so that all have one shape. */
export interface ConnectRecord {
  readonly topic: string
  /** Kafka partition it came from or should go to; null: the sink chooses. */
  readonly partition: number | null
  readonly key: unknown
  /** null: no key, or a key without a schema. */
  readonly keySchema: Schema | null
  /** null with a null schema: a tombstone. */
  readonly value: unknown
  readonly valueSchema: Schema | null
  /** Milliseconds since the epoch; null: unknown. */
  readonly timestamp: number | null
  readonly headers: readonly Header[]
  /** Where the source read it; null for records that have no place to come back to. Transforms carry it on unchanged. */
  readonly origin: Origin | null
}

/** A header. Names may repeat, as in Kafka. */
export interface Header {
  readonly key: string
  readonly value: unknown
  readonly schema: Schema | null
}

/**
 * A record's own coordinates: what a sink that commits table by table compares to drop a replay (ARCHITECTURE, "Exactly once").
 * Within one source partition, later records have a greater (position, seq); the same record has the same one however often it is read.
 * Resuming never uses it: that is what `RecordBatch.offsets` is for.
 */
export interface Origin {
  /** The key of the source partition in `Offsets`. */
  readonly partition: string
  /** Kafka offset, byte position, commit LSN ...: a non-negative safe integer. */
  readonly position: number
  /** Counts records that share a position, from 1; 0 where positions are unique. */
  readonly seq: number
  /** The bytes that the record was read from, where the source has them: for dead letters. May be a getter; valid as long as the record. */
  readonly raw?: RawRecord
}

/** A record as bytes, as a log keeps it: before any converter, or where one failed. */
export interface RawRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch; null: none. */
  readonly timestamp: number | null
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RawHeader[]
}

export interface RawHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/**
 * Records still in the bytes of the log that they came from. Where no transform and no converter looks at them, a sink that speaks the same
 * format takes them whole, and nothing is parsed.
 */
export interface WholeRecords {
  /** Name of the format; a sink takes only the ones that it knows. `kafka-v2`: Kafka record batches (KIP-98), each complete. */
  readonly format: string
  /** Number of records in all chunks. */
  readonly count: number
  readonly chunks: readonly WholeChunk[]
}

export interface WholeChunk {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly bytes: Uint8Array
}

/** Source partition (the JSON text of its Connect partition map, keys in the order the source writes them) -> position after the last record taken. */
export type Offsets = Readonly<Record<string, Json>>

/** What a source hands over at once, and where it stands after it. */
export interface RecordBatch {
  readonly records: readonly ConnectRecord[]
  /** Positions after the last record; only partitions that moved. Saved even if every record is filtered away. */
  readonly offsets: Offsets
  /** Approximate size in bytes, for the byte budgets; 0 or absent: unknown. */
  readonly bytes?: number
  /** True: the last record's source transaction goes on in the next batch, so nothing is flushed in between. */
  readonly open?: boolean
  /** True: flush now rather than wait for the flush policy. */
  readonly checkpoint?: boolean
  /** The same records undecoded. A source that gives them decodes `records` only when asked (a getter). */
  readonly whole?: WholeRecords
  /** Source partitions that belong to another task from here on: all of theirs that was put has been flushed before. */
  readonly released?: readonly string[]
  /** Source partitions that are read again from where they were committed last: what was put of them has been flushed before, but a sink may hold some. */
  readonly rewound?: readonly string[]
  /** True: the source has nothing more and never will. The task flushes and is complete. */
  readonly end?: boolean
}

/** The optional parts of a record. */
export interface RecordExtras {
  readonly partition?: number | null
  readonly key?: unknown
  readonly keySchema?: Schema | null
  readonly valueSchema?: Schema | null
  readonly timestamp?: number | null
  readonly headers?: readonly Header[]
  readonly origin?: Origin | null
}

/** Shared by all records without headers. */
export const noHeaders: readonly Header[] = Object.freeze([])

/** A record; its absent parts are null, its headers empty. */
export function record(topic: string, value: unknown, extras: RecordExtras = {}): ConnectRecord {
  return {
    topic,
    partition: extras.partition ?? null,
    key: extras.key ?? null,
    keySchema: extras.keySchema ?? null,
    value: value ?? null,
    valueSchema: extras.valueSchema ?? null,
    timestamp: extras.timestamp ?? null,
    headers: extras.headers ?? noHeaders,
    origin: extras.origin ?? null,
  }
}

/** What a source returns from `poll` when there is nothing to do. */
export const idle: RecordBatch = Object.freeze({ records: Object.freeze([]), offsets: Object.freeze({}) })

/** The key of a source partition in `Offsets`, from Connect's partition map. */
export function partitionKey(partition: Readonly<Record<string, Json>>): string {
  return JSON.stringify(partition)
}
