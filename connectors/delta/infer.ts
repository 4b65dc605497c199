import { DataError, type Schema, logical, optional, primitive, structOf } from '../../core/index.ts'
import { exactIntegers } from './exact-json.ts'

type Kind = 'string' | 'number' | 'boolean' | 'bigint' | 'json'

const schemas: Readonly<Record<Kind, Schema>> = {
  string: optional(primitive('string')),
  number: optional(primitive('float64')),
  boolean: optional(primitive('boolean')),
  bigint: optional(primitive('int64')),
  json: primitive('string', { optional: true, name: logical.json }),
}

/**
 * Columns for records without a schema, such as plain JSON: text is `string`, every number `double`, true and false `boolean`, an int64 `long`;
 * objects and arrays are kept as their JSON text. A field becomes a column at its first value that is not null, and keeps its kind.
 */
export class InferredRow {
  readonly #name: string
  readonly #kinds = new Map<string, Kind>()
  #schema: Schema = structOf([])

  /** `name` of the topic, for messages. */
  constructor(name: string) {
    this.#name = name
  }

  /** The schema of all rows so far; another object whenever a column is new. */
  get schema(): Schema {
    return this.#schema
  }

  /** The row in the in-memory form of `schema`. Throws a DataError where a field has another kind than before. */
  read(value: object): Readonly<Record<string, unknown>> {
    const row = value as Readonly<Record<string, unknown>>
    let converted: Record<string, unknown> | undefined
    const added: [string, Kind][] = []
    for (const name of Object.keys(row)) {
      const field = row[name]
      if (field === null || field === undefined) continue
      const kind = kindOf(field)
      const known = this.#kinds.get(name)
      if (known === undefined) added.push([name, kind])
      else if (known !== kind) {
        throw new DataError(
          `Topic ${this.#name}: field "${name}" is ${kind} here and was ${known} before; records without a schema must keep their kinds, ` +
            'or use a converter with schemas',
        )
      }
      if (kind === 'json') (converted ??= { ...row })[name] = JSON.stringify(field, exactIntegers)
    }
    if (added.length > 0) {
      for (const [name, kind] of added) this.#kinds.set(name, kind)
      this.#schema = structOf(Array.from(this.#kinds, ([name, kind]) => [name, schemas[kind]]))
    }
    return converted ?? row
  }
}

/** The schema of a key that is neither null nor an object. */
export function inferPrimitive(value: unknown): Schema {
  return schemas[kindOf(value)]
}

function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
      return typeof value as Kind
    case 'object':
      return 'json'
    default:
      throw new DataError(`a value of type ${typeof value} has no column type`)
  }
}
