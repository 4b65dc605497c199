import {
  DataError,
  noHeaders,
  record,
  type ConnectRecord,
  type Converter,
  type ConverterStage,
  type Header,
  type SchemaAndValue,
  type TaskContext,
} from '../../../core/index.ts'
import type { RecordColumns } from '../records/record-set.ts'
import type { Slice } from './cursor.ts'
import { KafkaOrigin } from './origin.ts'

/** A record whose bytes a converter refused. */
export interface Refused {
  readonly record: ConnectRecord
  readonly error: Error
  readonly stage: ConverterStage
}

/** Turns records in bytes into records of the pipeline, by the connector's converters. */
export class RecordReader {
  readonly #key: Converter
  readonly #value: Converter
  readonly #header: Converter

  constructor({ key, value, header }: TaskContext['converters']) {
    this.#key = key
    this.#value = value
    this.#header = header
  }

  /** True where nobody would see a difference if the bytes were passed on as they are. */
  get untouched(): boolean {
    return this.#key.writes === 'bytes' && this.#value.writes === 'bytes' && ['bytes', 'text'].includes(this.#header.writes ?? '')
  }

  /** What converters must fetch before they can read these records. Rejects with what may pass; what is wrong with a record comes from `read`. */
  async prepare(slices: readonly Slice[]): Promise<void> {
    const key = this.#key.prepare && ((topic: string, all: readonly (Buffer | null)[]) => this.#key.prepare!(topic, all))
    const value = this.#value.prepare && ((topic: string, all: readonly (Buffer | null)[]) => this.#value.prepare!(topic, all))
    if (!key && !value) return
    for (const [topic, own] of Map.groupBy(slices, ({ cursor }) => cursor.topic)) {
      await Promise.all([
        key &&
          settled(
            key(
              topic,
              own.flatMap((slice) => column(slice, (columns, index) => columns.key(index))),
            ),
          ),
        value &&
          settled(
            value(
              topic,
              own.flatMap((slice) => column(slice, (columns, index) => columns.value(index))),
            ),
          ),
      ])
    }
  }

  /** Converts all records; the ones that cannot be go to `refused`, in their order. */
  read(slices: readonly Slice[]): { readonly records: readonly ConnectRecord[]; readonly refused: readonly Refused[] } {
    const records: ConnectRecord[] = []
    const refused: Refused[] = []
    for (const slice of slices) {
      const { columns, from, to } = slice
      for (let index = from; index < to; index++) this.#readOne(slice, columns, index, records, refused)
    }
    return { records, refused }
  }

  #readOne({ cursor }: Slice, columns: RecordColumns, index: number, records: ConnectRecord[], refused: Refused[]): void {
    const { topic, partition } = cursor
    const origin = new KafkaOrigin(cursor.key, topic, partition, columns.offset(index), columns, index)
    let stage: ConverterStage = 'KEY_CONVERTER'
    try {
      const key = this.#key.deserialize(topic, columns.key(index))
      stage = 'VALUE_CONVERTER'
      const value = this.#value.deserialize(topic, columns.value(index))
      stage = 'HEADER_CONVERTER'
      const headers = this.#headers(topic, columns.headers(index))
      records.push(built(topic, partition, key, value, columns.timestamp(index), headers, origin))
    } catch (error) {
      const { key, value, timestamp } = origin.raw
      const raw = record(topic, value, { partition, key, timestamp, origin })
      refused.push({ record: raw, error: placed(error, `${topic}-${partition} at offset ${origin.position}`, stage), stage })
    }
  }

  #headers(topic: string, raw: readonly { readonly key: string; readonly value: Uint8Array | null }[]): readonly Header[] {
    if (raw.length === 0) return noHeaders
    return raw.map(({ key, value }) => {
      const { schema, value: read } = this.#header.deserialize(topic, value)
      return { key, value: read, schema }
    })
  }
}

// The fields in the order of `record()`, without the object of extras that it takes: this runs for every record.
function built(
  topic: string,
  partition: number,
  key: SchemaAndValue,
  value: SchemaAndValue,
  timestamp: number | null,
  headers: readonly Header[],
  origin: KafkaOrigin,
): ConnectRecord {
  return {
    topic,
    partition,
    key: key.value ?? null,
    keySchema: key.schema,
    value: value.value ?? null,
    valueSchema: value.schema,
    timestamp,
    headers,
    origin,
  }
}

/** A converter does not know which record it reads; who looks for the fault must. */
function placed(error: unknown, place: string, stage: ConverterStage): Error {
  if (!(error instanceof DataError)) return error instanceof Error ? error : new Error(String(error))
  const part = { KEY_CONVERTER: 'key', VALUE_CONVERTER: 'value', HEADER_CONVERTER: 'headers' }[stage]
  return new DataError(`The ${part} of ${place} cannot be read: ${error.message}`, { cause: error })
}

function column(slice: Slice, get: (columns: RecordColumns, index: number) => Buffer | null): (Buffer | null)[] {
  return Array.from({ length: slice.to - slice.from }, (_, n) => get(slice.columns, slice.from + n))
}

/** A record's own fault comes up again where the record is read, with its stage. */
async function settled(preparing: Promise<void>): Promise<void> {
  try {
    await preparing
  } catch (error) {
    if (!(error instanceof DataError)) throw error
  }
}
