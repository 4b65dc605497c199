import { DataError, jsonWriter, writePlain, type ConnectRecord, type Schema } from '../../core/index.ts'
import { shapeOf } from './shape.ts'

/** The document of a record with a value, as one line of JSON. Throws a DataError that says why it makes none. */
export type DocumentWriter = (record: ConnectRecord) => string | Uint8Array

type Write = (value: unknown) => string

/**
 * Structs, maps and objects become JSON. Bytes and texts are taken to be JSON already and pass unread (ByteArrayConverter and
 * StringConverter), so that nothing is parsed on the way.
 */
export function documentWriter(compact: boolean): DocumentWriter {
  const writers = new WeakMap<Schema, Write>()
  let lastSchema: Schema | undefined
  let last: Write
  const writerOf = (schema: Schema): Write => {
    if (schema === lastSchema) return last
    let write = writers.get(schema)
    if (write === undefined) writers.set(schema, (write = schemaWriter(schema, compact)))
    lastSchema = schema
    return (last = write)
  }
  return (record) => {
    const { value, valueSchema } = record
    if (value instanceof Uint8Array) return oneLine(record, value)
    if (typeof value === 'string') return oneLineText(record, value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const is = Array.isArray(value) ? 'a list' : `a ${typeof value}`
      throw new DataError(`The value of a record of topic ${record.topic} is ${is}; a document is an object: wrap it (HoistField)`)
    }
    return valueSchema === null ? writePlain(value) : writerOf(valueSchema)(value)
  }
}

/**
 * The same where the document becomes a part of something larger: text that is more than one JSON object would say what the rest of that is
 * (`{"a":1},"script":...`), so texts and bytes are read here.
 */
export function soundDocument(write: DocumentWriter): DocumentWriter {
  return (record) => {
    const written = write(record)
    const { value } = record
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) return written
    try {
      JSON.parse(typeof written === 'string' ? written : Buffer.from(written).toString('utf8'))
    } catch (cause) {
      throw new DataError(`The value of a record of topic ${record.topic} is not one JSON object (${(cause as Error).message})`, { cause })
    }
    return written
  }
}

function schemaWriter(schema: Schema, compact: boolean): Write {
  const { schema: shaped, change } = shapeOf(schema, compact)
  const write = jsonWriter(shaped, { decimals: 'NUMERIC', nullAsDefault: true })
  if (!change) return write
  return (value) => write((change as (value: unknown) => unknown)(value))
}

const newline = 10
const carriageReturn = 13
const space = 32

/** JSON has line breaks only between its parts, where a blank is as good; a bulk request ends a document at the first one. */
function oneLine(record: ConnectRecord, bytes: Uint8Array): Uint8Array {
  let first = 0
  while (
    first < bytes.length &&
    (bytes[first] === space || bytes[first] === newline || bytes[first] === carriageReturn || bytes[first] === 9)
  )
    first++
  if (bytes[first] !== 0x7b) throw noObject(record)
  if (!bytes.includes(newline) && !bytes.includes(carriageReturn)) return bytes
  return bytes.map((byte) => (byte === newline || byte === carriageReturn ? space : byte))
}

function oneLineText(record: ConnectRecord, text: string): string {
  if (!/^\s*\{/.test(text)) throw noObject(record)
  return /[\n\r]/.test(text) ? text.replaceAll(/[\n\r]/g, ' ') : text
}

function noObject({ topic }: ConnectRecord): DataError {
  return new DataError(
    `The value of a record of topic ${topic} is text or bytes, but no JSON object; give value.converter what its format is`,
  )
}
