import { DataError } from '../../contract/errors.ts'
import { logical, type Schema } from '../../contract/schema.ts'
import type { Decimal } from '../../contract/decimal.ts'
import type { Format, MessageWriter } from '../registry/format.ts'
import { AvroOutput } from './avro-output.ts'
import { avroReader } from './avro-reader.ts'
import { parseAvro, type AvroType } from './avro-type.ts'
import { avroWriter } from './avro-writer.ts'
import type { AvroMapping } from './connect-words.ts'
import { decimalBytes } from './default-value.ts'
import { avroTextOf } from './from-connect.ts'
import { connectSchemaOf } from './to-connect.ts'

/** Avro as a format of the schema registry. */
export function avroFormat(mapping: AvroMapping): Format {
  const out = new AvroOutput()
  const writerFor = (schema: Schema, text: string, type: AvroType, strict: boolean): MessageWriter => ({
    text,
    recordName: type.kind === 'record' ? type.name : null,
    write: messageWriter(schema, type, mapping, strict, out),
  })
  return {
    kind: 'AVRO',
    reader({ text, imports }, version) {
      const type = parseAvro(
        text,
        imports.map((one) => one.text),
      )
      const schema = connectSchemaOf(type, mapping, version)
      const read = avroReader(type, schema)
      return (message, start) => ({ schema, value: read(message, start) })
    },
    writer(schema) {
      const text = avroTextOf(schema, mapping)
      return writerFor(schema, text, parseAvro(text), true)
    },
    writerAs(schema, { text, imports }, strict) {
      const type = parseAvro(
        text,
        imports.map((one) => one.text),
      )
      return writerFor(schema, text, type, strict)
    },
    recordName({ text, imports }) {
      const type = parseAvro(
        text,
        imports.map((one) => one.text),
      )
      return type.kind === 'record' ? type.name : null
    },
  }
}

function messageWriter(schema: Schema, type: AvroType, mapping: AvroMapping, strict: boolean, out: AvroOutput): MessageWriter['write'] {
  // As Java's serializer does: bytes that are the whole value carry no length.
  if (type.kind === 'bytes') {
    return (head, value) => {
      if (schema.name === logical.decimal) return Buffer.concat([head, decimalBytes(schema, value as Decimal)])
      if (!(value instanceof Uint8Array)) throw new DataError('The value is not bytes, as its schema says')
      return Buffer.concat([head, value])
    }
  }
  const write = avroWriter(schema, type, mapping, strict)
  return (head, value) => {
    out.reset()
    out.raw(head)
    write(out, value)
    return out.taken()
  }
}
