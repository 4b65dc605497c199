import { DataError } from '../../contract/errors.ts'
import { arrayOf, logical, mapOf, optional, primitive, structOf, withExtras, type Schema } from '../../contract/schema.ts'
import { words, type ProtobufMapping } from './connect-words.ts'
import type { ProtoEnum, ProtoField, ProtoMessage } from './proto-file.ts'
import { metaParameters, type FieldType, type ProtoSchema, type ScalarType } from './proto-schema.ts'
import { messages, wrappers } from './well-known.ts'

/** Most schemas that one Protobuf schema may become. */
const schemasMax = 20_000

/**
 * The Connect schema of a message, as `ProtobufData.toConnectSchema` of Confluent's converter makes it: oneofs first, each a struct of its
 * alternatives, then the fields. Throws a DataError for messages that contain themselves.
 */
export function connectSchemaOf(schema: ProtoSchema, message: ProtoMessage, mapping: ProtobufMapping, version: number | null): Schema {
  const wrapped = wrappedType(message)
  if (wrapped !== undefined) return withExtras(scalarSchema(wrapped), { version })
  return new ToConnect(schema, mapping).message(message, version)
}

/** The type that a wrapper message of Google wraps. */
export function wrappedType(message: ProtoMessage): ScalarType | undefined {
  return (Object.entries(wrappers) as (readonly [ScalarType, string])[]).find(([, name]) => name === message.fullName)?.[0]
}

/** True where an absent value is not the same as zero. */
export function hasPresence(field: ProtoField, message: ProtoMessage): boolean {
  return field.label === 'optional' || field.oneof !== null || (!message.proto3 && field.label !== 'repeated')
}

/** The entry message of a map that was written before `map` was a word. */
export function mapEntryOf(
  field: ProtoField,
  type: FieldType,
): { readonly key: ProtoField; readonly value: ProtoField; readonly message: ProtoMessage } | undefined {
  if (field.label !== 'repeated' || typeof type === 'string' || !('fields' in type)) return undefined
  const [key, value] = type.fields
  if (!type.name.endsWith('Entry') || type.fields.length !== 2 || key?.name !== 'key' || value?.name !== 'value') return undefined
  return { key, value, message: type }
}

/** Name of the struct's field that stands for a oneof. */
export function oneofFieldName(message: ProtoMessage, oneof: string): string {
  return `${oneof}_${message.oneofs.indexOf(oneof)}`
}

class ToConnect {
  readonly #schema: ProtoSchema
  readonly #mapping: ProtobufMapping
  readonly #open = new Set<ProtoMessage>()
  #schemas = 0

  constructor(schema: ProtoSchema, mapping: ProtobufMapping) {
    this.#schema = schema
    this.#mapping = mapping
  }

  message(message: ProtoMessage, version: number | null): Schema {
    if (this.#open.has(message)) {
      throw new DataError(
        `The Protobuf message ${message.fullName} contains itself; recursive types have no Connect schema here. Use ByteArrayConverter to pass such records on as they are`,
      )
    }
    if (++this.#schemas > schemasMax) throw new DataError(`The Protobuf schema becomes more than ${schemasMax} Connect schemas`)
    this.#open.add(message)
    const fields = [
      ...message.oneofs.map((oneof) => [oneofFieldName(message, oneof), this.#oneof(message, oneof)] as const),
      ...message.fields.filter((field) => field.oneof === null).map((field) => [field.name, this.#field(message, field)] as const),
    ]
    this.#open.delete(message)
    return structOf(fields, { name: this.#mapping.enhanced ? message.fullName : message.name, version })
  }

  #oneof(message: ProtoMessage, oneof: string): Schema {
    const fields = message.fields
      .filter((field) => field.oneof === oneof)
      .map((field) => [field.name, optional(this.#field(message, field))] as const)
    return structOf(fields, { name: `${words.union}${oneof}`, optional: true })
  }

  #field(message: ProtoMessage, field: ProtoField): Schema {
    const type = this.#schema.typeOf(field.type, message)
    const tag = { [words.tag]: String(field.tag) }
    if (field.mapKey !== null) {
      const key = scalarSchema(this.#schema.typeOf(field.mapKey, message) as ScalarType)
      return mapOf(key, this.#typed(field, type), { optional: true, parameters: tag })
    }
    const entry = mapEntryOf(field, type)
    if (entry !== undefined) {
      const part = (one: ProtoField) => this.#typed(one, this.#schema.typeOf(one.type, entry.message))
      return mapOf(part(entry.key), part(entry.value), { optional: true, parameters: tag })
    }
    const bare = this.#typed(field, type)
    if (field.label === 'repeated') return arrayOf(bare, { optional: true, parameters: tag })
    const nullable = typeof type === 'string' ? this.#isNullable(message, field) : true
    return withExtras(bare, { optional: nullable && field.label !== 'required', parameters: { ...bare.parameters, ...tag } })
  }

  // As in Confluent's converter, all fields are optional unless a setting says how the ones that are can be told.
  #isNullable(message: ProtoMessage, field: ProtoField): boolean {
    if (this.#mapping.optionals) return hasPresence(field, message)
    return !this.#mapping.wrappers || hasPresence(field, message)
  }

  #typed(field: ProtoField, type: FieldType): Schema {
    if (typeof type === 'string') {
      const small = metaParameters(field).get('connect.type')
      return type === 'int32' && (small === 'int8' || small === 'int16') ? primitive(small) : scalarSchema(type)
    }
    if ('values' in type) return enumSchema(type, this.#mapping.enhanced)
    switch (type.fullName) {
      case messages.timestamp:
        return primitive('int64', { name: logical.timestamp, version: 1 })
      case messages.date:
        return primitive('int32', { name: logical.date, version: 1 })
      case messages.time:
        return primitive('int32', { name: logical.time, version: 1 })
      case messages.decimal:
        return decimalSchema(field)
      default: {
        const wrapped = this.#mapping.wrappers ? wrappedType(type) : undefined
        return wrapped === undefined ? this.message(type, null) : scalarSchema(wrapped)
      }
    }
  }
}

function decimalSchema(field: ProtoField): Schema {
  const meta = metaParameters(field)
  const [scale, precision] = [meta.get('scale') ?? '0', meta.get('precision')]
  if (!/^-?\d{1,5}$/.test(scale))
    throw new DataError(`The Protobuf field ${field.name} has the scale ${scale.slice(0, 40)}, which is no whole number`)
  const parameters = { scale, ...(precision === undefined ? {} : { [words.precision]: precision }) }
  return primitive('bytes', { name: logical.decimal, version: 1, parameters })
}

function enumSchema(type: ProtoEnum, enhanced: boolean): Schema {
  const name = enhanced ? type.fullName : type.name
  const parameters: Record<string, string> = { [words.enum]: name }
  for (const value of type.values) parameters[`${words.enum}.${value.name}`] = String(value.number)
  return primitive('string', { name, parameters })
}

function scalarSchema(type: ScalarType): Schema {
  switch (type) {
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return primitive('int32')
    case 'uint32':
    case 'fixed32':
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return primitive('int64')
    case 'float':
      return primitive('float32')
    case 'double':
      return primitive('float64')
    case 'bool':
      return primitive('boolean')
    case 'string':
    case 'bytes':
      return primitive(type)
    default:
      return type satisfies never
  }
}
