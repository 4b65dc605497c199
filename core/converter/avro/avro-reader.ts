import { unscaledFromBytes, type Decimal } from '../../contract/decimal.ts'
import { DataError } from '../../contract/errors.ts'
import { logical, type Schema } from '../../contract/schema.ts'
import { placeText } from '../field-path.ts'
import { AvroInput } from './avro-input.ts'
import type { AvroRecord, AvroType, AvroUnion } from './avro-type.ts'
import { mapEntryOf, optionalBranch } from './to-connect.ts'

/** Longest decimal that is read, in bytes: to show one takes time that grows with the square of its digits. */
const decimalBytesMax = 4_096

type Read = (input: AvroInput) => unknown

/**
 * A function that reads the binary values of an Avro type straight into the Connect values of the schema that `connectSchemaOf` made of it.
 * Lengths and counts are held against the bytes that are there; what is left over is a DataError, for it was written with another schema.
 */
export function avroReader(type: AvroType, schema: Schema): (message: Buffer, start: number) => unknown {
  const input = new AvroInput()
  // Java's serializer leaves the length of bytes away where they are the whole value.
  if (type.kind === 'bytes') {
    const whole = schema.name === logical.decimal ? decimalOf(schema) : (bytes: Uint8Array) => bytes
    return (message, start) => whole(Buffer.from(message.subarray(start)))
  }
  const read = reader(type, schema, '')
  return (message, start) => {
    input.reset(message, start)
    const value = read(input)
    if (input.left > 0) throw new DataError(`Not Avro of this schema: ${input.left} bytes are left after the value`)
    return value
  }
}

const readBoolean: Read = (input) => input.boolean()
const readInt: Read = (input) => input.int()
const readLong: Read = (input) => input.long()
const readFloat: Read = (input) => input.float()
const readDouble: Read = (input) => input.double()
const readString: Read = (input) => input.string()
const readBytes: Read = (input) => input.bytes()

function reader(type: AvroType, schema: Schema, path: string): Read {
  switch (type.kind) {
    case 'boolean':
      return readBoolean
    case 'int':
      return schema.type === 'int8' || schema.type === 'int16' ? smallIntReader(schema.type, path) : readInt
    case 'long':
      return readLong
    case 'float':
      return readFloat
    case 'double':
      return readDouble
    case 'string':
      return readString
    case 'bytes': {
      if (schema.name !== logical.decimal) return readBytes
      const decimal = decimalOf(schema)
      return (input) => decimal(input.bytes())
    }
    case 'fixed': {
      const { size } = type
      if (schema.name !== logical.decimal) return (input) => input.fixed(size)
      const decimal = decimalOf(schema)
      return (input) => decimal(input.fixed(size))
    }
    case 'enum': {
      const { symbols } = type
      return (input) => {
        const index = input.int()
        return symbols[index] ?? outside(index, symbols.length, 'symbols', path)
      }
    }
    case 'array':
      return arrayReader(type.items, schema, path)
    case 'map': {
      const item = reader(type.values, schema.valueSchema!, `${path}{}`)
      return (input) => {
        const map = new Map<string, unknown>()
        for (let count = input.block(); count > 0; count = input.block()) {
          for (let index = 0; index < count; index++) map.set(input.string(), item(input))
        }
        return map
      }
    }
    case 'record':
      return recordReader(type, schema, path)
    case 'union':
      return unionReader(type, schema, path)
    case 'null':
      return () => null
    default:
      return type satisfies never
  }
}

function smallIntReader(type: 'int8' | 'int16', path: string): Read {
  const most = type === 'int8' ? 127 : 32_767
  return (input) => {
    const value = input.int()
    if (value > most || value < -most - 1) throw new DataError(`${placeText(path)} is ${value}, which is not a value of ${type}`)
    return value
  }
}

function arrayReader(items: AvroType, schema: Schema, path: string): Read {
  const entry = mapEntryOf(items)
  if (entry !== undefined && schema.type === 'map') {
    const order = (items as AvroRecord).fields.map((field) => field.name)
    const key = reader(entry.key, schema.keySchema!, `${path}{key}`)
    const value = reader(entry.value, schema.valueSchema!, `${path}{}`)
    const [first, second] = order[0] === 'key' ? [key, value] : [value, key]
    return (input) => {
      const map = new Map<unknown, unknown>()
      for (let count = input.block(); count > 0; count = input.block()) {
        for (let index = 0; index < count; index++) {
          const one = first(input)
          const other = second(input)
          if (first === key) map.set(one, other)
          else map.set(other, one)
        }
      }
      return map
    }
  }
  const item = reader(items, schema.valueSchema!, `${path}[]`)
  return (input) => {
    const array: unknown[] = []
    for (let count = input.block(); count > 0; count = input.block()) {
      for (let index = 0; index < count; index++) array.push(item(input))
    }
    return array
  }
}

/**
 * Made of source text, so that each struct is one object literal with a fixed shape. Names go into it as JSON strings only, computed where
 * they would set a prototype, so that none of them can be code.
 */
function recordReader(type: AvroRecord, schema: Schema, path: string): Read {
  const readers = type.fields.map((field, index) =>
    reader(field.type, schema.fields[index]!.schema, path === '' ? field.name : `${path}.${field.name}`),
  )
  const names = readers.map((_, index) => `r${index}`)
  const members = type.fields.map((field, index) => {
    const name = JSON.stringify(field.name)
    return `${field.name === '__proto__' ? `[${name}]` : name}: r${index}(input)`
  })
  const make = new Function('readers', `const [${names.join(', ')}] = readers; return (input) => ({ ${members.join(', ')} })`) as (
    readers: readonly Read[],
  ) => Read
  return make(readers)
}

function unionReader(type: AvroUnion, schema: Schema, path: string): Read {
  const only = optionalBranch(type)
  if (only !== undefined) {
    const read = reader(only, schema, path)
    const nullIndex = type.branches[0] === only ? 1 : 0
    return (input) => {
      const index = input.int()
      if (index === nullIndex) return null
      return index === 1 - nullIndex ? read(input) : outside(index, 2, 'branches', path)
    }
  }
  if (type.branches.length === 1) {
    const read = reader(type.branches[0]!, schema, path)
    return (input) => (input.int() === 0 ? read(input) : outside(1, 1, 'branches', path))
  }
  // Each branch becomes a struct with one field set.
  let field = 0
  const reads = type.branches.map((branch): Read => {
    if (branch.kind === 'null') return () => null
    const set = schema.fields[field++]!
    const read = reader(branch, set.schema, path)
    const empty = Object.fromEntries(schema.fields.map((one) => [one.name, null]))
    return (input) => ({ ...empty, [set.name]: read(input) })
  })
  return (input) => {
    const index = input.int()
    const read = reads[index]
    return read === undefined ? outside(index, reads.length, 'branches', path) : read(input)
  }
}

function decimalOf(schema: Schema): (bytes: Uint8Array) => Decimal {
  const scale = Number(schema.parameters!.scale)
  return (bytes) => {
    if (bytes.length > decimalBytesMax) throw new DataError(`A decimal of ${bytes.length} bytes is longer than ${decimalBytesMax}`)
    const unscaled = bytes.length > 0 && bytes.length <= 6 ? BigInt((bytes as Buffer).readIntBE(0, bytes.length)) : unscaledFromBytes(bytes)
    return { unscaled, scale }
  }
}

function outside(index: number, size: number, what: string, path: string): never {
  throw new DataError(`Not Avro of this schema: ${placeText(path)} has index ${index}, where there are ${size} ${what}`)
}
