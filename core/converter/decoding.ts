import { isUtf8 } from 'node:buffer'
import { DataError } from '../contract/errors.ts'
import type { Schema } from '../contract/schema.ts'
import { avro } from './avro/index.ts'
import { avroReader } from './avro/avro-reader.ts'
import { parseAvro } from './avro/avro-type.ts'
import { connectSchemaOf as connectSchemaOfAvro } from './avro/to-connect.ts'
import { schemaFromJson } from './json-schema.ts'
import { jsonShaper } from './json-read.ts'
import { SchemaDocuments } from './json-schema/references.ts'
import { parseJson } from './json-parse.ts'
import { messageShaper } from './json-schema/shape.ts'
import { connectSchemaOf } from './json-schema/to-connect.ts'

/** `AvroConverter`'s definition: reads messages in the wire format of a schema registry. */
export const avroConverter = avro

/** Longest text of one JSON value, in bytes. */
export const jsonTextBytesMax = 64 * 1024 * 1024

/** The UTF-8 text of bytes that should hold JSON. Throws a DataError for other bytes, none at all, and more than `bytesMax`. */
export function utf8Text(bytes: Uint8Array, bytesMax = jsonTextBytesMax): string {
  if (bytes.length === 0) throw new DataError('There are no bytes, which is not JSON; a tombstone is null, not empty')
  if (bytes.length > bytesMax) throw new DataError(`JSON text of ${bytes.length} bytes is larger than ${bytesMax}`)
  if (!isUtf8(bytes)) throw new DataError('The bytes are not UTF-8, so they are not JSON')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

/** A reader of JSON texts for one schema. */
export interface JsonDecoder {
  /** The same object for all values. */
  readonly schema: Schema
  /** Shapes what `parseJson(text, 'typed')` returned. Throws a DataError that names the field. */
  shape(parsed: unknown): unknown
}

/**
 * Reads by a Connect schema (`{"type": "struct", "fields": [...]}`, as JsonConverter's envelopes carry it) or a JSON Schema (draft 7, references
 * within the text only). Values of other types and null in required fields are DataErrors; members that the schema does not name, too, unless
 * `unknownMembers` drops them. Properties of a JSON Schema that are not required are optional. Throws a DataError for a text that is neither.
 */
export function jsonDecoder(schemaText: string, unknownMembers: 'fail' | 'drop'): JsonDecoder {
  const parsed = parseJson(schemaText, 'typed')
  const mapping = { decimals: 'NUMERIC', open: true, nonRequiredOptional: true, unknownMembers } as const
  if (!isConnectSchema(parsed)) {
    const schema = connectSchemaOf(new SchemaDocuments(schemaText, []), mapping, null)
    return { schema, shape: messageShaper(schema, mapping) }
  }
  const schema = schemaFromJson(parsed)
  if (schema === null) throw new DataError('The schema is null')
  return { schema, shape: unknownMembers === 'fail' ? jsonShaper(schema, true) : messageShaper(schema, mapping) }
}

const connectTypes = new Set(['struct', 'map', 'int8', 'int16', 'int32', 'int64', 'float', 'double', 'bytes'])

/** True for the text of a Connect schema; JSON Schema has `object`, `integer` and `number` in the place of Connect's own types. */
export function isConnectSchema(parsed: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null) return false
  const { type, items, $schema } = parsed as { readonly type?: unknown; readonly items?: unknown; readonly $schema?: unknown }
  if ($schema !== undefined) return false
  return type === 'array' ? isConnectSchema(items) || 'optional' in parsed : connectTypes.has(type as string) || 'optional' in parsed
}

/** A reader of Avro's binary form for one schema. */
export interface AvroDecoder {
  /** The same object for all values. */
  readonly schema: Schema
  /** Throws a DataError. Lengths and counts are held against the bytes that are there. */
  read(bytes: Uint8Array): unknown
}

/** Reads what was written with this schema. Micro- and nanoseconds and uuid keep their meaning, as Debezium's types. Throws a DataError. */
export function avroDecoder(schemaText: string): AvroDecoder {
  const type = parseAvro(schemaText)
  const schema = connectSchemaOfAvro(type, { metadata: true, enhanced: false, scrub: false, extended: true, nullStays: false }, null)
  const read = avroReader(type, schema)
  return { schema, read: (bytes) => read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0) }
}
