import { fieldOf, type ConnectRecord, type Schema } from '../../core/index.ts'

/** A field of the record's value, by its path (`a.b`), with its schema; null where any part of the path is missing. */
export function fieldAt(record: ConnectRecord, path: string): { readonly value: unknown; readonly schema: Schema | null } {
  return memberAt(record.value, record.valueSchema, path)
}

/** The same of any value. */
export function memberAt(
  whole: unknown,
  wholeSchema: Schema | null,
  path: string,
): { readonly value: unknown; readonly schema: Schema | null } {
  let value = whole
  let schema = wholeSchema
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return { value: null, schema: null }
    if (value instanceof Map) {
      value = value.get(name)
      schema = schema?.valueSchema ?? null
    } else {
      value = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : null
      schema = (schema && fieldOf(schema, name)?.schema) ?? null
    }
  }
  return { value: value ?? null, schema }
}
