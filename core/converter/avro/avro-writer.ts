import { DataError } from '../../contract/errors.ts'
import { logical, type Schema } from '../../contract/schema.ts'
import type { Decimal } from '../../contract/decimal.ts'
import { isInheritedName, memberPath, placeText, shownValue } from '../field-path.ts'
import type { AvroOutput } from './avro-output.ts'
import { branchName, simpleName, type AvroField, type AvroRecord, type AvroType, type AvroUnion } from './avro-type.ts'
import { words, type AvroMapping } from './connect-words.ts'
import { scrubbedName } from './from-connect.ts'
import { decimalBytes, defaultFromAvro } from './default-value.ts'
import { connectSchemaOf, mapEntryOf } from './to-connect.ts'

type Write = (out: AvroOutput, value: unknown) => void

/**
 * A function that writes values of a Connect schema as an Avro type: the one made of it, or an older or newer one of the same subject, by
 * the names of fields. Throws a DataError where the type cannot tell a value, and, if `strict`, where it lacks a field.
 */
export function avroWriter(schema: Schema, type: AvroType, mapping: AvroMapping, strict: boolean): Write {
  return new WriterMaker(mapping, strict).writer(schema, type, '')
}

class WriterMaker {
  readonly #mapping: AvroMapping
  readonly #strict: boolean

  constructor(mapping: AvroMapping, strict: boolean) {
    this.#mapping = mapping
    this.#strict = strict
  }

  /** Null and the default of the schema, then `#present`. */
  writer(schema: Schema, type: AvroType, path: string): Write {
    const { defaultValue } = schema
    const hasDefault = defaultValue !== undefined && defaultValue !== null
    if (type.kind === 'union') return this.#union(schema, type, path)
    if (type.kind === 'null') throw new DataError(`${placeText(path)} is only null in the registered schema`)
    const write = this.#present(schema, type, path)
    return (out, value) => {
      if (value !== null && value !== undefined) write(out, value)
      else if (hasDefault) write(out, defaultValue)
      else throw new DataError(`${placeText(path)} is null, but it is required`)
    }
  }

  #union(schema: Schema, type: AvroUnion, path: string): Write {
    if (schema.type === 'struct' && schema.name === words.union) return this.#structUnion(schema, type, path)
    const nullIndex = type.branches.findIndex((one) => one.kind === 'null')
    const index = this.#branchOf(schema, type, path)
    const write = this.#present(schema, type.branches[index]!, path)
    const fallback = this.#mapping.nullStays && schema.optional ? null : (schema.defaultValue ?? null)
    return (out, given) => {
      const value = given ?? fallback
      if (value !== null) {
        out.int(index)
        write(out, value)
      } else if (nullIndex >= 0 && schema.optional) out.int(nullIndex)
      else throw new DataError(`${placeText(path)} is null, but it is required`)
    }
  }

  #branchOf(schema: Schema, type: AvroUnion, path: string): number {
    const present = type.branches.map((one, index) => [one, index] as const).filter(([one]) => one.kind !== 'null')
    const named = present.find(([one]) => schema.name !== null && branchName(one) === schema.name)
    const fitting = named ?? present.find(([one]) => kindsOf(schema).includes(one.kind))
    if (fitting === undefined)
      throw new DataError(`${placeText(path)} is of type ${schema.type}, which none of the registered union's branches is`)
    return fitting[1]
  }

  #structUnion(schema: Schema, type: AvroUnion, path: string): Write {
    const nullIndex = type.branches.findIndex((one) => one.kind === 'null')
    const fields = schema.fields.map((field) => {
      const index = type.branches.findIndex((one) => [branchName(one), simpleName(branchName(one))].includes(field.name))
      const at = index >= 0 ? index : this.#branchOf(field.schema, type, memberPath(path, field.name))
      return { name: field.name, index: at, write: this.#present(field.schema, type.branches[at]!, memberPath(path, field.name)) }
    })
    return (out, value) => {
      const struct = (value ?? {}) as Readonly<Record<string, unknown>>
      const set = fields.filter((field) => struct[field.name] !== null && struct[field.name] !== undefined)
      if (set.length > 1) throw new DataError(`${placeText(path)} is a union with ${set.length} of its fields set; only one may be`)
      const [one] = set
      if (one !== undefined) {
        out.int(one.index)
        one.write(out, struct[one.name])
      } else if (nullIndex >= 0) out.int(nullIndex)
      else throw new DataError(`${placeText(path)} is a union with none of its fields set`)
    }
  }

  #present(schema: Schema, type: AvroType, path: string): Write {
    const wrong = (value: unknown): never => {
      throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not a value of ${schema.name ?? schema.type}`)
    }
    if (!kindsOf(schema).includes(type.kind)) {
      throw new DataError(`${placeText(path)} is of type ${schema.type}, but of type ${type.kind} in the registered schema`)
    }
    switch (type.kind) {
      case 'boolean':
        return (out, value) => (typeof value === 'boolean' ? out.boolean(value) : wrong(value))
      case 'int': {
        const most = schema.type === 'int8' ? 127 : schema.type === 'int16' ? 32_767 : 2_147_483_647
        return (out, value) =>
          Number.isInteger(value) && (value as number) <= most && (value as number) >= -most - 1 ? out.int(value as number) : wrong(value)
      }
      case 'long':
        return (out, value) => {
          const whole = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : wrong(value)
          if (BigInt.asIntN(64, whole) !== whole) wrong(value)
          out.long(whole)
        }
      case 'float':
        return (out, value) => (typeof value === 'number' ? out.float(value) : wrong(value))
      case 'double':
        return (out, value) => (typeof value === 'number' ? out.double(value) : wrong(value))
      case 'string':
        return (out, value) => {
          if (typeof value !== 'string') return wrong(value)
          if (out.string(value)) return
          throw new DataError(`${placeText(path)} has half of a surrogate pair, which UTF-8 cannot hold`)
        }
      case 'enum': {
        const { symbols } = type
        return (out, value) => {
          const index = symbols.indexOf(value as string)
          if (index < 0)
            throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is none of the symbols of the enum ${type.name}`)
          out.int(index)
        }
      }
      case 'bytes':
        if (schema.name === logical.decimal) return (out, value) => out.bytes(decimalBytes(schema, isDecimal(value) ? value : wrong(value)))
        return (out, value) => (value instanceof Uint8Array ? out.bytes(value) : wrong(value))
      case 'fixed':
        return fixedWriter(schema, type.size, path, wrong)
      case 'array':
        return this.#array(schema, type.items, path, wrong)
      case 'map': {
        const item = this.writer(schema.valueSchema!, type.values, `${path}{}`)
        return (out, value) => {
          if (!(value instanceof Map)) return wrong(value)
          if (value.size > 0) out.int(value.size)
          for (const [key, one] of value) {
            if (typeof key !== 'string' || !out.string(key)) wrong(key)
            item(out, one)
          }
          return out.int(0)
        }
      }
      case 'record':
        return this.#record(schema, type, path, wrong)
      default:
        throw new DataError(`${placeText(path)} cannot be written as ${type.kind}`)
    }
  }

  #array(schema: Schema, items: AvroType, path: string, wrong: (value: unknown) => never): Write {
    if (schema.type === 'map') {
      const entry = mapEntryOf(items)
      if (entry === undefined) throw new DataError(`${placeText(path)} is a map, but an array in the registered schema`)
      const key = this.writer(schema.keySchema!, entry.key, `${path}{key}`)
      const item = this.writer(schema.valueSchema!, entry.value, `${path}{}`)
      const keyFirst = (items as AvroRecord).fields[0]!.name === 'key'
      return (out, value) => {
        if (!(value instanceof Map)) return wrong(value)
        if (value.size > 0) out.int(value.size)
        for (const [name, one] of value) {
          if (keyFirst) key(out, name)
          item(out, one)
          if (!keyFirst) key(out, name)
        }
        return out.int(0)
      }
    }
    const item = this.writer(schema.valueSchema!, items, `${path}[]`)
    return (out, value) => {
      if (!Array.isArray(value)) return wrong(value)
      if (value.length > 0) out.int(value.length)
      for (const one of value) item(out, one)
      return out.int(0)
    }
  }

  #record(schema: Schema, type: AvroRecord, path: string, wrong: (value: unknown) => never): Write {
    const names = new Map(schema.fields.map((field) => [this.#mapping.scrub ? scrubbedName(field.name) : field.name, field]))
    const fields = type.fields.map((avro) => {
      const field = names.get(avro.name)
      if (field === undefined) return { name: avro.name, inherited: false, write: this.#filling(avro, memberPath(path, avro.name)) }
      return {
        name: field.name,
        inherited: isInheritedName(field.name),
        write: this.writer(field.schema, avro.type, memberPath(path, field.name)),
      }
    })
    const lacking = [...names.keys()].find((name) => !type.fields.some((field) => field.name === name))
    if (lacking !== undefined && this.#strict) {
      throw new DataError(
        `${placeText(memberPath(path, lacking))} is not in the registered schema; add it there, or set latest.compatibility.strict=false to leave it out`,
      )
    }
    const own = schema.fields.length
    return (out, value) => {
      if (!isStruct(value)) return wrong(value)
      const keys = Object.keys(value)
      if (keys.length > own) {
        const unknown = keys.find((key) => !schema.fields.some((field) => field.name === key))
        throw new DataError(`${placeText(path)} has a member ${JSON.stringify(unknown)} that is not in its schema`)
      }
      for (const { name, inherited, write } of fields) write(out, inherited && !Object.hasOwn(value, name) ? null : value[name])
      return undefined
    }
  }

  /** A field that the record does not have: the registered schema's default, where it has one. */
  #filling(field: AvroField, path: string): Write {
    if (field.defaultValue === undefined)
      throw new DataError(`${placeText(path)} is in the registered schema, without a default, but not in the record`)
    if (field.type.kind === 'union' && field.defaultValue === null) {
      const index = field.type.branches.findIndex((one) => one.kind === 'null')
      return (out) => out.int(index)
    }
    const schema = connectSchemaOf(field.type, this.#mapping, null)
    const write = this.writer(schema, field.type, path)
    const value = defaultFromAvro(schema, field.type, field.defaultValue)
    return (out) => write(out, value)
  }
}

function fixedWriter(schema: Schema, size: number, path: string, wrong: (value: unknown) => never): Write {
  return (out, value) => {
    if (schema.name !== logical.decimal) {
      if (!(value instanceof Uint8Array)) return wrong(value)
      if (value.length !== size)
        throw new DataError(`${placeText(path)} has ${value.length} bytes, where the registered schema has ${size}`)
      return out.raw(value)
    }
    const bytes = decimalBytes(schema, isDecimal(value) ? value : wrong(value))
    if (bytes.length > size) throw new DataError(`${placeText(path)} does not fit the ${size} bytes of the registered decimal`)
    return out.raw(Buffer.concat([Buffer.alloc(size - bytes.length, bytes[0]! & 0x80 ? 0xff : 0), bytes]))
  }
}

/** Avro kinds that can tell a value of this Connect schema. */
function kindsOf(schema: Schema): readonly AvroType['kind'][] {
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return ['int', 'long']
    case 'int64':
      return ['long']
    case 'float32':
      return ['float', 'double']
    case 'float64':
      return ['double']
    case 'boolean':
      return ['boolean']
    case 'string':
      return ['string', 'enum']
    case 'bytes':
      return ['bytes', 'fixed']
    case 'array':
      return ['array']
    case 'map':
      return ['map', 'array']
    case 'struct':
      return ['record']
    default:
      return schema.type satisfies never
  }
}

function isDecimal(value: unknown): value is Decimal {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Decimal).unscaled === 'bigint' &&
    Number.isInteger((value as Decimal).scale)
  )
}

function isStruct(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map) && !ArrayBuffer.isView(value)
}
