import { logical, type Json, type Schema } from '../../core/index.ts'

/** The `properties` of a mapping. */
export type Properties = { readonly [field: string]: Json }

/** How long a text may be to be found as a whole, too (`.keyword`); Elasticsearch's own default. Characters. */
const keywordMax = 256
const timestamps: ReadonlySet<string> = new Set([
  logical.date,
  logical.debeziumDate,
  logical.timestamp,
  logical.debeziumTimestamp,
  logical.microTimestamp,
  logical.nanoTimestamp,
  logical.zonedTimestamp,
  logical.isoDate,
  logical.isoTimestamp,
])
const keywords: ReadonlySet<string> = new Set([logical.uuid, logical.enum])

/**
 * The properties for a struct's fields, or undefined for another schema. `types` says for paths (`a.b`) what they are instead, such as
 * geo_point or nested. What Confluent's sink maps is mapped the same.
 */
export function propertiesOf(schema: Schema, compact: boolean, types: ReadonlyMap<string, string>, path = ''): Properties | undefined {
  if (schema.type !== 'struct') return undefined
  return Object.fromEntries(
    schema.fields.map((field) => [
      field.name,
      fieldMapping(field.schema, compact, types, path === '' ? field.name : `${path}.${field.name}`),
    ]),
  )
}

function fieldMapping(schema: Schema, compact: boolean, types: ReadonlyMap<string, string>, path: string): Properties {
  const type = types.get(path)
  if (type !== undefined && type !== 'nested' && type !== 'object') return { type }
  const mapped = naturalMapping(schema, compact, types, path)
  return type === undefined || type === 'object' ? mapped : { ...mapped, type }
}

function naturalMapping(schema: Schema, compact: boolean, types: ReadonlyMap<string, string>, path: string): Properties {
  const { name } = schema
  if (name === logical.decimal || name === logical.variableScaleDecimal) return { type: 'double' }
  if (name === logical.time) return { type: 'date' }
  if (name !== null && timestamps.has(name)) return { type: 'date' }
  if (name !== null && keywords.has(name)) return { type: 'keyword' }
  switch (schema.type) {
    case 'int8':
      return { type: 'byte' }
    case 'int16':
      return { type: 'short' }
    case 'int32':
      return { type: 'integer' }
    case 'int64':
      return { type: 'long' }
    case 'float32':
      return { type: 'float' }
    case 'float64':
      return { type: 'double' }
    case 'boolean':
      return { type: 'boolean' }
    case 'bytes':
      return { type: 'binary' }
    case 'string':
      return { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: keywordMax } } }
    case 'array':
      // A list has the mapping of what it holds.
      return fieldMapping(schema.valueSchema!, compact, withoutPath(types, path), path)
    case 'map': {
      if (compact && schema.keySchema!.type === 'string') return { type: 'object' }
      const key = fieldMapping(schema.keySchema!, compact, types, `${path}.key`)
      return { properties: { key, value: fieldMapping(schema.valueSchema!, compact, types, `${path}.value`) } }
    }
    case 'struct':
      return { properties: propertiesOf(schema, compact, types, path)! }
    default:
      return schema.type satisfies never
  }
}

/** The list itself has taken its type (nested); its items must not take it once more. */
function withoutPath(types: ReadonlyMap<string, string>, path: string): ReadonlyMap<string, string> {
  if (!types.has(path)) return types
  return new Map([...types].filter(([name]) => name !== path))
}

/** Of the wanted properties those that are not there, also inside of objects that are; undefined: all are there. */
export function missingProperties(wanted: Properties, present: Properties): Properties | undefined {
  const missing: Record<string, Json> = {}
  for (const [name, want] of Object.entries(wanted)) {
    const have = Object.hasOwn(present, name) ? (present[name] as Properties) : undefined
    if (have === undefined) missing[name] = want
    else {
      const inner = (want as Properties)['properties'] as Properties | undefined
      const type = have['type'] as Json | undefined
      if (inner === undefined || (type !== undefined && type !== 'object' && type !== 'nested')) continue
      const rest = missingProperties(inner, (have['properties'] ?? {}) as Properties)
      if (rest !== undefined) missing[name] = type === undefined ? { properties: rest } : { type, properties: rest }
    }
  }
  return Object.keys(missing).length === 0 ? undefined : missing
}
