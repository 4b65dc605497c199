import { DataError } from '../../contract/errors.ts'
import { parseProto, type OptionValue, type ProtoEnum, type ProtoField, type ProtoFile, type ProtoMessage } from './proto-file.ts'
import { wellKnownFiles } from './well-known.ts'

/** Types of protobuf that are no messages and no enums. */
export const scalarTypes = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const
export type ScalarType = (typeof scalarTypes)[number]

/** What a field's type comes to. */
export type FieldType = ScalarType | ProtoMessage | ProtoEnum

/** A schema with all that it imports: finds messages by name and by the indexes that stand in a message's head. */
export class ProtoSchema {
  readonly main: ProtoFile
  readonly #types = new Map<string, ProtoMessage | ProtoEnum>()

  /** Throws a DataError for text that cannot be read and for an import that is not there. */
  constructor(text: string, imports: readonly { readonly name: string; readonly text: string }[]) {
    this.main = parseProto(text)
    const given = new Map(imports.map((one) => [one.name, one.text]))
    const read = new Set<string>()
    const add = (file: ProtoFile) => {
      for (const one of [...file.messages, ...file.enums]) this.#define(one)
      for (const name of file.imports) {
        if (read.has(name)) continue
        read.add(name)
        const source = given.get(name) ?? wellKnownFiles.get(name)
        if (source === undefined)
          throw new DataError(`The Protobuf schema imports ${name.slice(0, 200)}, which is not among its references in the registry`)
        add(parseProto(source))
      }
    }
    add(this.main)
  }

  /** The message that these indexes name: the first within the file, the next within that message, and so on. */
  message(indexes: readonly number[]): ProtoMessage {
    let list = this.main.messages
    let found: ProtoMessage | undefined
    for (const index of indexes) {
      found = list[index]
      if (found === undefined) throw new DataError(`Not Protobuf of this schema: there is no message of index ${indexes.join('.')}`)
      list = found.messages
    }
    if (found === undefined) throw new DataError('The Protobuf schema has no message')
    return found
  }

  /** The first message of that full name, and its indexes; undefined: there is none in the main file. */
  indexesOf(fullName: string): readonly number[] | undefined {
    const search = (list: readonly ProtoMessage[]): number[] | undefined => {
      for (const [index, one] of list.entries()) {
        if (one.fullName === fullName) return [index]
        const deeper = search(one.messages)
        if (deeper !== undefined) return [index, ...deeper]
      }
      return undefined
    }
    return search(this.main.messages)
  }

  /** What a type's name means in a message: looked for from the inside to the outside, as protoc does. */
  typeOf(name: string, within: ProtoMessage): FieldType {
    if ((scalarTypes as readonly string[]).includes(name)) return name as ScalarType
    if (name.startsWith('.')) return this.#types.get(name.slice(1)) ?? missing(name, within)
    for (let scope = within.fullName; ; scope = scope.includes('.') ? scope.slice(0, scope.lastIndexOf('.')) : '') {
      const found = this.#types.get(scope === '' ? name : `${scope}.${name}`)
      if (found !== undefined) return found
      if (scope === '') return missing(name, within)
    }
  }

  #define(type: ProtoMessage | ProtoEnum): void {
    const before = this.#types.get(type.fullName)
    if (before !== undefined && before !== type) throw new DataError(`The Protobuf schema defines ${type.fullName} twice`)
    this.#types.set(type.fullName, type)
    if ('fields' in type) for (const one of [...type.messages, ...type.enums]) this.#define(one)
  }
}

/** Parameters that Confluent's converter leaves at a field: `(confluent.field_meta).params`. */
export function metaParameters(field: ProtoField): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const add = (value: OptionValue): void => {
    if (typeof value === 'string') return
    if (!('members' in value)) {
      for (const one of value) add(one)
      return
    }
    const member = (name: string) => value.members.find((one) => one.name === name)?.value
    const [key, text] = [member('key'), member('value')]
    if (typeof key === 'string' && typeof text === 'string') found.set(key, text)
  }
  for (const { name, value } of field.options) {
    if (name === '(confluent.field_meta).params') add(value)
    if (name === '(confluent.field_meta)' && typeof value === 'object' && 'members' in value) {
      for (const one of value.members) if (one.name === 'params') add(one.value)
    }
  }
  return found
}

function missing(name: string, within: ProtoMessage): never {
  throw new DataError(`The Protobuf message ${within.fullName} uses the type ${name.slice(0, 200)}, which is not defined`)
}
