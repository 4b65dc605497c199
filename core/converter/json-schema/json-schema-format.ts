import { isUtf8 } from 'node:buffer'
import { DataError } from '../../contract/errors.ts'
import type { Schema } from '../../contract/schema.ts'
import { memberPath, placeText } from '../field-path.ts'
import { parseJson } from '../json-parse.ts'
import type { Format, MessageWriter } from '../registry/format.ts'
import type { JsonMapping } from './connect-words.ts'
import { jsonSchemaTextOf } from './from-connect.ts'
import { SchemaDocuments } from './references.ts'
import { messageShaper } from './shape.ts'
import { connectSchemaOf } from './to-connect.ts'
import { messageWriter } from './write.ts'

/** Longest JSON text of one message, in bytes. */
const messageBytesMax = 64 * 1024 * 1024

/** JSON Schema as a format of the schema registry. */
export function jsonSchemaFormat(mapping: JsonMapping): Format {
  return {
    kind: 'JSON',
    reader({ text, imports }, version) {
      const schema = connectSchemaOf(new SchemaDocuments(text, imports), mapping, version)
      const shape = messageShaper(schema, mapping)
      return (message, start) => ({ schema, value: shape(parseJson(jsonText(message, start), 'typed')) })
    },
    writer: (schema) => writer(schema, jsonSchemaTextOf(schema, mapping), mapping),
    writerAs(schema, { text, imports }, strict) {
      if (strict) refuseLack(schema, connectSchemaOf(new SchemaDocuments(text, imports), mapping, null), '')
      return writer(schema, text, mapping)
    },
    recordName({ text, imports }) {
      const { title } = new SchemaDocuments(text, imports).main.node
      return typeof title === 'string' ? title : null
    },
  }
}

function writer(schema: Schema, text: string, mapping: JsonMapping): MessageWriter {
  const write = messageWriter(schema, mapping)
  return {
    text,
    recordName: schema.name,
    write(head, value) {
      const json = write(value)
      const bytes = Buffer.allocUnsafe(head.length + Buffer.byteLength(json))
      bytes.set(head)
      bytes.write(json, head.length, 'utf8')
      return bytes
    },
  }
}

function jsonText(message: Buffer, start: number): string {
  const bytes = message.subarray(start)
  if (bytes.length > messageBytesMax) throw new DataError(`JSON text of ${bytes.length} bytes is larger than ${messageBytesMax}`)
  if (!isUtf8(bytes)) throw new DataError('The bytes are not UTF-8, so they are not JSON')
  return bytes.toString('utf8')
}

// What the latest schema cannot tell of the record: a field that it lacks, another type, a required field that the record lacks.
function refuseLack(own: Schema, latest: Schema, path: string): void {
  const fault = (what: string, at = path): never => {
    throw new DataError(
      `${placeText(at)} ${what}; register a schema for it, or set latest.compatibility.strict=false to write under the latest one all the same`,
    )
  }
  if (own.type !== latest.type) fault(`is of type ${own.type}, but ${latest.type} in the subject's latest schema`)
  if (own.type === 'array' || own.type === 'map') refuseLack(own.valueSchema!, latest.valueSchema!, `${path}[]`)
  for (const field of own.fields) {
    const other = latest.fields.find((one) => one.name === field.name)
    if (other === undefined) fault("is not in the subject's latest schema", memberPath(path, field.name))
    else refuseLack(field.schema, other.schema, memberPath(path, field.name))
  }
  for (const field of latest.fields) {
    const missing = !field.schema.optional && field.schema.defaultValue === undefined && !own.fields.some((one) => one.name === field.name)
    if (missing) fault("is required by the subject's latest schema, but not in the record", memberPath(path, field.name))
  }
}
