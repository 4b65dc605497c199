import { DataError } from '../../contract/errors.ts'
import type { Schema } from '../../contract/schema.ts'
import type { Format, MessageReader, MessageWriter } from '../registry/format.ts'
import type { ProtobufMapping } from './connect-words.ts'
import { protoTextOf } from './from-connect.ts'
import { ProtoInput } from './proto-input.ts'
import { ProtoOutput } from './proto-output.ts'
import { protobufReader } from './proto-reader.ts'
import { ProtoSchema } from './proto-schema.ts'
import { protobufWriter } from './proto-writer.ts'
import { connectSchemaOf } from './to-connect.ts'

/** Deepest nesting of the message that a head names. */
const indexesMax = 100

/** Protobuf as a format of the schema registry: behind the id stand the indexes of the message in the schema. */
export function protobufFormat(mapping: ProtobufMapping): Format {
  return {
    kind: 'PROTOBUF',
    reader({ text, imports }, version) {
      const schema = new ProtoSchema(text, imports)
      const readers = new Map<string, MessageReader>()
      const first = messageReader(schema, [0], mapping, version)
      return (message, start) => {
        // Nearly all messages are of the first one in their schema, which is written as a single 0.
        if (message[start] === 0) return first(message, start + 1)
        const { indexes, end } = indexesIn(message, start)
        const name = indexes.join('.')
        let read = readers.get(name)
        if (read === undefined) {
          read = messageReader(schema, indexes, mapping, version)
          readers.set(name, read)
        }
        return read(message, end)
      }
    },
    writer(schema) {
      const { text, message } = protoTextOf(schema, mapping)
      return messageWriter(schema, new ProtoSchema(text, []), text, message, mapping, true)
    },
    writerAs(schema, { text, imports }, strict) {
      const registered = new ProtoSchema(text, imports)
      return messageWriter(schema, registered, text, messageFor(schema, registered), mapping, strict)
    },
    recordName({ text, imports }) {
      return new ProtoSchema(text, imports).main.messages[0]?.fullName ?? null
    },
  }
}

function messageReader(schema: ProtoSchema, indexes: readonly number[], mapping: ProtobufMapping, version: number | null): MessageReader {
  const message = schema.message(indexes)
  const connect = connectSchemaOf(schema, message, mapping, version)
  const read = protobufReader(schema, message, connect, mapping)
  return (bytes, start) => ({ schema: connect, value: read(bytes, start) })
}

function messageWriter(
  schema: Schema,
  proto: ProtoSchema,
  text: string,
  name: string,
  mapping: ProtobufMapping,
  strict: boolean,
): MessageWriter {
  const indexes = proto.indexesOf(name)!
  const write = protobufWriter(proto, proto.message(indexes), schema, mapping, strict)
  const place = headOf(indexes)
  return {
    text,
    recordName: name,
    write(head, value) {
      const out = new ProtoOutput()
      out.raw(head)
      out.raw(place)
      write(out, value)
      return out.written()
    },
  }
}

// The message of a registered file that has the schema's name, else the first one.
function messageFor(schema: Schema, registered: ProtoSchema): string {
  const { messages } = registered.main
  const simple = schema.name?.slice(schema.name.lastIndexOf('.') + 1)
  const found = messages.find((one) => one.fullName === schema.name) ?? messages.find((one) => one.name === simple) ?? messages[0]
  if (found === undefined) throw new DataError('The registered Protobuf schema has no message')
  return found.fullName
}

function indexesIn(message: Buffer, start: number): { readonly indexes: readonly number[]; readonly end: number } {
  const input = new ProtoInput()
  input.reset(message, start)
  const count = input.sint32()
  if (count < 1 || count > indexesMax)
    throw new DataError(`Not Protobuf with a schema registry: ${count} message indexes; is the topic written without them?`)
  const indexes = Array.from({ length: count }, () => input.sint32())
  if (indexes.some((index) => index < 0)) throw new DataError('Not Protobuf with a schema registry: a message index is negative')
  return { indexes, end: input.position }
}

function headOf(indexes: readonly number[]): Buffer {
  if (indexes.length === 1 && indexes[0] === 0) return Buffer.from([0])
  const out = new ProtoOutput()
  for (const one of [indexes.length, ...indexes]) out.uint32(one << 1)
  return Buffer.from(out.written())
}
