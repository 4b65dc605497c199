import { DataError, optional, structOf, withExtras, type ConnectRecord, type Schema } from '../../core/index.ts'
import { bySchema, isPlainObject, membersOf, rebuilt, requireStruct, setOwn, withFields } from '../fields.ts'
import type { Side } from '../side.ts'
import { compileCopy, type StructCopy } from '../struct-copy.ts'
import type { Column, Row, RowShape } from './lookup.ts'

/** Puts what was found into records. */
export interface Merge {
  /** True where records with a schema can be given what is found. */
  readonly typed: boolean
  found(record: ConnectRecord, row: Row): ConnectRecord
  /** Nulls in the place of what was not found. */
  nothing(record: ConnectRecord): ConnectRecord
}

const purpose = 'enrichment'
const noFields: Readonly<Record<string, unknown>> = Object.freeze({})

/**
 * Compiles the merging for what a lookup finds. `into` is the field for a struct of it, undefined: the fields stand beside the record's own.
 * `nullable`: records without a match have nulls there, so all is optional. A field that the record has already is a DataError.
 */
export function mergeOf(shape: RowShape, side: Side, into: string | undefined, nullable: boolean): Merge {
  const columns = shape.columns ?? []
  const typed = shape.columns !== null && columns.every(({ schema }) => schema !== null)
  const names = into === undefined ? columns.map(({ name }) => name) : [into]
  const nulls = names.map(() => null)
  const struct = typed ? structOf(columns.map((column) => [column.name, column.schema!] as const)) : undefined
  const made = compileCopy(
    columns.map(({ name }) => ({ name, from: null })),
    false,
  )
  const added = (): readonly Schema[] => {
    const schemas = into === undefined ? columns.map(({ schema }) => schema!) : [struct!]
    return nullable ? schemas.map(optional) : schemas
  }
  const widened = bySchema((schema) => compile(schema, names, added()))

  const merge = (record: ConnectRecord, values: readonly unknown[], plain: readonly unknown[]): ConnectRecord => {
    const schema = side.schema(record)
    const value = side.value(record)
    if (schema === null) return side.replace(record, null, extended(value, names, plain))
    const { schema: target, copy } = widened(schema)
    return side.replace(record, target, copy(requireStruct(schema, value, purpose), values))
  }
  return {
    typed,
    found: (record, row) =>
      side.schema(record) === null
        ? merge(record, nulls, into === undefined ? plainOf(row, columns) : [plainObject(row, shape, made)])
        : merge(record, into === undefined ? typedOf(row, columns) : [(row.struct ??= made(noFields, typedOf(row, columns)))], nulls),
    nothing: (record) => merge(record, nulls, nulls),
  }
}

function typedOf(row: Row, columns: readonly Column[]): readonly unknown[] {
  return (row.typed ??= columns.map((column, index) => column.typed(row.raw[index])))
}

function plainOf(row: Row, columns: readonly Column[]): readonly unknown[] {
  return (row.plain ??= columns.map((column, index) => column.plain(row.raw[index])))
}

function plainObject(row: Row, shape: RowShape, made: StructCopy): Readonly<Record<string, unknown>> {
  if (shape.columns === null) return row.raw[0] as Readonly<Record<string, unknown>>
  return (row.object ??= made(noFields, plainOf(row, shape.columns)))
}

function compile(
  schema: Schema,
  names: readonly string[],
  added: readonly Schema[],
): { readonly schema: Schema; readonly copy: StructCopy } {
  const taken = names.find((name) => schema.fields.some((field) => field.name === name))
  if (taken !== undefined) throw clash(taken)
  const own = schema.fields.map((from) => ({ name: from.name, from }))
  const fields = [
    ...schema.fields.map((field) => [field.name, field.schema] as const),
    ...names.map((name, index) => [name, added[index]!] as const),
  ]
  return {
    schema: withExtras(withFields(schema, fields), { optional: schema.optional }),
    copy: compileCopy([...own, ...names.map((name) => ({ name, from: null }))], false),
  }
}

function extended(value: unknown, names: readonly string[], added: readonly unknown[]): unknown {
  if (!isPlainObject(value)) {
    const members = new Map(membersOf(value, purpose))
    names.forEach((name, index) => {
      if (members.has(name)) throw clash(name)
      members.set(name, added[index])
    })
    return rebuilt(value, [...members])
  }
  const object: Record<string, unknown> = { ...value }
  for (let index = 0; index < names.length; index++) {
    const name = names[index]!
    if (Object.hasOwn(object, name)) throw clash(name)
    setOwn(object, name, added[index])
  }
  return object
}

function clash(name: string): DataError {
  return new DataError(
    `Enrich: the record has a field "${name}" already; give what is found another name (fields=${name}:other) or set "into"`,
  )
}
