import { DataError } from '../../contract/errors.ts'
import { fieldOf, type Schema } from '../../contract/schema.ts'
import { isInheritedName, memberPath, placeText, shownValue } from '../field-path.ts'
import { words, type ProtobufMapping } from './connect-words.ts'
import { scrubbedName } from './from-connect.ts'
import { valueMessage } from './moments.ts'
import type { ProtoEnum, ProtoField, ProtoMessage } from './proto-file.ts'
import { ProtoOutput, wireTypeOf } from './proto-output.ts'
import { scalarChecker } from './scalar-check.ts'
import type { FieldType, ProtoSchema } from './proto-schema.ts'
import { hasPresence, mapEntryOf, wrappedType } from './to-connect.ts'

type Write = (out: ProtoOutput, value: unknown) => void

/** A value without its tag; `zero`: it may be left out where absent means zero. */
interface ValueWriter {
  readonly wireType: number
  write: Write
  zero(value: unknown): boolean
}

/**
 * A function that writes values of a Connect schema as a message: of the schema made from it, or of another one of the same subject, by the
 * names of fields. Throws a DataError where the message cannot tell a value, and, if `strict`, where it lacks a field.
 */
export function protobufWriter(
  schema: ProtoSchema,
  message: ProtoMessage,
  connect: Schema,
  mapping: ProtobufMapping,
  strict: boolean,
): Write {
  const maker = new WriterMaker(schema, mapping, strict)
  const wrapped = wrappedType(message)
  if (wrapped === undefined) return maker.message(message, connect, '')
  const one = maker.value(wrapped, connect, '')
  return (out, value) => {
    if (one.zero(value)) return
    out.tag(1, one.wireType)
    one.write(out, value)
  }
}

class WriterMaker {
  readonly #schema: ProtoSchema
  readonly #mapping: ProtobufMapping
  readonly #strict: boolean

  constructor(schema: ProtoSchema, mapping: ProtobufMapping, strict: boolean) {
    this.#schema = schema
    this.#mapping = mapping
    this.#strict = strict
  }

  message(message: ProtoMessage, connect: Schema, path: string): Write {
    if (connect.type !== 'struct')
      throw new DataError(`${placeText(path)} is of type ${connect.type}, but the message ${message.fullName} in its Protobuf schema`)
    const nameOf = (name: string) => (this.#mapping.scrub ? scrubbedName(name) : name)
    const writes: { readonly name: string; readonly inherited: boolean; readonly write: Write; readonly tag: number }[] = []
    const told = new Set<string>()
    for (const field of connect.fields) {
      const place = memberPath(path, field.name)
      const union = field.schema.type === 'struct' && field.schema.name?.startsWith(words.union) === true
      const found = message.fields.find((one) => one.name === nameOf(field.name))
      let write: Write | undefined
      if (found !== undefined) {
        told.add(found.name)
        write = this.#field(message, found, field.schema, place)
      } else if (union) write = this.#oneof(message, field.schema, place, nameOf, told)
      else if (this.#strict) {
        throw new DataError(
          `${placeText(place)} is not in the registered message ${message.fullName}; add it there, or set latest.compatibility.strict=false to leave it out`,
        )
      }
      if (write !== undefined)
        writes.push({ name: field.name, inherited: isInheritedName(field.name), write, tag: found?.tag ?? Number.MAX_SAFE_INTEGER })
    }
    const lacking = message.fields.find((field) => field.label === 'required' && !told.has(field.name))
    if (lacking !== undefined)
      throw new DataError(
        `${placeText(memberPath(path, lacking.name))} is required by the registered message ${message.fullName}, but not in the record`,
      )
    const known = connect.fields.length
    writes.sort((a, b) => a.tag - b.tag)
    return (out, value) => {
      if (!isStruct(value))
        throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not a value of ${connect.name ?? 'struct'}`)
      const names = Object.keys(value)
      if (names.length > known) {
        const unknown = names.find((name) => fieldOf(connect, name) === undefined)
        throw new DataError(`${placeText(path)} has a member ${JSON.stringify(unknown)} that is not in its schema`)
      }
      for (const { name, inherited, write } of writes) write(out, inherited && !Object.hasOwn(value, name) ? null : value[name])
    }
  }

  #oneof(message: ProtoMessage, union: Schema, path: string, nameOf: (name: string) => string, told: Set<string>): Write {
    const alternatives = union.fields.map((field) => {
      const found = message.fields.find((one) => one.name === nameOf(field.name))
      if (found === undefined)
        throw new DataError(`${placeText(memberPath(path, field.name))} is not in the registered message ${message.fullName}`)
      told.add(found.name)
      return { name: field.name, write: this.#field(message, found, field.schema, memberPath(path, field.name)) }
    })
    return (out, value) => {
      if (value === null || value === undefined) return
      if (!isStruct(value)) throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is no struct of alternatives`)
      const set = alternatives.filter((one) => value[one.name] !== null && value[one.name] !== undefined)
      if (set.length > 1) throw new DataError(`${placeText(path)} has ${set.length} alternatives set; only one may be`)
      for (const one of set) one.write(out, value[one.name])
    }
  }

  #field(message: ProtoMessage, field: ProtoField, connect: Schema, path: string): Write {
    const type = this.#schema.typeOf(field.type, message)
    const entry = mapEntryOf(field, type)
    if (field.mapKey !== null) {
      return this.#map(field, this.value(this.#schema.typeOf(field.mapKey, message), keyOf(connect, path), path), type, connect, path)
    }
    if (entry !== undefined && connect.type === 'map') {
      const key = this.value(this.#schema.typeOf(entry.key.type, entry.message), keyOf(connect, path), path)
      return this.#map(field, key, this.#schema.typeOf(entry.value.type, entry.message), connect, path)
    }
    if (field.label === 'repeated') return this.#list(message, field, type, connect, path)
    const one = this.value(type, connect, path)
    const presence = hasPresence(field, message) || (typeof type !== 'string' && 'fields' in type)
    const fallback = connect.defaultValue ?? null
    return (out, given) => {
      const value = given ?? fallback
      if (value === null) return this.#refuseNull(presence && field.label !== 'required', field, connect, path)
      if (!presence && one.zero(value)) return undefined
      out.tag(field.tag, one.wireType)
      return one.write(out, value)
    }
  }

  // Where absent means zero, a null would come back as one.
  #refuseNull(tellable: boolean, field: ProtoField, connect: Schema, path: string): void {
    if (!connect.optional) throw new DataError(`${placeText(path)} is null, but it is required`)
    if (tellable || (this.#mapping.nullsAsDefaults && field.label !== 'required')) return
    const list = connect.type === 'array' || connect.type === 'map'
    const wayOut = list ? '' : 'Set optional.for.nullables=true or wrapper.for.nullables=true to tell nulls apart, or '
    throw new DataError(
      `${placeText(path)} is null, which its Protobuf field cannot tell from ${list ? 'an empty one' : 'zero'}. ${wayOut}${list ? 'Set ' : ''}nulls.as.defaults=true to have it read so.`,
    )
  }

  #list(message: ProtoMessage, field: ProtoField, type: FieldType, connect: Schema, path: string): Write {
    if (connect.type !== 'array') throw new DataError(`${placeText(path)} is of type ${connect.type}, but repeated in its Protobuf schema`)
    const item = this.value(type, connect.valueSchema!, `${path}[]`)
    const option = field.options.find((one) => one.name === 'packed')?.value
    const packed = item.wireType !== 2 && (message.proto3 ? option !== 'false' : option === 'true')
    const fallback = connect.defaultValue ?? null
    return (out, given) => {
      const value = given ?? fallback
      if (value === null) return this.#refuseNull(false, field, connect, path)
      if (!Array.isArray(value)) throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not an array`)
      if (value.length === 0) return undefined
      if (value.some((one) => one === null || one === undefined))
        throw new DataError(`${placeText(`${path}[]`)} is null; lists of Protobuf hold no nulls`)
      if (packed) {
        const inner = new ProtoOutput()
        for (const one of value) item.write(inner, one)
        out.tag(field.tag, 2)
        return out.bytes(inner.written())
      }
      for (const one of value) {
        out.tag(field.tag, item.wireType)
        item.write(out, one)
      }
      return undefined
    }
  }

  #map(field: ProtoField, key: ValueWriter, type: FieldType, connect: Schema, path: string): Write {
    const item = this.value(type, connect.valueSchema!, `${path}{}`)
    const fallback = connect.defaultValue ?? null
    return (out, given) => {
      const value = given ?? fallback
      if (value === null) return this.#refuseNull(false, field, connect, path)
      if (!(value instanceof Map)) throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not a map`)
      for (const [name, one] of value) {
        if (one === null || one === undefined) throw new DataError(`${placeText(`${path}{}`)} is null; maps of Protobuf hold no nulls`)
        const entry = new ProtoOutput()
        entry.tag(1, key.wireType)
        key.write(entry, name)
        entry.tag(2, item.wireType)
        item.write(entry, one)
        out.tag(field.tag, 2)
        out.bytes(entry.written())
      }
      return undefined
    }
  }

  value(type: FieldType, connect: Schema, path: string): ValueWriter {
    if (typeof type === 'string') {
      const check = scalarChecker(type, connect, path)
      return { wireType: wireTypeOf(type), zero: isZero, write: (out, value) => out.scalar(type, check(value)) }
    }
    if ('values' in type) return enumWriter(type, connect, path)
    const one = valueMessage(type.fullName, connect, path, this.#mapping.dropDigits)
    if (one !== undefined) return nested((out, value) => writeFields(out, one.toFields(value as never)))
    const wrapped = connect.type === 'struct' ? undefined : wrappedType(type)
    if (wrapped === undefined) return nested(this.message(type, connect, path))
    const inner = this.value(wrapped, connect, path)
    return nested((out, value) => {
      if (inner.zero(value)) return
      out.tag(1, inner.wireType)
      inner.write(out, value)
    })
  }
}

function nested(write: Write): ValueWriter {
  return {
    wireType: 2,
    zero: () => false,
    write(out, value) {
      const inner = new ProtoOutput()
      write(inner, value)
      out.bytes(inner.written())
    },
  }
}

function enumWriter(type: ProtoEnum, connect: Schema, path: string): ValueWriter {
  if (connect.type !== 'string')
    throw new DataError(`${placeText(path)} is of type ${connect.type}, but the enum ${type.fullName} in its Protobuf schema`)
  const numbers = new Map(type.values.map((value) => [value.name, value.number]))
  return {
    wireType: 0,
    zero: (value) => numbers.get(value as string) === 0,
    write(out, value) {
      const number = numbers.get(value as string)
      if (number === undefined)
        throw new DataError(`${placeText(path)} is ${shownValue(value)}, which the Protobuf enum ${type.fullName} does not name`)
      out.varint(BigInt(number))
    },
  }
}

function writeFields(out: ProtoOutput, fields: readonly (readonly [field: number, value: bigint | Uint8Array])[]): void {
  for (const [field, value] of fields) {
    if (value === 0n) continue
    out.tag(field, typeof value === 'bigint' ? 0 : 2)
    if (typeof value === 'bigint') out.varint(value)
    else out.bytes(value)
  }
}

function isZero(value: unknown): boolean {
  return Object.is(value, 0) || value === 0n || value === '' || value === false || (value instanceof Uint8Array && value.length === 0)
}

function keyOf(connect: Schema, path: string): Schema {
  if (connect.type !== 'map') throw new DataError(`${placeText(path)} is of type ${connect.type}, but a map in its Protobuf schema`)
  return connect.keySchema!
}

function isStruct(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map) && !ArrayBuffer.isView(value)
}
