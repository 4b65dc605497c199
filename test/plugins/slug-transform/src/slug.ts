import { DataError, fieldOf, optional, structOf, types, withExtras, type ConnectRecord, type Schema, type Transform } from 'millrace'

export interface SlugSettings {
  readonly field: string
  readonly target: string
  readonly 'length.max': number
}

/** Adds to a record's value the slug of one of its fields: "Crème brûlée!" becomes "creme-brulee". */
export class Slug implements Transform {
  readonly #settings: SlugSettings
  /** The new schema of each old one. Sources give the same object for the same schema, so this is done once and not for each record. */
  readonly #schemas = new WeakMap<Schema, Schema>()

  constructor(settings: SlugSettings) {
    this.#settings = settings
  }

  apply(record: ConnectRecord): ConnectRecord {
    const { value, valueSchema } = record
    if (value === null) return record // A tombstone has no fields.
    const { field, target } = this.#settings
    if (typeof value !== 'object' || Array.isArray(value) || value instanceof Map || value instanceof Uint8Array) {
      throw new DataError(`The value has no field "${field}": it is no struct`)
    }
    const text = (value as Readonly<Record<string, unknown>>)[field]
    if (text !== null && text !== undefined && typeof text !== 'string')
      throw new DataError(`Field "${field}" is no text but ${typeof text}`)
    const slug = typeof text === 'string' ? slugOf(text, this.#settings['length.max']) : null
    const { [target]: _, ...others } = value as Readonly<Record<string, unknown>>
    return { ...record, value: { ...others, [target]: slug }, valueSchema: valueSchema && this.#schemaWith(valueSchema) }
  }

  #schemaWith(schema: Schema): Schema {
    const known = this.#schemas.get(schema)
    if (known) return known
    const { field, target } = this.#settings
    if (!fieldOf(schema, field))
      throw new DataError(`The value's schema${schema.name === null ? '' : ` ${schema.name}`} has no field "${field}"`)
    const others = schema.fields.filter(({ name }) => name !== target).map(({ name, schema: own }) => [name, own] as const)
    const { name, version, doc, parameters, optional: isOptional } = schema
    const made = withExtras(structOf([...others, [target, optional(types.string)]]), {
      name,
      version,
      doc,
      parameters,
      optional: isOptional,
    })
    this.#schemas.set(schema, made)
    return made
  }
}

function slugOf(text: string, lengthMax: number): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
  return plain
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, lengthMax)
    .replace(/^-|-$/g, '')
}
