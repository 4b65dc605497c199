import { DataError } from '../../contract/errors.ts'
import { logical, sameSchema, withExtras, type Schema } from '../../contract/schema.ts'
import { memberPath, placeText } from '../field-path.ts'
import { words, type ProtobufMapping } from './connect-words.ts'
import type { ScalarType } from './proto-schema.ts'
import { messages, wellKnownFiles, wrappers } from './well-known.ts'

/** Deepest nesting of a Connect schema that is written. */
const depthMax = 100

/** A .proto text and the full name of the message in it that values are written as. */
export interface ProtoText {
  readonly text: string
  readonly message: string
}

/**
 * The proto3 text for a Connect schema, with the types and names that Confluent's ProtobufConverter uses. A primitive becomes Google's wrapper
 * message. Throws a DataError for what Protobuf has no word for: lists of lists, names with other signs (unless scrub.invalid.names).
 */
export function protoTextOf(schema: Schema, mapping: ProtobufMapping): ProtoText {
  const scalar = schema.name === null || schema.type !== 'struct' ? scalarOf(schema) : undefined
  if (schema.type !== 'struct' && scalar !== undefined && messageOf(schema) === undefined) {
    return { text: wellKnownFiles.get('google/protobuf/wrappers.proto')!, message: wrappers[scalar as keyof typeof wrappers] }
  }
  if (schema.type !== 'struct')
    throw new DataError(`The value is of type ${schema.name ?? schema.type}; as a whole, Protobuf holds structs and plain scalars only`)
  return new FromConnect(mapping).file(schema)
}

/** A name as scrub.invalid.names makes it: percent-encoded, then all that Protobuf does not allow becomes `_`. */
export function scrubbedName(name: string): string {
  const encoded = encodeURIComponent(name).replaceAll('%20', '+')
  return (/^[A-Za-z_]/.test(encoded) ? encoded : `x${encoded}`).replaceAll(/[^A-Za-z0-9_]/g, '_')
}

interface Scope {
  readonly fullName: string
  /** Of fields; those of a oneof stand deeper than the messages beside it. */
  readonly indent: string
  readonly inside: string
  /** Names of fields, messages and enums in it. */
  readonly taken: Set<string>
  /** Texts of the messages and enums in it. */
  readonly nested: string[]
}

class FromConnect {
  readonly #mapping: ProtobufMapping
  readonly #imports = new Set<string>()
  readonly #defined = new Map<string, { readonly schema: Schema; readonly fullName: string }>()

  constructor(mapping: ProtobufMapping) {
    this.#mapping = mapping
  }

  file(schema: Schema): ProtoText {
    const full = schema.name ?? `${words.defaultMessage}1`
    const parts = full.split('.').map((part) => this.#name(part, ''))
    const name = parts.at(-1)!
    const packageName = parts.slice(0, -1).join('.')
    const body = this.#message(schema, name, packageName, '', '', 0)
    const imports = [...this.#imports].sort().map((one) => `import "${one}";\n`)
    const head = `syntax = "proto3";\n${packageName === '' ? '' : `package ${packageName};\n`}${imports.length === 0 ? '' : `\n${imports.join('')}`}\n`
    return { text: `${head}${body}`, message: packageName === '' ? name : `${packageName}.${name}` }
  }

  #message(schema: Schema, name: string, outer: string, indent: string, path: string, depth: number): string {
    if (depth > depthMax)
      throw new DataError(`${placeText(path)} is nested deeper than ${depthMax} levels; Protobuf schemas are not written deeper`)
    const scope: Scope = {
      fullName: outer === '' ? name : `${outer}.${name}`,
      indent: `${indent}  `,
      inside: `${indent}  `,
      taken: new Set(),
      nested: [],
    }
    if (schema.name !== null) this.#defined.set(schema.name, { schema: bare(schema), fullName: scope.fullName })
    const tags = new Tags(schema)
    for (const field of schema.fields) scope.taken.add(field.name)
    const fields = schema.fields.map((field) => {
      const place = memberPath(path, field.name)
      if (!isUnion(field.schema)) return this.#field(field.schema, field.name, tags.next(field.schema), scope, place, depth, false)
      const oneof = this.#name(field.schema.name!.slice(words.union.length), place)
      const inner = { ...scope, indent: `${scope.indent}  ` }
      const parts = field.schema.fields.map((one) =>
        this.#field(one.schema, one.name, tags.next(one.schema), inner, memberPath(place, one.name), depth, true),
      )
      return `${scope.indent}oneof ${oneof} {\n${parts.join('')}${scope.indent}}\n`
    })
    return `${indent}message ${name} {\n${fields.join('')}${scope.nested.join('')}${indent}}\n`
  }

  #field(schema: Schema, given: string, tag: number, scope: Scope, path: string, depth: number, inOneof: boolean): string {
    const name = this.#name(given, path)
    if (inOneof && (schema.type === 'array' || schema.type === 'map'))
      throw new DataError(`${placeText(path)} is a list within a oneof, which Protobuf has not`)
    if (schema.type === 'map') return `${scope.indent}${this.#map(schema, name, scope, path, depth)} ${name} = ${tag};\n`
    const item = schema.type === 'array' ? schema.valueSchema! : schema
    if (schema.type === 'array' && (item.type === 'array' || item.type === 'map'))
      throw new DataError(`${placeText(path)} is a list of lists or maps, which Protobuf has not`)
    const nullable = schema.type !== 'array' && schema.optional && !inOneof
    const type = this.#type(item, name, scope, path, depth, nullable && this.#mapping.wrappers)
    const isMessage = item.type === 'struct' || messageOf(item) !== undefined || type.startsWith('google.protobuf.')
    const label = schema.type === 'array' ? 'repeated ' : nullable && !isMessage && this.#mapping.optionals ? 'optional ' : ''
    return `${scope.indent}${label}${type} ${name} = ${tag}${optionsOf(item)};\n`
  }

  #type(schema: Schema, fieldName: string, scope: Scope, path: string, depth: number, wrap: boolean): string {
    const message = messageOf(schema)
    if (message !== undefined) {
      this.#imports.add(message.file)
      if (schema.name === logical.decimal) this.#imports.add('confluent/meta.proto')
      return message.name
    }
    if (schema.type === 'struct') return this.#reference(schema, fieldName, scope, path, depth)
    if (schema.parameters?.[words.enum] !== undefined) return this.#enum(schema, scope, path)
    const scalar = scalarOf(schema)
    if (scalar === undefined) throw new DataError(`${placeText(path)} is of type ${schema.type}, which Protobuf has no word for here`)
    if (schema.type === 'int8' || schema.type === 'int16') this.#imports.add('confluent/meta.proto')
    if (!wrap) return scalar
    this.#imports.add('google/protobuf/wrappers.proto')
    return wrappers[scalar as keyof typeof wrappers]
  }

  #reference(schema: Schema, fieldName: string, scope: Scope, path: string, depth: number): string {
    const known = schema.name === null ? undefined : this.#defined.get(schema.name)
    if (known !== undefined && sameSchema(known.schema, bare(schema))) {
      const outer = known.fullName.slice(0, known.fullName.lastIndexOf('.'))
      return outer === scope.fullName ? known.fullName.slice(outer.length + 1) : `.${known.fullName}`
    }
    const wanted = this.#name(schema.name === null ? `${words.defaultMessage}1` : schema.name.slice(schema.name.lastIndexOf('.') + 1), path)
    const name = freeName(wanted === fieldName ? `${wanted}Message` : wanted, scope)
    scope.nested.push(this.#message(schema, name, scope.fullName, scope.inside, path, depth + 1))
    return name
  }

  #enum(schema: Schema, scope: Scope, path: string): string {
    const wanted = schema.parameters![words.enum]!
    const values = Object.entries(schema.parameters!)
      .flatMap(([key, number]) =>
        key.startsWith(`${words.enum}.`) ? [[this.#name(key.slice(words.enum.length + 1), path), Number(number)] as const] : [],
      )
      .sort((a, b) => (a[1] === 0 ? -1 : 0) - (b[1] === 0 ? -1 : 0))
    if (values[0]?.[1] !== 0) throw new DataError(`${placeText(path)} is an enum without a value 0, which proto3 asks for`)
    const known = this.#defined.get(`enum ${wanted}`)
    if (known !== undefined && sameSchema(known.schema, bare(schema))) return `.${known.fullName}`
    const name = freeName(this.#name(wanted.slice(wanted.lastIndexOf('.') + 1), path), scope)
    this.#defined.set(`enum ${wanted}`, { schema: bare(schema), fullName: `${scope.fullName}.${name}` })
    const indent = scope.inside
    const alias = new Set(values.map(([, number]) => number)).size < values.length ? `${indent}  option allow_alias = true;\n` : ''
    scope.nested.push(
      `${indent}enum ${name} {\n${alias}${values.map(([one, number]) => `${indent}  ${one} = ${number};\n`).join('')}${indent}}\n`,
    )
    return name
  }

  #map(schema: Schema, fieldName: string, scope: Scope, path: string, depth: number): string {
    const key = schema.keySchema!
    const value = schema.valueSchema!
    if (value.type === 'array' || value.type === 'map')
      throw new DataError(`${placeText(path)} is a map of lists or maps, which Protobuf has not`)
    const type = this.#type(value, fieldName, scope, path, depth, false)
    const keyType = scalarOf(key)
    const plainKey =
      keyType !== undefined &&
      ['int32', 'int64', 'bool', 'string'].includes(keyType) &&
      key.type !== 'int8' &&
      key.type !== 'int16' &&
      messageOf(key) === undefined
    const plainValue = optionsOf(value) === ''
    if (plainKey && plainValue) return `map<${keyType}, ${type}>`
    // As maps were written before `map` was a word, which takes any key.
    const name = freeName(`${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Entry`, scope)
    const inner = { ...scope, fullName: `${scope.fullName}.${name}` }
    const keyText = `${this.#type(key, 'key', inner, path, depth, false)} key = 1${optionsOf(key)};`
    scope.nested.push(
      `${scope.inside}message ${name} {\n${scope.inside}  ${keyText}\n${scope.inside}  ${type} value = 2${optionsOf(value)};\n${scope.inside}}\n`,
    )
    return `repeated ${name}`
  }

  #name(name: string, path: string): string {
    if (this.#mapping.scrub) return scrubbedName(name)
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name
    throw new DataError(
      `${placeText(path)} has the name ${JSON.stringify(name)}, which Protobuf does not allow (letters, digits and _ only). Set scrub.invalid.names=true to have it changed, or rename it`,
    )
  }
}

/** Numbers of fields: those that came with them keep theirs, the others count up. */
class Tags {
  readonly #used: Set<number>
  #next = 1

  constructor(schema: Schema) {
    const all = schema.fields.flatMap((field) => (isUnion(field.schema) ? field.schema.fields : [field]))
    this.#used = new Set(all.flatMap((field) => givenTag(field.schema) ?? []))
  }

  next(schema: Schema): number {
    const given = givenTag(schema)
    if (given !== undefined) return given
    while (this.#used.has(this.#next) || (this.#next >= 19_000 && this.#next <= 19_999)) this.#next++
    return this.#next++
  }
}

function givenTag(schema: Schema): number | undefined {
  const tag = Number(schema.parameters?.[words.tag])
  return Number.isInteger(tag) && tag > 0 ? tag : undefined
}

function isUnion(schema: Schema): boolean {
  return schema.type === 'struct' && schema.name?.startsWith(words.union) === true
}

// A type is the same wherever it stands: what is said of its place does not count.
function bare(schema: Schema): Schema {
  const { [words.tag]: _tag, ...parameters } = schema.parameters ?? {}
  return withExtras(schema, {
    optional: false,
    defaultValue: undefined,
    parameters: Object.keys(parameters).length === 0 ? null : parameters,
  })
}

function freeName(wanted: string, scope: Scope): string {
  let name = wanted
  for (let number = 2; scope.taken.has(name); number++) name = `${wanted}${number}`
  scope.taken.add(name)
  return name
}

function messageOf(schema: Schema): { readonly name: string; readonly file: string } | undefined {
  if (schema.type === 'bytes' && schema.name === logical.decimal) return { name: messages.decimal, file: 'confluent/type/decimal.proto' }
  if (schema.type === 'int32' && schema.name === logical.date) return { name: messages.date, file: 'google/type/date.proto' }
  if (schema.type === 'int32' && schema.name === logical.time) return { name: messages.time, file: 'google/type/timeofday.proto' }
  if (schema.type === 'int64' && schema.name === logical.timestamp)
    return { name: messages.timestamp, file: 'google/protobuf/timestamp.proto' }
  return undefined
}

function optionsOf(schema: Schema): string {
  const parameters: (readonly [string, string])[] = []
  if (schema.type === 'int8' || schema.type === 'int16') parameters.push(['connect.type', schema.type])
  if (schema.name === logical.decimal) {
    const { scale, [words.precision]: precision } = schema.parameters ?? {}
    if (precision !== undefined) parameters.push(['precision', String(Number(precision))])
    parameters.push(['scale', String(Number(scale ?? 0))])
  }
  if (parameters.length === 0) return ''
  return ` [(confluent.field_meta) = { params: [${parameters.map(([key, value]) => `{ key: "${key}", value: "${value}" }`).join(', ')}] }]`
}

function scalarOf(schema: Schema): ScalarType | undefined {
  const names = {
    int8: 'int32',
    int16: 'int32',
    int32: 'int32',
    int64: 'int64',
    float32: 'float',
    float64: 'double',
    boolean: 'bool',
    string: 'string',
    bytes: 'bytes',
  } as const
  return schema.type === 'struct' || schema.type === 'array' || schema.type === 'map' ? undefined : names[schema.type]
}
