import { DataError } from '../../contract/errors.ts'
import { fieldOf, type Schema } from '../../contract/schema.ts'
import { memberPath, placeText, setOwn } from '../field-path.ts'
import type { ProtobufMapping } from './connect-words.ts'
import { valueMessage } from './moments.ts'
import type { ProtoEnum, ProtoField, ProtoMessage } from './proto-file.ts'
import { ProtoInput } from './proto-input.ts'
import { wireTypeOf } from './proto-output.ts'
import type { FieldType, ProtoSchema, ScalarType } from './proto-schema.ts'
import { hasPresence, mapEntryOf, oneofFieldName, wrappedType } from './to-connect.ts'
import { absentValue, readScalar } from './scalars.ts'

type Struct = Record<string, unknown>
type Read = (input: ProtoInput) => unknown

/** What to do with one field that was met; the input stands behind its tag. */
type Meet = (struct: Struct, input: ProtoInput, wireType: number) => void

/**
 * A function that reads a message straight into the Connect values of the schema that `connectSchemaOf` made of it. Fields that the schema
 * does not name are passed over, as Protobuf asks for.
 */
export function protobufReader(
  schema: ProtoSchema,
  message: ProtoMessage,
  connect: Schema,
  mapping: ProtobufMapping,
): (bytes: Buffer, start: number) => unknown {
  const input = new ProtoInput()
  const wrapped = wrappedType(message)
  const maker = new ReaderMaker(schema, mapping)
  const read = wrapped === undefined ? maker.message(message, connect, '') : wrapperReader(wrapped)
  return (bytes, start) => {
    input.reset(bytes, start)
    return read(input)
  }
}

class ReaderMaker {
  readonly #schema: ProtoSchema
  readonly #mapping: ProtobufMapping

  constructor(schema: ProtoSchema, mapping: ProtobufMapping) {
    this.#schema = schema
    this.#mapping = mapping
  }

  /** Reads to the end of what the input is narrowed to. */
  message(message: ProtoMessage, connect: Schema, path: string): Read {
    const meets = new Map<number, Meet>()
    const starts = new Map<string, () => unknown>(message.oneofs.map((oneof) => [oneofFieldName(message, oneof), () => null]))
    const owns = new Map(connect.fields.map((one) => [one.name, one.schema]))
    for (const field of message.fields) {
      const place = memberPath(path, field.name)
      const type = this.#schema.typeOf(field.type, message)
      if (field.oneof !== null) {
        const union = oneofFieldName(message, field.oneof)
        meets.set(field.tag, this.#alternative(field, type, union, owns.get(union)!, place))
        continue
      }
      const own = owns.get(field.name)!
      const entry = mapEntryOf(field, type)
      starts.set(field.name, this.#start(field, message, type, own.type, place))
      if (field.mapKey !== null) {
        const key = this.#schema.typeOf(field.mapKey, message)
        meets.set(field.tag, this.#map(field, key, type, own, place))
      } else if (entry !== undefined) {
        const typeOf = (one: ProtoField) => this.#schema.typeOf(one.type, entry.message)
        meets.set(field.tag, this.#map(field, typeOf(entry.key), typeOf(entry.value), own, place))
      } else if (field.label === 'repeated') meets.set(field.tag, this.#repeated(field, type, own.valueSchema!, place))
      else meets.set(field.tag, this.#single(field, type, own, place))
    }
    return messageReader(
      meets,
      connect.fields.map((field) => [field.name, starts.get(field.name)!] as const),
      requiredOf(message),
      path,
    )
  }

  // What stands in a field that does not come.
  #start(field: ProtoField, message: ProtoMessage, type: FieldType, connectType: Schema['type'], path: string): () => unknown {
    if (connectType === 'map') return () => new Map()
    if (field.label === 'repeated') return () => []
    if (typeof type !== 'string' && 'fields' in type) return () => null
    const given = field.options.find((option) => option.name === 'default')?.value
    const value =
      typeof given === 'string' || !hasPresence(field, message)
        ? absentValue(type, typeof given === 'string' ? given : undefined, path)
        : null
    return () => value
  }

  #single(field: ProtoField, type: FieldType, connect: Schema, path: string): Meet {
    const read = this.#value(type, connect, path)
    const wireType = wireOf(type)
    const once = typeof type !== 'string' && 'fields' in type
    const { name } = field
    return (struct, input, given) => {
      if (given !== wireType) throw wrongWire(given, wireType, path)
      // Messages that come twice would have to be merged; no writer makes such ones.
      if (once && struct[name] !== null) throw new DataError(`${placeText(path)} comes twice in one message`)
      struct[name] = read(input)
    }
  }

  #alternative(field: ProtoField, type: FieldType, union: string, connect: Schema, path: string): Meet {
    const read = this.#value(type, fieldOf(connect, field.name)!.schema, path)
    const wireType = wireOf(type)
    const names = connect.fields.map((one) => one.name)
    return (struct, input, given) => {
      if (given !== wireType) throw wrongWire(given, wireType, path)
      const value = read(input)
      const alternatives: Struct = {}
      for (const name of names) setOwn(alternatives, name, name === field.name ? value : null)
      struct[union] = alternatives
    }
  }

  #repeated(field: ProtoField, type: FieldType, items: Schema, path: string): Meet {
    const read = this.#value(type, items, `${path}[]`)
    const wireType = wireOf(type)
    const { name } = field
    return (struct, input, given) => {
      const list = struct[name] as unknown[]
      if (given === wireType) list.push(read(input))
      else if (given === 2) {
        const outer = input.enter()
        while (input.more) list.push(read(input))
        input.leave(outer)
      } else throw wrongWire(given, wireType, path)
    }
  }

  #map(field: ProtoField, keyType: FieldType, valueType: FieldType, connect: Schema, path: string): Meet {
    const readKey = this.#value(keyType, connect.keySchema!, `${path}{key}`)
    const readValue = this.#value(valueType, connect.valueSchema!, `${path}{}`)
    const absentKey = typeof keyType === 'string' ? absentValue(keyType, undefined, path) : null
    const empty = this.#emptyValue(valueType, connect.valueSchema!, path)
    const { name } = field
    return (struct, input, given) => {
      if (given !== 2) throw wrongWire(given, 2, path)
      const outer = input.enter()
      let key: unknown = absentKey
      let value: unknown
      while (input.more) {
        const tag = input.tag()
        if (tag === ((1 << 3) | wireOf(keyType))) key = readKey(input)
        else if (tag === ((2 << 3) | wireOf(valueType))) value = readValue(input)
        else input.skip(tag)
      }
      input.leave(outer)
      ;(struct[name] as Map<unknown, unknown>).set(key, value === undefined ? empty() : value)
    }
  }

  // A map's value that was left out, because it is empty.
  #emptyValue(type: FieldType, connect: Schema, path: string): () => unknown {
    if (typeof type === 'string' || 'values' in type) return () => absentValue(type, undefined, path)
    const read = this.#inner(type, connect, path)
    return () => {
      const nothing = new ProtoInput()
      nothing.reset(Buffer.alloc(0), 0)
      return read(nothing)
    }
  }

  #value(type: FieldType, connect: Schema, path: string): Read {
    if (typeof type === 'string') return scalarReader(type, connect, path)
    if ('values' in type) return enumReader(type, path)
    const read = this.#inner(type, connect, path)
    return (input) => {
      const outer = input.enter()
      const value = read(input)
      input.leave(outer)
      return value
    }
  }

  #inner(type: ProtoMessage, connect: Schema, path: string): Read {
    const one = valueMessage(type.fullName, connect, path, this.#mapping.dropDigits)
    if (one !== undefined) return (input) => one.fromFields(plainFields(input))
    if (connect.type !== 'struct') return wrapperReader(wrappedType(type)!)
    return this.message(type, connect, path)
  }
}

function messageReader(
  meets: ReadonlyMap<number, Meet>,
  starts: readonly (readonly [string, () => unknown])[],
  required: ReadonlyMap<number, string>,
  path: string,
): Read {
  return (input) => {
    const struct: Struct = {}
    for (const [name, start] of starts) setOwn(struct, name, start())
    const missing = required.size === 0 ? undefined : new Set(required.keys())
    while (input.more) {
      const tag = input.tag()
      const meet = meets.get(tag >>> 3)
      missing?.delete(tag >>> 3)
      if (meet === undefined) input.skip(tag)
      else meet(struct, input, tag & 7)
    }
    for (const tag of missing ?? [])
      throw new DataError(`${placeText(memberPath(path, required.get(tag)!))} is required by the Protobuf schema, but not in the message`)
    return struct
  }
}

function requiredOf(message: ProtoMessage): ReadonlyMap<number, string> {
  return new Map(message.fields.filter((field) => field.label === 'required').map((field) => [field.tag, field.name]))
}

function scalarReader(type: ScalarType, connect: Schema, path: string): Read {
  if (connect.type === 'int8' || connect.type === 'int16') {
    const most = connect.type === 'int8' ? 127 : 32_767
    return (input) => {
      const value = input.int32()
      if (value > most || value < -most - 1) throw new DataError(`${placeText(path)} is ${value}, which is not a value of ${connect.type}`)
      return value
    }
  }
  return readScalar(type)
}

function enumReader(type: ProtoEnum, path: string): Read {
  const names = new Map(type.values.map((value) => [value.number, value.name]).reverse() as [number, string][])
  return (input) => {
    const number = input.int32()
    const name = names.get(number)
    if (name === undefined) throw new DataError(`${placeText(path)} is ${number}, which the Protobuf enum ${type.fullName} does not name`)
    return name
  }
}

function wrapperReader(type: ScalarType): Read {
  const read = readScalar(type)
  const wanted = (1 << 3) | wireTypeOf(type)
  const absent = absentValue(type, undefined, '')
  return (input) => {
    let value: unknown = absent
    while (input.more) {
      const tag = input.tag()
      if (tag === wanted) value = read(input)
      else input.skip(tag)
    }
    return value
  }
}

// Numbers and bytes of a message that stands for one value.
function plainFields(input: ProtoInput): ReadonlyMap<number, bigint | Uint8Array> {
  const fields = new Map<number, bigint | Uint8Array>()
  while (input.more) {
    const tag = input.tag()
    if ((tag & 7) === 0) fields.set(tag >>> 3, input.int64())
    else if ((tag & 7) === 2) fields.set(tag >>> 3, input.bytes())
    else input.skip(tag)
  }
  return fields
}

function wireOf(type: FieldType): number {
  if (typeof type === 'string') return wireTypeOf(type)
  return 'values' in type ? 0 : 2
}

function wrongWire(given: number, wanted: number, path: string): DataError {
  return new DataError(`Not Protobuf of this schema: ${placeText(path)} has wire type ${given}, where its type has ${wanted}`)
}
