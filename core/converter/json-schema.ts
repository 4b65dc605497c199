import { DataError } from '../contract/errors.ts'
import { arrayOf, mapOf, primitive, structOf, withExtras, type Schema, type SchemaExtras, type SchemaType } from '../contract/schema.ts'
import { isPlain, quote } from './json-scalars.ts'
import { jsonShaper } from './json-read.ts'
import { jsonWriter } from './json-write.ts'

/** The schema as JsonConverter's envelope carries it, member for member as Kafka Connect writes it. */
export function schemaText(schema: Schema, decimals: 'BASE64' | 'NUMERIC', fieldName?: string): string {
  const parts = [`"type":"${typeNames.get(schema.type)!}"`]
  if (schema.type === 'array') parts.push(`"items":${schemaText(schema.valueSchema!, decimals)}`)
  if (schema.type === 'map') {
    parts.push(`"keys":${schemaText(schema.keySchema!, decimals)}`, `"values":${schemaText(schema.valueSchema!, decimals)}`)
  }
  if (schema.type === 'struct') {
    parts.push(`"fields":[${schema.fields.map((field) => schemaText(field.schema, decimals, field.name)).join(',')}]`)
  }
  parts.push(`"optional":${schema.optional}`)
  if (schema.name !== null) parts.push(`"name":${quote(schema.name)}`)
  if (schema.version !== null) parts.push(`"version":${schema.version}`)
  if (schema.doc !== null) parts.push(`"doc":${quote(schema.doc)}`)
  if (schema.parameters !== null) {
    const members = Object.entries(schema.parameters).map(([name, value]) => `${quote(name)}:${quote(value)}`)
    parts.push(`"parameters":{${members.join(',')}}`)
  }
  if (schema.defaultValue !== undefined && schema.defaultValue !== null) {
    parts.push(`"default":${jsonWriter(schema, { decimals, nullAsDefault: true }, 'default')(schema.defaultValue)}`)
  }
  if (fieldName !== undefined) parts.push(`"field":${quote(fieldName)}`)
  return `{${parts.join(',')}}`
}

/**
 * Reads such a schema from what `parseJson(text, 'typed')` returned; null is no schema. Throws a DataError that says what is wrong;
 * unlike Kafka Connect it refuses `"optional": "true"` (false there) and takes the default of a struct.
 */
export function schemaFromJson(parsed: unknown): Schema | null {
  if (parsed === null) return null
  const json = objectOf(parsed, 'a schema')
  const typeText = json.type
  if (typeof typeText !== 'string') throw new DataError("Schema must contain 'type' field")
  const type = types.get(typeText)
  if (type === undefined) throw new DataError(`Unknown schema type: ${typeText}`)
  const schema = build(type, json, extrasOf(json))
  if (json.default === undefined || json.default === null) return schema
  return withExtras(schema, { defaultValue: jsonShaper(schema, true, 'default')(json.default) })
}

function build(type: SchemaType, json: Record<string, unknown>, extras: SchemaExtras): Schema {
  switch (type) {
    case 'array':
      if (json.items === undefined || json.items === null) throw new DataError('Array schema did not specify the element type')
      return arrayOf(schemaFromJson(json.items)!, extras)
    case 'map':
      if (json.keys === undefined || json.keys === null) throw new DataError('Map schema did not specify the key type')
      if (json.values === undefined || json.values === null) throw new DataError('Map schema did not specify the value type')
      return mapOf(schemaFromJson(json.keys)!, schemaFromJson(json.values)!, extras)
    case 'struct':
      return structSchema(json, extras)
    default:
      return primitive(type, extras)
  }
}

function structSchema(json: Record<string, unknown>, extras: SchemaExtras): Schema {
  if (!Array.isArray(json.fields)) throw new DataError('Struct schema\'s "fields" argument is not an array.')
  const fields = json.fields.map((item) => {
    const field = objectOf(item, 'a field of a struct schema')
    if (typeof field.field !== 'string') throw new DataError("Struct schema's field name not specified properly")
    return [field.field, schemaFromJson(field)!] as const
  })
  try {
    return structOf(fields, extras)
  } catch (cause) {
    throw new DataError(`Invalid schema: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

function extrasOf(json: Record<string, unknown>): SchemaExtras {
  return {
    optional: memberOf(json, 'optional', 'true or false', (value) => typeof value === 'boolean') ?? false,
    name: memberOf(json, 'name', 'text', (value) => typeof value === 'string'),
    version: memberOf(json, 'version', 'an integer', (value) => Number.isSafeInteger(value)),
    doc: memberOf(json, 'doc', 'text', (value) => typeof value === 'string'),
    parameters: memberOf(
      json,
      'parameters',
      'an object of texts',
      (value) =>
        typeof value === 'object' && isPlain(value as object) && Object.values(value as object).every((one) => typeof one === 'string'),
    ),
  }
}

function memberOf<T>(json: Record<string, unknown>, name: string, kind: string, fits: (value: unknown) => boolean): T | null {
  const value = json[name]
  if (value === undefined || value === null) return null
  if (!fits(value)) throw new DataError(`Invalid schema: "${name}" must be ${kind}`)
  return value as T
}

function objectOf(parsed: unknown, what: string): Record<string, unknown> {
  if (typeof parsed === 'object' && parsed !== null && isPlain(parsed)) return parsed as Record<string, unknown>
  throw new DataError(`Invalid schema: ${what} must be a JSON object`)
}

const typeNames = new Map<SchemaType, string>([
  ['int8', 'int8'],
  ['int16', 'int16'],
  ['int32', 'int32'],
  ['int64', 'int64'],
  ['float32', 'float'],
  ['float64', 'double'],
  ['boolean', 'boolean'],
  ['string', 'string'],
  ['bytes', 'bytes'],
  ['array', 'array'],
  ['map', 'map'],
  ['struct', 'struct'],
])
const types = new Map([...typeNames].map(([type, name]) => [name, type]))
