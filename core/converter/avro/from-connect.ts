import { DataError } from '../../contract/errors.ts'
import { logical, sameSchema, withExtras, type Schema } from '../../contract/schema.ts'
import { memberPath, placeText } from '../field-path.ts'
import { quote } from '../json-scalars.ts'
import { namePattern, namespaceOf, simpleName } from './avro-type.ts'
import { defaultPrecision, isEnumSchema, words, type AvroMapping } from './connect-words.ts'
import { defaultText } from './default-value.ts'

/** Deepest nesting of a Connect schema that is written. */
const depthMax = 100

/**
 * The text of the Avro schema for a Connect schema: member for member what Confluent's AvroConverter registers, so that both find the same
 * id. Throws a DataError for names that Avro does not allow (unless scrub.invalid.names) and for one name with two meanings.
 */
export function avroTextOf(schema: Schema, mapping: AvroMapping): string {
  return new FromConnect(mapping).type(schema, '', '', false, 0)
}

/** A name as scrub.invalid.names makes it: percent-encoded, then all that Avro does not allow becomes `_`. */
export function scrubbedName(name: string): string {
  const encoded = encodeURIComponent(name).replaceAll('%20', '+')
  return (/^[A-Za-z_]/.test(encoded) ? encoded : `x${encoded}`).replaceAll(/[^A-Za-z0-9_]/g, '_')
}

class FromConnect {
  readonly #mapping: AvroMapping
  /** Types that have a name already; a second use is by name. */
  readonly #named = new Map<string, Schema>()

  constructor(mapping: AvroMapping) {
    this.#mapping = mapping
  }

  /** `bare`: without the union with null, for branches of a union. */
  type(schema: Schema, namespace: string, path: string, bare: boolean, depth: number): string {
    if (depth > depthMax)
      throw new DataError(`${placeText(path)} is nested deeper than ${depthMax} levels; Avro schemas are not written deeper`)
    if (schema.type === 'struct' && schema.name === words.union) return this.#union(schema, namespace, path, depth)
    const text = this.#present(schema, namespace, path, depth)
    if (!schema.optional || bare) return text
    return schema.defaultValue === undefined || schema.defaultValue === null ? `["null",${text}]` : `[${text},"null"]`
  }

  #union(schema: Schema, namespace: string, path: string, depth: number): string {
    const branches = schema.fields.map((field) =>
      this.type(withExtras(field.schema, { optional: false }), namespace, memberPath(path, field.name), true, depth + 1),
    )
    return `[${[...(schema.optional ? ['"null"'] : []), ...branches].join(',')}]`
  }

  #present(schema: Schema, namespace: string, path: string, depth: number): string {
    switch (schema.type) {
      case 'int8':
      case 'int16':
        return this.#plain(schema, '"int"', [['connect.type', quote(schema.type)]])
      case 'int32':
        return this.#plain(schema, '"int"', logicalTypeOf(schema))
      case 'int64':
        return this.#plain(schema, '"long"', logicalTypeOf(schema))
      case 'float32':
        return this.#plain(schema, '"float"', [])
      case 'float64':
        return this.#plain(schema, '"double"', [])
      case 'boolean':
        return this.#plain(schema, '"boolean"', [])
      case 'string':
        return this.#mapping.enhanced && isEnumSchema(schema) ? this.#enum(schema, namespace, path) : this.#plain(schema, '"string"', [])
      case 'bytes':
        return schema.name === logical.decimal ? this.#decimal(schema, path) : this.#plain(schema, '"bytes"', [])
      case 'array':
        return this.#plain(schema, '"array"', [], [['items', this.type(schema.valueSchema!, namespace, `${path}[]`, false, depth + 1)]])
      case 'map':
        return this.#map(schema, namespace, path, depth)
      case 'struct':
        return this.#record(schema, namespace, path, depth)
      default:
        return schema.type satisfies never
    }
  }

  // A type without anything to say of it is its name alone.
  #plain(schema: Schema, type: string, last: readonly Member[], first: readonly Member[] = []): string {
    const members = [...first, ...this.#metadata(schema), ...last, ...avroParameters(schema)]
    return members.length === 0 ? type : `{"type":${type},${membersText(members)}}`
  }

  #decimal(schema: Schema, path: string): string {
    const scale = Number(schema.parameters?.scale)
    const precision = Number(schema.parameters?.[words.precision] ?? defaultPrecision)
    if (!Number.isInteger(scale)) throw new DataError(`${placeText(path)} has a Decimal schema without an integer parameter "scale"`)
    // Scales outside of the precision are no logical type in Avro; Confluent's converter writes them with the word all the same.
    return this.#plain(
      schema,
      '"bytes"',
      [['logicalType', '"decimal"']],
      [
        ['scale', String(scale)],
        ['precision', String(precision)],
      ],
    )
  }

  #map(schema: Schema, namespace: string, path: string, depth: number): string {
    if (schema.keySchema!.type === 'string' && !schema.keySchema!.optional) {
      return this.#plain(schema, '"map"', [], [['values', this.type(schema.valueSchema!, namespace, `${path}{}`, false, depth + 1)]])
    }
    const own = withExtras(schema, { optional: false, defaultValue: undefined })
    const entry = schema.name === null ? this.#freeName(`${words.namespace}.${words.mapEntry}`, own) : this.#nameOf(schema.name, path)
    const before = this.#named.get(entry)
    if (before !== undefined && sameSchema(before, own)) {
      return this.#plain(schema, '"array"', [], [['items', quote(namespaceOf(entry) === namespace ? simpleName(entry) : entry)]])
    }
    this.#define(entry, own, path)
    const inner = namespaceOf(entry)
    const fields = [
      `{"name":"key","type":${this.type(schema.keySchema!, inner, `${path}{key}`, false, depth + 1)}${this.#fieldDefault(schema.keySchema!)}}`,
      `{"name":"value","type":${this.type(schema.valueSchema!, inner, `${path}{}`, false, depth + 1)}${this.#fieldDefault(schema.valueSchema!)}}`,
    ]
    const marked = entry === `${words.namespace}.${words.mapEntry}` ? [] : ([[words.internalType, quote(words.mapEntry)]] as const)
    const record = `{"type":"record",${membersText([...nameMembers(entry, namespace), ['fields', `[${fields.join(',')}]`], ...marked])}}`
    return this.#plain(schema, '"array"', [], [['items', record]])
  }

  #record(schema: Schema, namespace: string, path: string, depth: number): string {
    // A field's place may differ in what is said of it (optional, default): the type itself is the same.
    const own = withExtras(schema, { optional: false, defaultValue: undefined })
    const name = schema.name === null ? this.#freeName(words.defaultRecord, own) : this.#nameOf(schema.name, path)
    const before = this.#named.get(name)
    if (before !== undefined && sameSchema(before, own)) return quote(namespaceOf(name) === namespace ? simpleName(name) : name)
    this.#define(name, own, path)
    const names = new Set<string>()
    const fields = schema.fields.map((field) => {
      const place = memberPath(path, field.name)
      const fieldName = this.#nameOf(field.name, place)
      if (names.has(fieldName)) throw new DataError(`${placeText(path)} has two fields that both become "${fieldName}" in Avro`)
      names.add(fieldName)
      const type = this.type(field.schema, namespaceOf(name), place, false, depth + 1)
      const doc = schema.parameters?.[`${words.fieldDoc}${field.name}`]
      return `{"name":${quote(fieldName)},"type":${type}${doc === undefined ? '' : `,"doc":${quote(doc)}`}${this.#fieldDefault(field.schema)}}`
    })
    const doc = schema.parameters?.[words.recordDoc]
    const members: readonly Member[] = [
      ...nameMembers(name, namespace),
      ...(doc === undefined ? [] : [['doc', quote(doc)] as const]),
      ['fields', `[${fields.join(',')}]`],
      ...this.#metadata(schema),
      ...avroParameters(schema),
    ]
    return `{"type":"record",${membersText(members)}}`
  }

  #enum(schema: Schema, namespace: string, path: string): string {
    const parameters = schema.parameters!
    const name = parameters[words.enum]!
    const own = withExtras(schema, { optional: false, defaultValue: undefined })
    if (this.#named.has(name) && sameSchema(this.#named.get(name)!, own))
      return quote(namespaceOf(name) === namespace ? simpleName(name) : name)
    this.#define(name, own, path)
    const symbols = Object.entries(parameters).flatMap(([key, symbol]) => (key.startsWith(`${words.enum}.`) ? [quote(symbol)] : []))
    const doc = parameters[`${words.enumDoc}${simpleName(schema.name ?? name)}`]
    const defaultSymbol = parameters[`${words.enumDefault}${simpleName(schema.name ?? name)}`]
    const members: readonly Member[] = [
      ...nameMembers(name, namespace),
      ...(doc === undefined ? [] : [['doc', quote(doc)] as const]),
      ['symbols', `[${symbols.join(',')}]`],
      ...(defaultSymbol === undefined ? [] : [['default', quote(defaultSymbol)] as const]),
      ...this.#metadata(schema),
      ...avroParameters(schema),
    ]
    return `{"type":"enum",${membersText(members)}}`
  }

  #metadata(schema: Schema): readonly Member[] {
    if (!this.#mapping.metadata) return []
    const members: Member[] = []
    if (schema.doc !== null) members.push(['connect.doc', quote(schema.doc)])
    if (schema.version !== null) members.push(['connect.version', String(schema.version)])
    const parameters = Object.entries(schema.parameters ?? {}).filter(([name]) => name !== words.fieldDefault)
    if (parameters.length > 0)
      members.push(['connect.parameters', `{${parameters.map(([name, value]) => `${quote(name)}:${quote(value)}`).join(',')}}`])
    const ownDefault = schema.defaultValue !== undefined && schema.defaultValue !== null
    if (ownDefault && schema.parameters?.[words.fieldDefault] === undefined) {
      members.push(['connect.default', defaultText(schema, schema.defaultValue, this.#mapping.enhanced)])
    }
    if (schema.name !== null) members.push(['connect.name', quote(schema.name)])
    return members
  }

  #fieldDefault(schema: Schema): string {
    if (schema.defaultValue !== undefined && schema.defaultValue !== null)
      return `,"default":${defaultText(schema, schema.defaultValue, this.#mapping.enhanced)}`
    return schema.optional ? ',"default":null' : ''
  }

  #define(name: string, schema: Schema, path: string): void {
    if (this.#named.has(name)) {
      throw new DataError(
        `${placeText(path)} has a schema named ${name}, but another field has a different schema of that name; Avro names have one meaning. Rename one (SetSchemaMetadata)`,
      )
    }
    this.#named.set(name, schema)
  }

  #freeName(name: string, schema: Schema): string {
    let free = name
    for (let number = 2; this.#named.has(free) && !sameSchema(this.#named.get(free)!, schema); number++) free = `${name}${number}`
    return free
  }

  // Java's library looks at the last part of a name alone, so that topics with a dash can stand before it.
  #nameOf(name: string, path: string): string {
    if (this.#mapping.scrub) return name.split('.').map(scrubbedName).join('.')
    if (namePattern.test(simpleName(name))) return name
    throw new DataError(
      `${placeText(path)} has the name ${JSON.stringify(name)}, which Avro does not allow (letters, digits and _ only). Set scrub.invalid.names=true to have it changed, or rename it`,
    )
  }
}

type Member = readonly [name: string, json: string]

function membersText(members: readonly Member[]): string {
  return members.map(([name, json]) => `${quote(name)}:${json}`).join(',')
}

function nameMembers(name: string, namespace: string): readonly Member[] {
  const own = namespaceOf(name)
  const simple = ['name', quote(simpleName(name))] as const
  return own === namespace ? [simple] : [simple, ['namespace', quote(own)]]
}

function logicalTypeOf(schema: Schema): readonly Member[] {
  const types = new Map<string, string>([
    ['int32:org.apache.kafka.connect.data.Date', 'date'],
    ['int32:org.apache.kafka.connect.data.Time', 'time-millis'],
    ['int64:org.apache.kafka.connect.data.Timestamp', 'timestamp-millis'],
  ])
  const found = types.get(`${schema.type}:${schema.name}`)
  return found === undefined ? [] : [['logicalType', quote(found)]]
}

// `precision` stands beside a decimal already.
function avroParameters(schema: Schema): readonly Member[] {
  return Object.entries(schema.parameters ?? {}).flatMap(([name, value]) =>
    name.startsWith('avro') ? [[name, quote(value)] as const] : [],
  )
}
