import { DataError } from '../../contract/errors.ts'
import { arrayOf, mapOf, optional, primitive, structOf, withExtras, type Schema } from '../../contract/schema.ts'
import { setOwn } from '../field-path.ts'
import { words, type JsonMapping } from './connect-words.ts'
import { nodeOf, SchemaDocuments, type Node, type Place } from './references.ts'
import { messageShaper } from './shape.ts'

/** Deepest nesting that is followed, and most Connect schemas that one JSON Schema may become. */
const depthMax = 100
const schemasMax = 20_000
/** Most alternatives in a oneOf or anyOf. */
const alternativesMax = 500

/**
 * The Connect schema of a JSON Schema, as `JsonSchemaData.toConnectSchema` of Confluent's converter makes it; an object that only has
 * `additionalProperties` is a map, and `allOf` of objects is one struct. Throws a DataError for what has no Connect form.
 */
export function connectSchemaOf(documents: SchemaDocuments, mapping: JsonMapping, version: number | null): Schema {
  return new ToConnect(documents, mapping).schema(documents.main, false, version, 0)
}

class ToConnect {
  readonly #documents: SchemaDocuments
  readonly #mapping: JsonMapping
  readonly #open = new Set<Node>()
  #schemas = 0

  constructor(documents: SchemaDocuments, mapping: JsonMapping) {
    this.#documents = documents
    this.#mapping = mapping
  }

  schema(at: Place, forceOptional: boolean, version: number | null, depth: number): Schema {
    this.#count(depth)
    const { node } = at
    if (this.#open.has(node)) {
      throw new DataError(
        'The JSON Schema contains itself; recursive schemas have no Connect form here. Use JsonConverter without schemas, or ByteArrayConverter to pass such records on as they are',
      )
    }
    this.#open.add(node)
    try {
      return this.#described(at, forceOptional, version, depth)
    } finally {
      this.#open.delete(node)
    }
  }

  #count(depth: number): void {
    if (depth > depthMax) throw new DataError(`The JSON Schema is nested deeper than ${depthMax} levels`)
    if (++this.#schemas > schemasMax) throw new DataError(`The JSON Schema becomes more than ${schemasMax} Connect schemas`)
  }

  #described(at: Place, forceOptional: boolean, version: number | null, depth: number): Schema {
    const { node, document } = at
    if (typeof node['$ref'] === 'string')
      return this.schema(this.#documents.resolve(node['$ref'], document), forceOptional, version, depth + 1)
    const branches = this.#branches(at)
    if (branches !== undefined) return this.#oneOf(at, branches, forceOptional, version, depth)
    if (Array.isArray(node.allOf) && node.type === undefined)
      return this.schema({ node: this.#merged(at, depth), document }, forceOptional, version, depth + 1)
    const bare = this.#bare({ node: Array.isArray(node.allOf) ? this.#merged(at, depth) : node, document }, depth)
    return this.#dressed(bare, node, forceOptional, version)
  }

  /** Name, version, doc, parameters and default, which stand beside any type. */
  #dressed(bare: Schema, node: Node, forceOptional: boolean, version: number | null): Schema {
    const parameters: Record<string, string> = { ...bare.parameters }
    const given = node[words.parameters]
    if (given !== undefined && given !== null) {
      for (const [name, value] of Object.entries(nodeOf(given))) setOwn(parameters, name, String(value))
    }
    const own = node[words.version]
    const schema = withExtras(bare, {
      optional: forceOptional || bare.optional,
      name: bare.name ?? (typeof node.title === 'string' ? node.title : null),
      version: typeof own === 'number' ? own : version,
      doc: typeof node.description === 'string' ? node.description : null,
      parameters: Object.keys(parameters).length === 0 ? null : parameters,
    })
    if (node.default === undefined || node.default === null) return schema
    return withExtras(schema, { defaultValue: messageShaper(schema, this.#mapping, 'default')(node.default) })
  }

  #bare(at: Place, depth: number): Schema {
    const { node } = at
    const connectType = node[words.type]
    if (Array.isArray(node.enum) && (node.type === undefined || node.type === 'string')) return enumSchema(node.enum)
    switch (node.type ?? impliedType(node)) {
      case 'boolean':
        return primitive('boolean')
      case 'integer':
      case 'number':
        return numberSchema(node.type as string, connectType)
      case 'string':
        return primitive(connectType === 'bytes' ? 'bytes' : 'string')
      case 'array':
        return this.#array(at, depth)
      case 'object':
        return this.#object(at, depth)
      case 'null':
        throw new DataError('The JSON Schema has a null that is no alternative to another type; Connect has no such type')
      case undefined:
        throw new DataError(
          'The JSON Schema has a part that says nothing of its type (no type, $ref, enum, oneOf, anyOf, allOf or properties); Connect has no such type',
        )
      default:
        throw new DataError(`The JSON Schema has the type ${JSON.stringify(node.type)}, which there is not`)
    }
  }

  #array({ node, document }: Place, depth: number): Schema {
    if (node.items === undefined || Array.isArray(node.items))
      throw new DataError('The JSON Schema has an array that does not specify one schema for its items')
    const items = nodeOf(node.items)
    const properties = items.properties === undefined ? {} : nodeOf(items.properties)
    if (node[words.type] === 'map' && properties.key !== undefined && properties.value !== undefined) {
      const part = (one: unknown) => this.schema({ node: nodeOf(one), document }, false, null, depth + 1)
      return mapOf(part(properties.key), part(properties.value))
    }
    return arrayOf(this.schema({ node: items, document }, false, null, depth + 1))
  }

  #object({ node, document }: Place, depth: number): Schema {
    const { properties, additionalProperties: more } = node
    const openMap = properties === undefined && typeof more === 'object' && more !== null
    if (node[words.type] === 'map' || openMap) {
      return mapOf(primitive('string'), this.schema({ node: nodeOf(more), document }, false, null, depth + 1))
    }
    const required = new Set(Array.isArray(node.required) ? (node.required as readonly unknown[]) : [])
    const named = Object.entries(properties === undefined ? {} : nodeOf(properties)).map(([name, one], index) => {
      const part = nodeOf(one)
      const given = part[words.index]
      return { name, part, index: typeof given === 'number' ? given : index }
    })
    return structOf(
      named
        .sort((a, b) => a.index - b.index)
        .map(
          ({ name, part }) =>
            [
              name,
              this.schema({ node: part, document }, this.#mapping.nonRequiredOptional && !required.has(name), null, depth + 1),
            ] as const,
        ),
    )
  }

  // Alternatives, however they are written; undefined: there are none.
  #branches({ node }: Place): readonly Node[] | undefined {
    if (Array.isArray(node.type))
      return node.type.map((type: unknown) => ({ ...without(node, 'title', 'description', 'default', words.index), type }))
    for (const list of [node.oneOf, node.anyOf]) {
      if (!Array.isArray(list)) continue
      const branches = list.map(nodeOf)
      // Beside properties, branches that only say what is required are a matter of validation.
      if (
        node.type !== undefined &&
        !branches.some((one) => one.type !== undefined || one['$ref'] !== undefined || one.properties !== undefined)
      )
        continue
      if (node.properties !== undefined)
        throw new DataError('The JSON Schema has properties beside oneOf or anyOf with types of their own; Connect has no such type')
      return branches
    }
    return undefined
  }

  #oneOf({ node, document }: Place, branches: readonly Node[], forceOptional: boolean, version: number | null, depth: number): Schema {
    const present = branches.filter((one) => one.type !== 'null')
    const hasNull = present.length < branches.length
    if (present.length === 1) {
      const only = this.schema({ node: present[0]!, document }, forceOptional || hasNull, version, depth + 1)
      return Array.isArray(node.type) ? this.#dressed(withExtras(only, { name: null }), node, only.optional, version) : only
    }
    if (present.length > alternativesMax) {
      throw new DataError(`The JSON Schema has ${present.length} alternatives in one place; at most ${alternativesMax} are read`)
    }
    const fields = present.map(
      (one, index) => [`${words.oneOf}.field.${index}`, optional(this.schema({ node: one, document }, true, null, depth + 1))] as const,
    )
    return this.#dressed(structOf(fields, { name: words.oneOf, optional: hasNull }), node, forceOptional, version)
  }

  /** One object with the properties of all members of `allOf`, or the only member that says something of the type. */
  #merged({ node, document }: Place, depth: number): Node {
    this.#count(depth)
    const members = (node.allOf as readonly unknown[]).map((one) => {
      const member = nodeOf(one)
      // A property of a referred document would lose what its own `#` means.
      if (typeof member['$ref'] !== 'string') return member
      const found = this.#documents.resolve(member['$ref'], document)
      if (found.document !== document)
        throw new DataError('The JSON Schema has an allOf that refers to another document; Connect has no such type')
      return Array.isArray(found.node.allOf) ? this.#merged(found, depth + 1) : found.node
    })
    const typed = [without(node, 'allOf'), ...members].filter(
      (one) => one.type !== undefined || one.properties !== undefined || one.enum !== undefined,
    )
    if (typed.length === 0) throw new DataError('The JSON Schema has an allOf without any type')
    if (typed.some((one) => (one.type ?? impliedType(one)) !== 'object')) {
      // {"type": "string"} and {"enum": [...]}, or {"const": ...}: they are one value's rules.
      return Object.fromEntries([...typed, without(node, 'allOf')].flatMap((one) => Object.entries(one)))
    }
    const properties: Record<string, unknown> = {}
    for (const one of typed) {
      for (const [name, part] of Object.entries(one.properties === undefined ? {} : nodeOf(one.properties))) setOwn(properties, name, part)
    }
    const required = typed.flatMap((one) => (Array.isArray(one.required) ? (one.required as readonly unknown[]) : []))
    const title = [node, ...typed].find((one) => typeof one.title === 'string')?.title
    return { ...without(node, 'allOf'), ...(title === undefined ? {} : { title }), type: 'object', properties, required }
  }
}

function without(node: Node, ...names: readonly string[]): Node {
  return Object.fromEntries(Object.entries(node).filter(([name]) => !names.includes(name)))
}

function impliedType(node: Node): string | undefined {
  if (node.properties !== undefined || node.additionalProperties !== undefined) return 'object'
  if (node.items !== undefined) return 'array'
  if (typeof node.const === 'string') return 'string'
  if (typeof node.const === 'boolean') return 'boolean'
  return undefined
}

function enumSchema(symbols: readonly unknown[]): Schema {
  const texts = symbols.filter((one): one is string => typeof one === 'string')
  const nulls = symbols.filter((one) => one === null).length
  if (texts.length + nulls < symbols.length) {
    throw new DataError('The JSON Schema has an enum of values that are not all text, and no type beside it')
  }
  const parameters: Record<string, string> = { [words.enum]: '' }
  for (const one of texts) parameters[`${words.enum}.${one}`] = one
  return primitive('string', { parameters, optional: nulls > 0 })
}

const connectNumbers = new Set(['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'bytes'])

function numberSchema(type: string, connectType: unknown): Schema {
  if (connectType === undefined) return primitive(type === 'integer' ? 'int64' : 'float64')
  if (!connectNumbers.has(connectType as string))
    throw new DataError(`The JSON Schema has a number with "connect.type": ${JSON.stringify(connectType)}, which is no number in Connect`)
  return primitive(connectType as 'int8')
}
