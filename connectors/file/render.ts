import { isUtf8 } from 'node:buffer'
import { DataError, type ConnectRecord, type Converter, type Schema, type TaskContext } from '../../core/index.ts'

type Converters = TaskContext['converters']

/** Turns a record into one line, without its end. Throws a DataError for what does not fit on one. */
export type Render = (record: ConnectRecord) => string

/** The value's text, as Kafka Connect's FileStreamSink prints it; what is no text, as the value converter writes it. */
export function renderText({ value: converter }: Converters): Render {
  return ({ topic, value, valueSchema }) => {
    const text =
      typeof value === 'string' ? value : value === null ? 'null' : textOf(converter.serialize(topic, { schema: valueSchema, value }))
    if (/[\n\r]/.test(text)) throw new DataError('The value has a line break, so it does not fit on one line; use format=json')
    return text
  }
}

/** The whole record as a JSON object. */
export function renderJson(converters: Converters): Render {
  return ({ topic, partition, key, keySchema, value, valueSchema, headers, timestamp }) => {
    const shownHeaders = headers.map(
      (header) => `{"key":${JSON.stringify(header.key)},"value":${part(converters.header, topic, header.schema, header.value)}}`,
    )
    return (
      `{"topic":${JSON.stringify(topic)},"partition":${partition}` +
      `,"key":${part(converters.key, topic, keySchema, key)}` +
      `,"value":${part(converters.value, topic, valueSchema, value)}` +
      `,"headers":[${shownHeaders.join(',')}],"timestamp":${timestamp}}`
    )
  }
}

/** What the converter writes, inside of JSON: JSON as it is, text quoted, other bytes in base64. */
function part(converter: Converter, topic: string, schema: Schema | null, value: unknown): string {
  if (value === null && schema === null) return 'null'
  const bytes = converter.serialize(topic, { schema, value })
  if (bytes === null) return 'null'
  if (converter.writes === 'json') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  const text = converter.writes === 'text' ? textOf(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
  return JSON.stringify(text)
}

function textOf(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null'
  if (!isUtf8(bytes)) throw new DataError('The value converter writes bytes that are no text; use format=json, or another converter')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}
