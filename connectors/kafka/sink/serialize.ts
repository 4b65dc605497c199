import {
  DataError,
  type ConnectRecord,
  type Converter,
  type ConverterStage,
  type SchemaAndValue,
  type TaskContext,
} from '../../../core/index.ts'
import type { TextRoom } from './text-room.ts'

/** A record as the log will keep it. */
export interface Serialized {
  readonly record: ConnectRecord
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

export interface Refused {
  readonly record: ConnectRecord
  readonly error: Error
  /** undefined: the sink itself refuses it. */
  readonly stage: ConverterStage | undefined
}

const noHeaders: Serialized['headers'] = Object.freeze([])

/** Everything that converters must look up before they can serialize these records. Rejects as they do (RetriableError: nobody answers). */
export async function prepare(records: readonly ConnectRecord[], { key, value, header }: TaskContext['converters']): Promise<void> {
  if (!key.prepare && !value.prepare && !header.prepare) return
  for (const [topic, group] of Map.groupBy(records, (record) => record.topic)) {
    await key.prepare?.(
      topic,
      group.map((record): SchemaAndValue => ({ schema: record.keySchema, value: record.key })),
    )
    await value.prepare?.(
      topic,
      group.map((record): SchemaAndValue => ({ schema: record.valueSchema, value: record.value })),
    )
    if (!header.prepare) continue
    await header.prepare(
      topic,
      group.flatMap((record) => record.headers.map(({ schema, value: content }): SchemaAndValue => ({ schema, value: content }))),
    )
  }
}

/** Turns records into bytes, texts within `room`; those that a converter cannot turn are told apart, with the stage that refused them. */
export function serialize(
  records: readonly ConnectRecord[],
  converters: TaskContext['converters'],
  room: TextRoom,
): { readonly done: readonly Serialized[]; readonly refused: readonly Refused[] } {
  const done: Serialized[] = []
  const texts = textConverter(converters.value)
  const refused: Refused[] = []
  for (const record of records) {
    let stage: ConverterStage = 'KEY_CONVERTER'
    try {
      const key = bytesOf(converters.key, record.topic, { schema: record.keySchema, value: record.key })
      stage = 'VALUE_CONVERTER'
      const content = { schema: record.valueSchema, value: record.value }
      const value = texts ? textBytes(texts.text(content), room) : bytesOf(converters.value, record.topic, content)
      stage = 'HEADER_CONVERTER'
      const headers = record.headers.length === 0 ? noHeaders : headersOf(record, converters.header)
      checkTimestamp(record.timestamp)
      done.push({ record, key, value, headers })
    } catch (error) {
      refused.push({ record, error: error instanceof Error ? error : new DataError(String(error)), stage })
    }
  }
  return { done, refused }
}

function textBytes(text: string | null, room: TextRoom): Uint8Array | null {
  return text === null ? null : room.write(text)
}

/** Stands among the headers' faults: it is metadata, too. */
function checkTimestamp(timestamp: number | null): void {
  if (timestamp === null || (Number.isSafeInteger(timestamp) && timestamp >= -1)) return
  throw new DataError(`The record's timestamp ${timestamp} is no number of milliseconds since 1970, which is all that Kafka takes`)
}

function headersOf({ topic, headers }: ConnectRecord, converter: Converter): Serialized['headers'] {
  return headers.map(({ key, schema, value }) => {
    if (!key.isWellFormed())
      throw new DataError(`The header name ${JSON.stringify(key)} is no Unicode text (a lone surrogate), so it has no UTF-8`)
    return { key, value: bytesOf(converter, topic, { schema, value }) }
  })
}

/** The converter, where it gives its text by itself. */
function textConverter(converter: Converter): { text: NonNullable<Converter['text']> } | undefined {
  return converter.text && (converter.writes === 'json' || converter.writes === 'text')
    ? { text: (content) => converter.text!(content) }
    : undefined
}

function bytesOf(converter: Converter, topic: string, content: SchemaAndValue): Uint8Array | null {
  return converter.serialize(topic, content)
}

/** What is wrong with the name of a topic, by Kafka's rules; undefined: nothing. */
export function topicNameFault(topic: string): string | undefined {
  if (topic === '') return 'The topic of a record is empty; Kafka wants 1 to 249 characters'
  const shown = JSON.stringify(topic.length > 300 ? `${topic.slice(0, 300)}...` : topic)
  if (topic === '.' || topic === '..') return `Kafka has no topic of the name ${shown}`
  if (topic.length > 249) return `Topic ${shown} has ${topic.length} characters; Kafka takes 249 at most`
  if (!/^[a-zA-Z0-9._-]+$/.test(topic)) {
    return `Topic ${shown} has characters other than letters, digits, ".", "_" and "-", which Kafka refuses; route it by a transform (RegexRouter)`
  }
  return undefined
}
