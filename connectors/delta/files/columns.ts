import { type ConnectRecord, DataError, type Schema } from '../../../core/index.ts'
import { InferredRow } from '../infer.ts'

/** Records' values as columns of a Parquet file; remembers what those without a schema looked like. */
export class Columns {
  readonly #inferred = new Map<string, InferredRow>()

  /** The value in the form of the schema. Throws a DataError where it is none. */
  of({ topic, value, valueSchema }: ConnectRecord): { readonly value: unknown; readonly schema: Schema } {
    if (typeof value !== 'object' || value instanceof Map || value instanceof Uint8Array || Array.isArray(value)) {
      throw new DataError('The value is no struct, and a Parquet file needs columns; use format.class=json, or a transform (HoistField)')
    }
    if (valueSchema !== null) {
      checkNames(valueSchema)
      return { value, schema: valueSchema }
    }
    let inferred = this.#inferred.get(topic)
    if (!inferred) this.#inferred.set(topic, (inferred = new InferredRow(topic)))
    const read = inferred.read(value!)
    checkNames(inferred.schema)
    return { value: read, schema: inferred.schema }
  }
}

/** What no Parquet file can have. Throws a DataError. */
export function checkNames(schema: Schema): void {
  if (schema.fields.length === 0) throw new DataError('The value has no fields, and a Parquet file needs a column; use format.class=json')
  const names = new Map<string, string>()
  for (const { name } of schema.fields) {
    const other = names.get(name.toLowerCase())
    if (other !== undefined)
      throw new DataError(`Fields "${other}" and "${name}" differ only by case, which readers of Parquet do not tell apart`)
    names.set(name.toLowerCase(), name)
  }
}
