import { DataError } from '../../contract/errors.ts'
import { ProtoTokens } from './proto-tokens.ts'

/** Deepest nesting of messages and options in a .proto text. */
const depthMax = 100
/** Most oneofs in a message, and most fields in one. */
const alternativesMax = 500

/** A .proto text, parsed: what its messages look like on the wire, and no more. */
export interface ProtoFile {
  readonly proto3: boolean
  readonly packageName: string
  readonly imports: readonly string[]
  readonly messages: readonly ProtoMessage[]
  readonly enums: readonly ProtoEnum[]
}

export interface ProtoMessage {
  readonly name: string
  readonly fullName: string
  readonly fields: readonly ProtoField[]
  /** Names of the oneofs, in order; those that proto3's `optional` stands for are none. */
  readonly oneofs: readonly string[]
  readonly messages: readonly ProtoMessage[]
  readonly enums: readonly ProtoEnum[]
  readonly proto3: boolean
}

export interface ProtoField {
  readonly name: string
  readonly tag: number
  /** Name of the type as written; of a map's values for a map. */
  readonly type: string
  readonly label: 'optional' | 'required' | 'repeated' | null
  /** Type of a map's keys; null: no map. */
  readonly mapKey: string | null
  readonly oneof: string | null
  readonly options: readonly ProtoOption[]
}

export interface ProtoEnum {
  readonly name: string
  readonly fullName: string
  readonly values: readonly { readonly name: string; readonly number: number }[]
}

export interface ProtoOption {
  readonly name: string
  readonly value: OptionValue
}

/** A constant, a list, or the members of an aggregate in order (names may repeat). */
export type OptionValue = string | readonly OptionValue[] | { readonly members: readonly ProtoOption[] }

/** Parses a .proto text (proto2 or proto3). Services, extensions and options of files and messages are passed over. Throws a DataError. */
export function parseProto(text: string): ProtoFile {
  return new ProtoParser(text).file()
}

class ProtoParser {
  readonly #tokens: ProtoTokens
  #proto3 = false
  #package = ''
  #depth = 0

  constructor(text: string) {
    this.#tokens = new ProtoTokens(text)
  }

  file(): ProtoFile {
    const tokens = this.#tokens
    const imports: string[] = []
    const messages: ProtoMessage[] = []
    const enums: ProtoEnum[] = []
    while (tokens.peek().kind !== 'end') {
      if (tokens.skip(';')) continue
      const word = tokens.name()
      switch (word) {
        case 'syntax':
          tokens.expect('=')
          this.#proto3 = this.#syntax(tokens.string())
          tokens.expect(';')
          break
        case 'edition':
          throw new DataError('The Protobuf schema uses an edition; only syntax proto2 and proto3 are read')
        case 'import':
          if (!tokens.skip('public')) tokens.skip('weak')
          imports.push(tokens.string())
          tokens.expect(';')
          break
        case 'package':
          this.#package = tokens.fullName()
          tokens.expect(';')
          break
        case 'message':
          messages.push(this.#message(this.#package))
          break
        case 'enum':
          enums.push(this.#enum(this.#package))
          break
        case 'option':
          this.#option()
          tokens.expect(';')
          break
        case 'service':
        case 'extend':
          this.#passOver()
          break
        default:
          throw new DataError(
            `The Protobuf schema cannot be read: in line ${tokens.peek().line} "${word.slice(0, 40)}" starts no statement`,
          )
      }
    }
    return { proto3: this.#proto3, packageName: this.#package, imports, messages, enums }
  }

  #syntax(name: string): boolean {
    if (name === 'proto2' || name === 'proto3') return name === 'proto3'
    throw new DataError(`The Protobuf schema has the syntax "${name.slice(0, 40)}"; only proto2 and proto3 are read`)
  }

  #message(scope: string): ProtoMessage {
    const tokens = this.#tokens
    const name = tokens.name()
    const fullName = scope === '' ? name : `${scope}.${name}`
    const fields: ProtoField[] = []
    const oneofs: string[] = []
    const messages: ProtoMessage[] = []
    const enums: ProtoEnum[] = []
    this.#open()
    while (!this.#close()) {
      if (tokens.skip(';')) continue
      const word = tokens.peek().text
      // A type of one's own may have the name of a statement, with a dot or not; what follows tells them apart.
      if (tokens.peek().kind === 'name' && statements.has(word)) {
        tokens.take()
        if (word === 'message') messages.push(this.#message(fullName))
        else if (word === 'enum') enums.push(this.#enum(fullName))
        else if (word === 'extend') this.#passOver()
        else if (word === 'oneof') fields.push(...this.#oneof(oneofs))
        else if (word === 'option') {
          this.#option()
          tokens.expect(';')
        } else while (!tokens.skip(';')) this.#notEnd()
        continue
      }
      fields.push(this.#field(null))
    }
    const seen = new Set<number>()
    const names = new Set<string>()
    for (const field of fields) {
      if (seen.has(field.tag) || names.has(field.name))
        throw new DataError(`The Protobuf message ${fullName} has two fields of number ${field.tag} or name ${field.name}`)
      seen.add(field.tag)
      names.add(field.name)
    }
    return { name, fullName, fields, oneofs, messages, enums, proto3: this.#proto3 }
  }

  #oneof(oneofs: string[]): readonly ProtoField[] {
    const tokens = this.#tokens
    const name = tokens.name()
    if (oneofs.push(name) > alternativesMax)
      throw new DataError(`The Protobuf schema has a message with more than ${alternativesMax} oneofs`)
    const fields: ProtoField[] = []
    this.#open()
    while (!this.#close()) {
      if (tokens.skip(';')) continue
      if (tokens.skip('option')) {
        this.#option()
        tokens.expect(';')
      } else if (fields.push(this.#field(name)) > alternativesMax) {
        throw new DataError(`The Protobuf schema has a oneof with more than ${alternativesMax} fields`)
      }
    }
    return fields
  }

  #field(oneof: string | null): ProtoField {
    const tokens = this.#tokens
    const label = (['optional', 'required', 'repeated'] as const).find((one) => tokens.skip(one)) ?? null
    let mapKey: string | null = null
    let type = tokens.fullName()
    if (type === 'group') throw new DataError('The Protobuf schema has a group; groups are not read')
    if (type === 'map' && tokens.skip('<')) {
      mapKey = tokens.fullName()
      tokens.expect(',')
      type = tokens.fullName()
      tokens.expect('>')
    }
    const name = tokens.name()
    tokens.expect('=')
    const tag = tokens.integer()
    if (tag < 1 || tag > 536_870_911) throw new DataError(`The Protobuf field ${name} has the number ${tag}, which is none`)
    const options: ProtoOption[] = []
    if (tokens.skip('[')) {
      do options.push(this.#option())
      while (tokens.skip(','))
      tokens.expect(']')
    }
    tokens.expect(';')
    return { name, tag, type, label, mapKey, oneof, options }
  }

  #enum(scope: string): ProtoEnum {
    const tokens = this.#tokens
    const name = tokens.name()
    const values: { name: string; number: number }[] = []
    this.#open()
    while (!this.#close()) {
      if (tokens.skip(';')) continue
      const word = tokens.name()
      if (word === 'option' && !(tokens.peek().text === '=')) {
        this.#option()
        tokens.expect(';')
      } else if (word === 'reserved' && tokens.peek().text !== '=') while (!tokens.skip(';')) this.#notEnd()
      else {
        tokens.expect('=')
        values.push({ name: word, number: tokens.integer() })
        if (tokens.skip('[')) {
          do this.#option()
          while (tokens.skip(','))
          tokens.expect(']')
        }
        tokens.expect(';')
      }
    }
    return { name, fullName: scope === '' ? name : `${scope}.${name}`, values }
  }

  #option(): ProtoOption {
    const tokens = this.#tokens
    let name = ''
    do {
      if (tokens.skip('(')) {
        name += `${name === '' ? '' : '.'}(${tokens.fullName().replace(/^\./, '')})`
        tokens.expect(')')
      } else name += `${name === '' ? '' : '.'}${tokens.name()}`
    } while (tokens.skip('.'))
    tokens.expect('=')
    return { name, value: this.#value() }
  }

  #value(): OptionValue {
    const tokens = this.#tokens
    if (tokens.peek().kind === 'string') return tokens.string()
    if (tokens.peek().text === '{') return this.#aggregate('{', '}')
    if (tokens.peek().text === '<') return this.#aggregate('<', '>')
    if (tokens.skip('[')) {
      this.#deeper()
      const list: OptionValue[] = []
      while (!tokens.skip(']')) {
        list.push(this.#value())
        tokens.skip(',')
        if (tokens.peek().kind === 'end') throw tokens.fault('"]"')
      }
      this.#depth--
      return list
    }
    const sign = tokens.skip('-') ? '-' : ''
    tokens.skip('+')
    return tokens.peek().kind === 'name' ? sign + tokens.fullName() : sign + this.#notEnd()
  }

  #aggregate(open: string, close: string): OptionValue {
    const tokens = this.#tokens
    tokens.expect(open)
    this.#deeper()
    const members: ProtoOption[] = []
    while (!tokens.skip(close)) {
      const bracketed = tokens.skip('[')
      const name = tokens.fullName()
      if (bracketed) tokens.expect(']')
      tokens.skip(':')
      members.push({ name, value: this.#value() })
      if (!tokens.skip(',')) tokens.skip(';')
    }
    this.#depth--
    return { members }
  }

  // To the end of the block that follows, whatever is in it.
  #passOver(): void {
    while (this.#tokens.peek().text !== '{') this.#notEnd()
    let open = 0
    do {
      const text = this.#notEnd()
      if (text === '{') open++
      else if (text === '}') open--
    } while (open > 0)
  }

  #notEnd(): string {
    const token = this.#tokens.take()
    if (token.kind === 'end') throw new DataError('The Protobuf schema ends within a statement')
    return token.kind === 'string' ? `"${token.text}` : token.text
  }

  #open(): void {
    this.#tokens.expect('{')
    this.#deeper()
  }

  #close(): boolean {
    if (!this.#tokens.skip('}')) return false
    this.#depth--
    return true
  }

  #deeper(): void {
    if (++this.#depth > depthMax) throw new DataError(`The Protobuf schema is nested deeper than ${depthMax} levels`)
  }
}

const statements = new Set(['message', 'enum', 'extend', 'oneof', 'option', 'reserved', 'extensions'])
