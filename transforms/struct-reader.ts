import type { Field, Schema } from '../core/index.ts'
import { fieldValue } from './fields.ts'
import type { FieldPath } from './field-path.ts'

/**
 * Compiles a reader of one field of structs with a schema, which has that field. Structs on the way that are null give their default, as in
 * Java, or else null; the field's own default stands for a null where `nullAsDefault`.
 */
export function structReader(
  schema: Schema,
  { steps }: FieldPath,
  nullAsDefault: boolean,
): (struct: Readonly<Record<string, unknown>>) => unknown {
  const fields: Field[] = []
  let current = schema
  for (const step of steps) {
    const field = current.fields.find(({ name }) => name === step)!
    fields.push(field)
    current = field.schema
  }
  const last = fields.pop()!
  if (fields.length === 0) return (struct) => fieldValue(struct, last, nullAsDefault)
  return (struct) => {
    let at: unknown = struct
    for (const field of fields) {
      at = fieldValue(at as Readonly<Record<string, unknown>>, field, true)
      if (at === null) return null
    }
    return fieldValue(at as Readonly<Record<string, unknown>>, last, nullAsDefault)
  }
}
