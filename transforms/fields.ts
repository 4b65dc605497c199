import { DataError, structOf, type Field, type Schema } from '../core/index.ts'

/** A value without a schema that has members: a plain object or a map with text keys. Throws a DataError for anything else. */
export function membersOf(value: unknown, purpose: string): readonly (readonly [string, unknown])[] {
  if (value instanceof Map) {
    for (const key of value.keys()) if (typeof key !== 'string') throw new DataError(`Only maps with text keys have fields for ${purpose}`)
    return [...(value as Map<string, unknown>)]
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) return Object.entries(value)
  throw new DataError(`Only Map objects supported in absence of schema for [${purpose}], found: ${typeName(value)}`)
}

/** True for the objects that stand for structs and JSON objects: the quick way of the transforms is for them. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** For struct copies that add nothing. */
export const noExtras: readonly unknown[] = Object.freeze([])

/** A value of the same kind (map or plain object) as `like`, with these members. */
export function rebuilt(like: unknown, members: readonly (readonly [string, unknown])[]): unknown {
  return like instanceof Map ? new Map(members) : Object.fromEntries(members)
}

/** Throws a DataError unless the schema is a struct's and the value an object. */
export function requireStruct(schema: Schema, value: unknown, purpose: string): Readonly<Record<string, unknown>> {
  if (schema.type === 'struct' && typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw new DataError(`Only Struct objects supported for [${purpose}], found: ${schema.type}`)
}

/** A field of a struct; null where it is missing, or its default if that is wanted. */
export function fieldValue(struct: Readonly<Record<string, unknown>>, field: Field, nullAsDefault: boolean): unknown {
  const inherited = field.name in Object.prototype && !Object.hasOwn(struct, field.name)
  const value = inherited ? null : (struct[field.name] ?? null)
  return value === null && nullAsDefault ? (field.schema.defaultValue ?? null) : value
}

/** Sets an own property of any name, `__proto__` included. */
export function setOwn(struct: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(struct, name, { value, enumerable: true, writable: true, configurable: true })
  else struct[name] = value
}

/** A struct schema with other fields that keeps name, version, doc and parameters; required, without default, as Kafka Connect's are. */
export function withFields(schema: Schema, fields: readonly (readonly [string, Schema])[]): Schema {
  const { name, version, doc, parameters } = schema
  try {
    return structOf(fields, { name, version, doc, parameters })
  } catch (cause) {
    throw new DataError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** Remembers what is derived from a schema as long as that schema lives. */
export function bySchema<T>(derive: (schema: Schema) => T): (schema: Schema) => T {
  const known = new WeakMap<Schema, { readonly derived: T }>()
  return (schema) => {
    let entry = known.get(schema)
    if (entry === undefined) {
      entry = { derived: derive(schema) }
      known.set(schema, entry)
    }
    return entry.derived
  }
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  return Array.isArray(value) ? 'array' : ArrayBuffer.isView(value) ? 'bytes' : typeof value
}
