import { DataError } from '../../contract/errors.ts'
import { NumberText, parseJson } from '../json-parse.ts'

/** Deepest nesting of types in an Avro schema, and most types in one (each use of a named one counted once). */
export const avroDepthMax = 100
const avroTypesMax = 20_000
const avroBranchesMax = 500

/** Members of a type that Avro's specification does not name: logical types, Connect's own words. */
export type AvroProps = Readonly<Record<string, unknown>>

export interface AvroField {
  readonly name: string
  readonly type: AvroType
  readonly doc: string | null
  /** As JSON, numbers of many digits as NumberText; undefined: none. */
  readonly defaultValue: unknown
}

export type AvroPrimitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

/** A parsed Avro schema (specification 1.11). Named types that are used twice are one object. */
export type AvroType =
  | { readonly kind: AvroPrimitive; readonly props: AvroProps }
  | { readonly kind: 'fixed'; readonly name: string; readonly size: number; readonly props: AvroProps }
  | AvroEnum
  | { readonly kind: 'array'; readonly items: AvroType; readonly props: AvroProps }
  | { readonly kind: 'map'; readonly values: AvroType; readonly props: AvroProps }
  | AvroRecord
  | AvroUnion

export interface AvroEnum {
  readonly kind: 'enum'
  readonly name: string
  readonly symbols: readonly string[]
  readonly doc: string | null
  readonly defaultSymbol: string | null
  readonly props: AvroProps
}

export interface AvroRecord {
  readonly kind: 'record'
  readonly name: string
  /** Filled while the record is read, so that it can contain itself. */
  readonly fields: readonly AvroField[]
  readonly doc: string | null
  readonly props: AvroProps
}

export interface AvroUnion {
  readonly kind: 'union'
  readonly branches: readonly AvroType[]
  readonly props: AvroProps
}

/** Reads a schema's JSON text, after those that it refers to. Throws a DataError that says what is wrong with it. */
export function parseAvro(text: string, imports: readonly string[] = []): AvroType {
  const parser = new AvroParser()
  for (const one of imports) parser.parse(one)
  return parser.parse(text)
}

const primitives = new Set<string>(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])
const reserved = new Set(['type', 'name', 'namespace', 'aliases', 'doc', 'fields', 'symbols', 'items', 'values', 'size', 'default'])
const noProps: AvroProps = Object.freeze({})

class AvroParser {
  readonly #named = new Map<string, AvroType>()
  #types = 0

  parse(text: string): AvroType {
    // A bare name is a schema, too; the registry of Confluent keeps it with quotes and without.
    const json = /^[A-Za-z_][\w.]*$/.test(text) ? text : parseJson(text, 'typed')
    return this.#type(json, '', 0)
  }

  #type(json: unknown, namespace: string, depth: number): AvroType {
    if (depth > avroDepthMax) throw new DataError(`The Avro schema is nested deeper than ${avroDepthMax} levels`)
    if (++this.#types > avroTypesMax) throw new DataError(`The Avro schema has more than ${avroTypesMax} types`)
    if (typeof json === 'string') return this.#byName(json, namespace, noProps)
    if (Array.isArray(json)) return this.#union(json, namespace, depth)
    if (typeof json !== 'object' || json === null || json instanceof NumberText)
      throw new DataError(`The Avro schema has ${JSON.stringify(json)} where a type should be`)
    const members = json as Record<string, unknown>
    const type = members.type
    switch (type) {
      case 'record':
      case 'error':
        return this.#record(members, namespace, depth)
      case 'enum':
        return this.#enum(members, namespace)
      case 'fixed':
        return this.#fixed(members, namespace)
      case 'array':
        return { kind: 'array', items: this.#type(members.items, namespace, depth + 1), props: propsOf(members) }
      case 'map':
        return { kind: 'map', values: this.#type(members.values, namespace, depth + 1), props: propsOf(members) }
      default:
        if (typeof type === 'string') return this.#byName(type, namespace, propsOf(members))
        return this.#type(type, namespace, depth + 1)
    }
  }

  #byName(name: string, namespace: string, props: AvroProps): AvroType {
    if (primitives.has(name)) return { kind: name as AvroPrimitive, props }
    const found = this.#named.get(name.includes('.') ? name : fullName(name, namespace)) ?? this.#named.get(name)
    if (found === undefined) throw new DataError(`The Avro schema uses the type "${name.slice(0, 200)}", which it does not define before`)
    return found
  }

  #union(json: readonly unknown[], namespace: string, depth: number): AvroType {
    if (json.length > avroBranchesMax)
      throw new DataError(`The Avro schema has a union of ${json.length} branches; at most ${avroBranchesMax} are read`)
    const branches = json.map((one) => this.#type(one, namespace, depth + 1))
    const names = branches.map(branchName)
    if (branches.some((one) => one.kind === 'union')) throw new DataError('The Avro schema has a union directly within a union')
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) throw new DataError(`The Avro schema has a union with two branches of type ${twice}`)
    if (branches.length === 0) throw new DataError('The Avro schema has a union without branches')
    return { kind: 'union', branches, props: noProps }
  }

  #record(members: Record<string, unknown>, namespace: string, depth: number): AvroType {
    const name = this.#nameOf(members, namespace)
    const fields: AvroField[] = []
    const record: AvroType = { kind: 'record', name, fields, doc: textOr(members.doc), props: propsOf(members) }
    this.#define(name, record)
    if (!Array.isArray(members.fields)) throw new DataError(`Avro record ${name} has no list of fields`)
    const seen = new Set<string>()
    for (const one of members.fields as readonly unknown[]) {
      const field = (typeof one === 'object' && one !== null ? one : {}) as Record<string, unknown>
      if (typeof field.name !== 'string' || !namePattern.test(field.name)) {
        throw new DataError(`Avro record ${name} has a field named ${JSON.stringify(field.name)}, which is not an Avro name`)
      }
      if (seen.has(field.name)) throw new DataError(`Avro record ${name} has two fields named ${field.name}`)
      seen.add(field.name)
      // Properties of a field's own, such as a logical type beside its type, belong to no type in Java's library either.
      fields.push({
        name: field.name,
        type: this.#type(field.type, namespaceOf(name), depth + 1),
        doc: textOr(field.doc),
        defaultValue: Object.hasOwn(field, 'default') ? field.default : undefined,
      })
    }
    return record
  }

  #enum(members: Record<string, unknown>, namespace: string): AvroType {
    const name = this.#nameOf(members, namespace)
    const symbols = members.symbols
    if (!Array.isArray(symbols) || symbols.some((one) => typeof one !== 'string'))
      throw new DataError(`Avro enum ${name} has no list of symbols`)
    const type: AvroType = {
      kind: 'enum',
      name,
      symbols: symbols as readonly string[],
      doc: textOr(members.doc),
      defaultSymbol: textOr(members.default),
      props: propsOf(members),
    }
    this.#define(name, type)
    return type
  }

  #fixed(members: Record<string, unknown>, namespace: string): AvroType {
    const name = this.#nameOf(members, namespace)
    const size = members.size
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > 0x7fff_ffff)
      throw new DataError(`Avro fixed ${name} has no size`)
    const type: AvroType = { kind: 'fixed', name, size, props: propsOf(members) }
    this.#define(name, type)
    return type
  }

  #nameOf(members: Record<string, unknown>, enclosing: string): string {
    const { name, namespace } = members
    if (typeof name !== 'string' || !namePattern.test(name.slice(name.lastIndexOf('.') + 1))) {
      throw new DataError(`The Avro schema has a ${String(members.type)} named ${JSON.stringify(name)}, which is not an Avro name`)
    }
    if (name.includes('.')) return name
    return fullName(name, typeof namespace === 'string' ? namespace : enclosing)
  }

  #define(name: string, type: AvroType): void {
    if (this.#named.has(name)) throw new DataError(`The Avro schema defines the type ${name} twice`)
    this.#named.set(name, type)
  }
}

/** What a name in Avro may look like, without its namespace. */
export const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/** What tells a union's branches apart: their full name, else their kind. */
export function branchName(type: AvroType): string {
  return type.kind === 'record' || type.kind === 'enum' || type.kind === 'fixed' ? type.name : type.kind
}

export function namespaceOf(name: string): string {
  return name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : ''
}

export function simpleName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

function fullName(name: string, namespace: string): string {
  return namespace === '' ? name : `${namespace}.${name}`
}

function textOr(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function propsOf(members: Record<string, unknown>): AvroProps {
  const own = Object.entries(members).filter(([name]) => !reserved.has(name))
  return own.length === 0 ? noProps : Object.fromEntries(own)
}
