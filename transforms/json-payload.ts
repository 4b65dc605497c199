import { arrayOf, primitive, structOf, withExtras, type Schema } from '../core/index.ts'

/** What becomes of what JSON does not give a type for. */
export interface JsonTyping {
  /** `ignore`: null members are left out; `optional_bytes`: they stay, as optional bytes. */
  readonly nulls: 'ignore' | 'optional_bytes'
  /** `ignore`: empty arrays are left out; `optional_string`: they stay, as arrays of text. */
  readonly emptyArrays: 'ignore' | 'optional_string'
  /** Makes a field's name of a member's. */
  readonly fieldName: (name: string) => string
}

export interface TypedJson {
  readonly schema: Schema
  readonly value: unknown
}

const optional = { optional: true }
const text = primitive('string', optional)
const boolean = primitive('boolean', optional)
const int32 = primitive('int32', optional)
const int64 = primitive('int64', optional)
const float64 = primitive('float64', optional)
const bytes = primitive('bytes', optional)

/** A number as it is spelled. */
class Spelled {
  readonly text: string
  constructor(spelled: string) {
    this.text = spelled
  }
}

/**
 * Gives a JSON object or array the schema that it shows, as Debezium's `table.expand.json.payload` does: all optional, integers int32 or
 * int64, other numbers float64, structs named after the path to them. undefined where it is no JSON, or cannot be typed without changing it:
 * arrays of mixed types, integers beyond 64 bits, numbers beyond a double.
 */
export function typedJson(source: string, name: string, typing: JsonTyping): TypedJson | undefined {
  if (!/^[{[]/.test(source)) return undefined
  try {
    const parsed: unknown = JSON.parse(source, (_, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? new Spelled(context?.source ?? String(value)) : value,
    )
    const schema = schemaOf(parsed, name, typing)
    if (schema === undefined) return undefined
    const known = interned(schema)
    return { schema: known, value: valueOf(parsed, known, typing) }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Untypable) return undefined
    throw error
  }
}

/** Schemas that are remembered; more are forgotten all at once. */
const schemasMax = 1_000
const bySignature = new Map<string, Schema>()

// The same shape is the same object, as all that comes after compiles once per schema.
function interned(schema: Schema): Schema {
  const signature = signatureOf(schema)
  const known = bySignature.get(signature)
  if (known !== undefined) return known
  if (bySignature.size >= schemasMax) bySignature.clear()
  bySignature.set(signature, schema)
  return schema
}

function signatureOf({ type, name, fields, valueSchema }: Schema): string {
  if (type === 'array') return `[${signatureOf(valueSchema!)}]`
  if (type !== 'struct') return type
  return `${JSON.stringify(name)}{${fields.map((field) => `${JSON.stringify(field.name)}:${signatureOf(field.schema)}`).join()}}`
}

/** Thrown where a value has no one type; never leaves this file. */
class Untypable extends Error {
  override readonly name = 'Untypable'
}

function schemaOf(value: unknown, path: string | null, typing: JsonTyping): Schema | undefined {
  if (value === null) return typing.nulls === 'optional_bytes' ? bytes : undefined
  if (typeof value === 'string') return text
  if (typeof value === 'boolean') return boolean
  if (value instanceof Spelled) return numberSchema(value.text)
  if (Array.isArray(value)) return arraySchema(value, path, typing)
  const fields = new Map<string, Schema>()
  for (const [member, inner] of Object.entries(value as object)) {
    const name = typing.fieldName(member)
    const schema = schemaOf(inner, path ? `${path}.${name}` : name, typing)
    if (schema !== undefined && !fields.has(name)) fields.set(name, schema)
  }
  return structOf([...fields], { optional: true, name: path })
}

function numberSchema(spelled: string): Schema {
  if (/^-?\d+$/.test(spelled)) {
    const integer = BigInt(spelled)
    if (BigInt.asIntN(32, integer) === integer) return int32
    if (BigInt.asIntN(64, integer) === integer) return int64
    throw new Untypable(spelled)
  }
  if (!Number.isFinite(Number(spelled))) throw new Untypable(spelled)
  return float64
}

function arraySchema(items: readonly unknown[], path: string | null, typing: JsonTyping): Schema | undefined {
  if (items.length === 0) return typing.emptyArrays === 'optional_string' ? arrayOf(text, optional) : undefined
  const present = items.filter((item) => item !== null)
  const kinds = new Set(present.map(kindOf))
  if (kinds.size > 1) throw new Untypable('an array of mixed types')
  if (present.length === 0) {
    const item = schemaOf(null, null, typing)
    if (item === undefined) throw new Untypable('an array of nulls')
    return arrayOf(item, optional)
  }
  if (!kinds.has('object')) {
    const item = schemaOf(present[0], null, typing)
    if (item === undefined) throw new Untypable('an array of empty arrays')
    return arrayOf(item, optional)
  }
  const merged = present.map((item) => schemaOf(item, path, typing)!).reduce(mergeStructs)
  return arrayOf(merged, optional)
}

function kindOf(value: unknown): string {
  if (value instanceof Spelled) return numberSchema(value.text).type
  return Array.isArray(value) ? 'array' : typeof value
}

// A member that is null in one item and has a type in another takes that type.
function mergeStructs(left: Schema, right: Schema): Schema {
  const fields = new Map(left.fields.map(({ name, schema }) => [name, schema]))
  for (const { name, schema } of right.fields) {
    const known = fields.get(name)
    if (known === undefined || (known.type === 'bytes' && schema.type !== 'bytes')) fields.set(name, schema)
  }
  return withExtras(structOf([...fields]), { optional: true, name: left.name })
}

function valueOf(value: unknown, schema: Schema, typing: JsonTyping): unknown {
  if (value === null || value === undefined) return null
  if (value instanceof Spelled) {
    if (schema !== numberSchema(value.text)) throw new Untypable(value.text)
    return schema.type === 'int64' ? BigInt(value.text) : Number(value.text)
  }
  if (Array.isArray(value)) {
    if (schema.type !== 'array') throw new Untypable('an array among other values')
    return value.map((item: unknown) => valueOf(item, schema.valueSchema!, typing))
  }
  if (typeof value === 'object') {
    if (schema.type !== 'struct') throw new Untypable('an object among other values')
    const members = new Map<string, unknown>()
    for (const [member, inner] of Object.entries(value)) {
      const name = typing.fieldName(member)
      if (!members.has(name)) members.set(name, inner)
    }
    return Object.fromEntries(schema.fields.map((field) => [field.name, valueOf(members.get(field.name), field.schema, typing)]))
  }
  if (typeof value !== schema.type) throw new Untypable(`${typeof value} among values of ${schema.type}`)
  return value
}
