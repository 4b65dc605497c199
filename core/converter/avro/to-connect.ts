import { DataError } from '../../contract/errors.ts'
import { arrayOf, logical, mapOf, primitive, structOf, withExtras, type Schema, type SchemaExtras } from '../../contract/schema.ts'
import { setOwn } from '../field-path.ts'
import { defaultFromAvro } from './default-value.ts'
import { namespaceOf, simpleName, type AvroRecord, type AvroType, type AvroUnion } from './avro-type.ts'
import { defaultPrecision, unionFieldName, words, type AvroMapping } from './connect-words.ts'

/** Most schemas that one Avro schema may become: named types count each time that they are used. */
const schemasMax = 20_000

/**
 * The Connect schema of an Avro schema, as `AvroData.toConnectSchema` of Confluent's converter makes it. `version` is the registry's, for
 * schemas that state none. Throws a DataError for what Connect cannot say: recursive types, a standalone null.
 */
export function connectSchemaOf(type: AvroType, mapping: AvroMapping, version: number | null): Schema {
  return new ToConnect(mapping).schema(type, { optional: false, version })
}

/** A map that Avro can only tell as an array of pairs; undefined: the array is an array. */
export function mapEntryOf(items: AvroType): { readonly key: AvroType; readonly value: AvroType } | undefined {
  if (items.kind !== 'record') return undefined
  const marked = items.name === `${words.namespace}.${words.mapEntry}` || items.props[words.internalType] === words.mapEntry
  if (!marked) return undefined
  const key = items.fields.find((field) => field.name === 'key')
  const value = items.fields.find((field) => field.name === 'value')
  if (items.fields.length !== 2 || !key || !value)
    throw new DataError(`The Avro record ${items.name} stands for a map, but has not just the fields key and value`)
  return { key: key.type, value: value.type }
}

/** The branch of a union of null and one other type; undefined: it is another union. */
export function optionalBranch(union: AvroUnion): AvroType | undefined {
  if (union.branches.length !== 2 || !union.branches.some((one) => one.kind === 'null')) return undefined
  return union.branches.find((one) => one.kind !== 'null')
}

interface Wanted {
  readonly optional: boolean
  readonly version?: number | null
  /** Default of the Avro field, as JSON. */
  readonly fieldDefault?: unknown
}

class ToConnect {
  readonly #mapping: AvroMapping
  readonly #open = new Set<AvroType>()
  #schemas = 0

  constructor(mapping: AvroMapping) {
    this.#mapping = mapping
  }

  schema(type: AvroType, wanted: Wanted): Schema {
    if (++this.#schemas > schemasMax) throw new DataError(`The Avro schema becomes more than ${schemasMax} Connect schemas`)
    if (type.kind === 'union') {
      const only = optionalBranch(type)
      if (only !== undefined) return this.schema(only, { optional: true })
      if (type.branches.length === 1) return this.schema(type.branches[0]!, wanted)
    }
    const parameters: Record<string, string> = {}
    const bare = this.#bare(type, parameters)
    const { props } = type
    if (this.#mapping.metadata) addParameters(props['connect.parameters'], parameters)
    for (const [name, value] of Object.entries(props)) if (name.startsWith('avro')) setOwn(parameters, name, String(value))
    const connectDefault = props['connect.default']
    if (wanted.fieldDefault !== undefined && connectDefault === undefined) parameters[words.fieldDefault] = 'true'
    const extras: SchemaExtras = {
      optional: wanted.optional || bare.optional,
      name: nameOf(type, bare),
      version: bare.version ?? versionOf(props['connect.version']) ?? wanted.version ?? null,
      doc: this.#mapping.metadata && typeof props['connect.doc'] === 'string' ? props['connect.doc'] : null,
      parameters: Object.keys(parameters).length === 0 ? null : parameters,
    }
    const schema = withExtras(bare, extras)
    const json = wanted.fieldDefault === undefined ? connectDefault : wanted.fieldDefault
    if (json === undefined || json === null) return schema
    return withExtras(schema, { defaultValue: defaultFromAvro(schema, type, json) })
  }

  #bare(type: AvroType, parameters: Record<string, string>): Schema {
    const { props } = type
    const logicalType = typeof props.logicalType === 'string' ? props.logicalType.toLowerCase() : undefined
    switch (type.kind) {
      case 'boolean':
        return primitive('boolean')
      case 'float':
        return primitive('float32')
      case 'double':
        return primitive('float64')
      case 'int':
        if (logicalType === 'date') return primitive('int32', { name: logical.date, version: 1 })
        if (logicalType === 'time-millis') return primitive('int32', { name: logical.time, version: 1 })
        return primitive(logicalType === undefined ? smallInt(props['connect.type']) : 'int32')
      case 'long':
        if (logicalType === 'timestamp-millis') return primitive('int64', { name: logical.timestamp, version: 1 })
        return this.#named('int64', logicalType, props['connect.name'])
      case 'string':
        return this.#named('string', logicalType, props['connect.name'])
      case 'bytes':
      case 'fixed':
        if (logicalType === 'decimal') return decimal(props, parameters)
        return primitive('bytes')
      case 'enum':
        if (this.#mapping.metadata) {
          if (type.doc !== null) parameters[`${words.enumDoc}${simpleName(type.name)}`] = type.doc
          if (type.defaultSymbol !== null) parameters[`${words.enumDefault}${simpleName(type.name)}`] = type.defaultSymbol
        }
        parameters[words.enum] = type.name
        for (const symbol of type.symbols) parameters[`${words.enum}.${symbol}`] = symbol
        return primitive('string')
      case 'array': {
        const entry = mapEntryOf(type.items)
        if (entry === undefined) return arrayOf(this.schema(type.items, { optional: false }))
        return mapOf(this.schema(entry.key, { optional: false }), this.schema(entry.value, { optional: false }))
      }
      case 'map':
        return mapOf(primitive('string'), this.schema(type.values, { optional: false }))
      case 'record':
        return this.#struct(type, parameters)
      case 'union':
        return this.#union(type)
      case 'null':
        throw new DataError('Standalone null schemas are not supported: Avro null has to be in a union with another type')
      default:
        return type satisfies never
    }
  }

  #struct(type: AvroRecord, parameters: Record<string, string>): Schema {
    if (this.#open.has(type)) {
      throw new DataError(
        `The Avro record ${type.name} contains itself; recursive types have no Connect schema here. Use ByteArrayConverter to pass such records on as they are`,
      )
    }
    this.#open.add(type)
    if (this.#mapping.metadata) {
      if (type.doc !== null) parameters[words.recordDoc] = type.doc
      for (const field of type.fields) if (field.doc !== null) parameters[`${words.fieldDoc}${field.name}`] = field.doc
    }
    const fields = type.fields.map(
      (field) => [field.name, this.schema(field.type, { optional: false, fieldDefault: field.defaultValue })] as const,
    )
    this.#open.delete(type)
    return structOf(fields)
  }

  #union(type: AvroUnion): Schema {
    const optional = type.branches.some((one) => one.kind === 'null')
    const members = type.branches.filter((one) => one.kind !== 'null').map((one) => this.schema(one, { optional: true }))
    const names = members.map((member, index) => {
      // A record in a union keeps its Avro name there, even the one of records without a name.
      const branch = type.branches.filter((one) => one.kind !== 'null')[index]!
      if (branch.kind === 'record' || branch.kind === 'enum') return this.#mapping.enhanced ? branch.name : simpleName(branch.name)
      return unionFieldName(member, this.#mapping.enhanced)
    })
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) {
      throw new DataError(
        `The Avro schema has a union with two branches that both become the field "${twice}"; set enhanced.avro.schema.support=true to use their full names`,
      )
    }
    return structOf(
      names.map((name, index) => [name, members[index]!] as const),
      { name: words.union, optional },
    )
  }

  // Micro- and nanoseconds have no logical type in Connect; Debezium's are the ones that sinks know.
  #named(type: 'int64' | 'string', logicalType: string | undefined, given: unknown): Schema {
    const name =
      this.#mapping.extended && logicalType !== undefined && given === undefined ? extendedNames.get(`${type}:${logicalType}`) : undefined
    return primitive(type, name === undefined ? {} : { name, version: 1 })
  }
}

const extendedNames = new Map<string, string>([
  ['int64:time-micros', logical.microTime],
  ['int64:timestamp-micros', logical.microTimestamp],
  ['int64:timestamp-nanos', logical.nanoTimestamp],
  ['int64:local-timestamp-millis', logical.debeziumTimestamp],
  ['int64:local-timestamp-micros', logical.microTimestamp],
  ['int64:local-timestamp-nanos', logical.nanoTimestamp],
  ['string:uuid', logical.uuid],
])

function smallInt(connectType: unknown): 'int8' | 'int16' | 'int32' {
  if (connectType === undefined || connectType === 'int32') return 'int32'
  if (connectType === 'int8' || connectType === 'int16') return connectType
  throw new DataError(`The Avro schema has an int with "connect.type": ${JSON.stringify(connectType)}, which is neither int8 nor int16`)
}

function decimal(props: AvroType['props'], parameters: Record<string, string>): Schema {
  const { scale = 0, precision } = props
  if (typeof scale !== 'number' || !Number.isInteger(scale) || Math.abs(scale) > 10_000)
    throw new DataError('The Avro schema has a decimal whose scale is not a whole number of at most 10000')
  if (precision !== undefined && (typeof precision !== 'number' || !Number.isInteger(precision)))
    throw new DataError('The Avro schema has a decimal whose precision is not a whole number')
  parameters.scale = String(scale)
  if (precision !== undefined && precision !== defaultPrecision) parameters[words.precision] = String(precision)
  return primitive('bytes', { name: logical.decimal, version: 1 })
}

function nameOf(type: AvroType, bare: Schema): string | null {
  const given = type.props['connect.name']
  if (given !== undefined && typeof given !== 'string')
    throw new DataError(`The Avro schema has a "connect.name" that is no text: ${JSON.stringify(given)}`)
  const name = given ?? (type.kind === 'record' || type.kind === 'enum' ? type.name : undefined)
  if (name === undefined || isDefaultName(name)) return bare.name
  if (bare.name !== null && bare.name !== name)
    throw new DataError(`The Avro schema says "connect.name": "${name}" where its logical type is ${bare.name}`)
  return name
}

/** Records without a name are called so; a number follows where there are several in one schema. */
function isDefaultName(name: string): boolean {
  return namespaceOf(name) === words.namespace && /^ConnectDefault\d*$/.test(simpleName(name))
}

function versionOf(version: unknown): number | null {
  if (version === undefined) return null
  if (typeof version !== 'number' || !Number.isInteger(version))
    throw new DataError(`The Avro schema has a "connect.version" that is no whole number: ${JSON.stringify(version)}`)
  return version >= 0 ? version : null
}

function addParameters(given: unknown, parameters: Record<string, string>): void {
  if (given === undefined || given === null) return
  if (typeof given !== 'object' || Array.isArray(given)) throw new DataError('The Avro schema has "connect.parameters" that are no object')
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw new DataError(`The Avro schema has a parameter "${name}" in "connect.parameters" that is no text`)
    setOwn(parameters, name, value)
  }
}
