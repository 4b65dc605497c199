/**
 * Delta's schema language in its own JSON form (PROTOCOL.md, "Schema Serialization Format"), so that parsing is JSON.parse.
 * Primitive types are strings: byte short integer long float double boolean string binary date timestamp timestamp_ntz decimal(p,s).
 */
export type DeltaType = string | DeltaSchema | DeltaArray | DeltaMap

export interface DeltaSchema {
  readonly type: 'struct'
  readonly fields: readonly DeltaField[]
}

export interface DeltaField {
  readonly name: string
  readonly type: DeltaType
  readonly nullable: boolean
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface DeltaArray {
  readonly type: 'array'
  readonly elementType: DeltaType
  readonly containsNull: boolean
}

export interface DeltaMap {
  readonly type: 'map'
  readonly keyType: DeltaType
  readonly valueType: DeltaType
  readonly valueContainsNull: boolean
}

/** Keys of a field's metadata under column mapping. */
export const physicalNameKey = 'delta.columnMapping.physicalName'
export const columnIdKey = 'delta.columnMapping.id'

/** The column's name inside data files, statistics and partition values: the same as its name unless columns are mapped. */
export function physicalName(field: DeltaField): string {
  const name = field.metadata[physicalNameKey]
  return typeof name === 'string' ? name : field.name
}

/** Precision and scale of `decimal(p,s)`; undefined for every other type. */
export function decimalOf(type: DeltaType): { readonly precision: number; readonly scale: number } | undefined {
  const match = typeof type === 'string' ? /^decimal\((\d+),\s*(-?\d+)\)$/.exec(type) : null
  return match ? { precision: Number(match[1]), scale: Number(match[2]) } : undefined
}

const sqlTypes: Readonly<Record<string, string>> = {
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMPTZ',
  timestamp_ntz: 'TIMESTAMP',
}

/** DuckDB's name of the type; nested fields carry their physical names. Throws for a Delta type that has none (variant, void ...). */
export function sqlType(type: DeltaType): string {
  if (typeof type === 'string') {
    const decimal = decimalOf(type)
    const sql = decimal ? `DECIMAL(${decimal.precision},${decimal.scale})` : sqlTypes[type]
    if (sql === undefined) throw new Error(`Delta type "${type}" is not supported`)
    return sql
  }
  switch (type.type) {
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${quoteName(physicalName(field))} ${sqlType(field.type)}`).join(', ')})`
    case 'array':
      return `${sqlType(type.elementType)}[]`
    case 'map':
      return `MAP(${sqlType(type.keyType)}, ${sqlType(type.valueType)})`
    default:
      return type satisfies never
  }
}

/** A type for an error message: `struct<a:long,b:array<string>>`. */
export function typeText(type: DeltaType): string {
  if (typeof type === 'string') return type
  switch (type.type) {
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}:${typeText(field.type)}`).join(',')}>`
    case 'array':
      return `array<${typeText(type.elementType)}>`
    case 'map':
      return `map<${typeText(type.keyType)},${typeText(type.valueType)}>`
    default:
      return type satisfies never
  }
}

/** True where any part of the type is `timestamp_ntz`, which the protocol makes a table feature. */
export function usesTimestampNtz(type: DeltaType): boolean {
  if (typeof type === 'string') return type === 'timestamp_ntz'
  switch (type.type) {
    case 'struct':
      return type.fields.some((field) => usesTimestampNtz(field.type))
    case 'array':
      return usesTimestampNtz(type.elementType)
    case 'map':
      return usesTimestampNtz(type.keyType) || usesTimestampNtz(type.valueType)
    default:
      return type satisfies never
  }
}

/** A name as an SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as an SQL literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
