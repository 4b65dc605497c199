import { DataError, type Schema, logical } from '../../core/index.ts'
import type { Layout } from './layout.ts'

/** Schema parameters by which a source tells what the rows that a table had before a column was added to it have in that column (or why it cannot tell). */
const valueParameter = 'millrace.added.value'
const unknownParameter = 'millrace.added.unknown'

/** A column that was added at the source with a value for the rows that were there already. */
export interface AddedColumn {
  readonly name: string
  readonly source: Schema
  /** In the form in which records carry it. */
  readonly value: unknown
}

/**
 * Which of these new columns of a table rows from before have a value in. Throws a DataError where there is one that cannot be told; `shared`: several source
 * tables feed the table, and only one of them is known to have it.
 */
export function addedColumns(table: string, layout: Layout, names: readonly string[], shared: boolean): readonly AddedColumn[] {
  const columns: AddedColumn[] = []
  for (const { field, source } of layout.columns.slice(0, layout.fields.length)) {
    const parameters = source?.parameters
    if (!source || !parameters || !names.includes(field.name)) continue
    const text = parameters[valueParameter]
    const unknown = parameters[unknownParameter]
    if (text === undefined && unknown === undefined) continue
    const place = `Table ${table}: column "${field.name}" was added at the source with a value for the rows that were there`
    if (shared) {
      throw new DataError(
        `${place}, and this table also holds rows of other source tables, which cannot be told apart; ` +
          'add the column to this table and fill it with another tool, or write each source table to its own',
      )
    }
    if (text === undefined) throw new DataError(`${place}, which is not known (${unknown}); ${wayOut}`)
    try {
      columns.push({ name: field.name, source, value: valueOf(source, JSON.parse(text)) })
    } catch (error) {
      throw new DataError(`${place}, ${text.slice(0, shownMax)}, which its type does not hold; ${wayOut}`, { cause: error })
    }
  }
  return columns
}

/** Of these new columns those that rows from before may well have a value in, which the source did not tell: a volatile default rewrites a table without an event. */
export function untoldColumns(layout: Layout, names: readonly string[]): readonly string[] {
  return layout.columns.flatMap(({ field, source }) => {
    if (!source || !names.includes(field.name) || source.parameters?.[valueParameter] !== undefined) return []
    return source.optional && (source.defaultValue === undefined || source.defaultValue === null) ? [] : [field.name]
  })
}

const wayOut = 're-read the table: stop the connector, DELETE its offsets and resume it, and it takes a new snapshot'
/** Characters of a value that an error shows. */
const shownMax = 200

/** The value that the parameter spells: bigints and special numbers are text, bytes base64, maps pairs, a VariableScaleDecimal its text. */
function valueOf(schema: Schema, json: unknown): unknown {
  if (json === null) return null
  if (schema.name === logical.decimal) {
    const { unscaled, scale } = json as { readonly unscaled: string; readonly scale: number }
    return { unscaled: BigInt(unscaled), scale }
  }
  if (schema.name === logical.variableScaleDecimal) return { text: checked((json as { readonly text?: unknown }).text, 'string') }
  switch (schema.type) {
    case 'int64':
      return BigInt(json as string)
    case 'float32':
    case 'float64':
      return Number(json)
    case 'bytes':
      return Buffer.from(checked(json, 'string') as string, 'base64')
    case 'array':
      return (json as readonly unknown[]).map((item) => valueOf(schema.valueSchema!, item))
    case 'map':
      return new Map(
        (json as readonly (readonly [unknown, unknown])[]).map(([key, value]) => [
          valueOf(schema.keySchema!, key),
          valueOf(schema.valueSchema!, value),
        ]),
      )
    case 'struct': {
      const parts = json as Readonly<Record<string, unknown>>
      return Object.fromEntries(schema.fields.map((field) => [field.name, valueOf(field.schema, parts[field.name] ?? null)]))
    }
    case 'boolean':
    case 'string':
      return checked(json, schema.type)
    case 'int8':
    case 'int16':
    case 'int32':
      return checked(json, 'number')
    default:
      return schema.type satisfies never
  }
}

function checked(value: unknown, type: string): unknown {
  if (typeof value !== type) throw new TypeError(`${JSON.stringify(value)} is not a ${type}`)
  return value
}
