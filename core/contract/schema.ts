/**
 * Connect's schema model (KIP-26, `org.apache.kafka.connect.data.Schema`) as plain, immutable objects.
 *
 * What a value of each type looks like in memory, everywhere in Millrace:
 *
 * | type                   | value                                                        |
 * | ---------------------- | ------------------------------------------------------------ |
 * | int8, int16, int32     | `number`                                                     |
 * | int64                  | `bigint`, always: 64-bit integers stay exact                 |
 * | float32, float64       | `number` (NaN and infinities included)                       |
 * | boolean, string        | `boolean`, `string`                                          |
 * | bytes                  | `Uint8Array` (a `Buffer` is one)                             |
 * | array                  | `readonly unknown[]`                                         |
 * | map                    | `ReadonlyMap<unknown, unknown>`                              |
 * | struct                 | a plain object with one own property per field, in order     |
 * | logical Decimal        | `Decimal` (see decimal.ts), not its bytes                    |
 * | any other logical type | the value of the type it is built on (days, ms, us, text ...) |
 *
 * `null` stands for a missing value of any optional type.
 * A source hands out the same `Schema` object for the same schema, so that readers may cache by identity.
 */
export interface Schema {
  readonly type: SchemaType
  readonly optional: boolean
  readonly name: string | null
  readonly version: number | null
  readonly doc: string | null
  /** Default of the field, in its in-memory form; `undefined` where there is none. `null` is a default only for an optional type. */
  readonly defaultValue: unknown
  readonly parameters: Readonly<Record<string, string>> | null
  /** Fields of a struct in their order; empty for every other type. */
  readonly fields: readonly Field[]
  /** Schema of a map's keys; null for every other type. */
  readonly keySchema: Schema | null
  /** Schema of a map's values or of an array's items; null for every other type. */
  readonly valueSchema: Schema | null
}

export type SchemaType =
  'int8' | 'int16' | 'int32' | 'int64' | 'float32' | 'float64' | 'boolean' | 'string' | 'bytes' | 'array' | 'map' | 'struct'

export interface Field {
  readonly name: string
  readonly index: number
  readonly schema: Schema
}

/** What may be said of a schema beside its type; every part has a neutral default. */
export interface SchemaExtras {
  readonly optional?: boolean
  readonly name?: string | null
  readonly version?: number | null
  readonly doc?: string | null
  readonly defaultValue?: unknown
  readonly parameters?: Readonly<Record<string, string>> | null
}

/** A schema of a primitive type. */
export function primitive(type: Exclude<SchemaType, 'array' | 'map' | 'struct'>, extras: SchemaExtras = {}): Schema {
  return build(type, extras, [], null, null)
}

/** A schema of an array whose items have the schema `items`. */
export function arrayOf(items: Schema, extras: SchemaExtras = {}): Schema {
  return build('array', extras, [], null, items)
}

/** A schema of a map. */
export function mapOf(keys: Schema, values: Schema, extras: SchemaExtras = {}): Schema {
  return build('map', extras, [], keys, values)
}

/**
 * A schema of a struct with these fields in this order, as pairs or as an object (whose keys are not all digits: JavaScript would put those first).
 * Throws a TypeError when a field name occurs twice.
 */
export function structOf(
  fields: readonly (readonly [name: string, schema: Schema])[] | Readonly<Record<string, Schema>>,
  extras: SchemaExtras = {},
): Schema {
  const pairs = isPairs(fields) ? fields : Object.entries(fields)
  const seen = new Set<string>()
  for (const [name] of pairs) {
    if (seen.has(name)) throw new TypeError(`Field "${name}" occurs twice in struct ${extras.name ?? ''}`)
    seen.add(name)
  }
  return build(
    'struct',
    extras,
    pairs.map(([name, schema], index) => ({ name, index, schema })),
    null,
    null,
  )
}

function isPairs(fields: Parameters<typeof structOf>[0]): fields is readonly (readonly [name: string, schema: Schema])[] {
  return Array.isArray(fields)
}

/** The same schema with other extras; the type and its parts stay. */
export function withExtras(schema: Schema, extras: SchemaExtras): Schema {
  return { ...schema, ...extras }
}

/** The same schema, optional. */
export function optional(schema: Schema): Schema {
  return schema.optional ? schema : { ...schema, optional: true }
}

/** The field of that name, or undefined. */
export function fieldOf(schema: Schema, name: string): Field | undefined {
  return schema.fields.find((field) => field.name === name)
}

/** True where two schemas say the same, deeply (documentation included). */
export function sameSchema(a: Schema | null, b: Schema | null): boolean {
  if (a === b) return true
  if (a === null || b === null) return false
  return (
    a.type === b.type &&
    a.optional === b.optional &&
    a.name === b.name &&
    a.version === b.version &&
    a.doc === b.doc &&
    sameValue(a.defaultValue, b.defaultValue) &&
    sameParameters(a.parameters, b.parameters) &&
    a.fields.length === b.fields.length &&
    a.fields.every((field, index) => field.name === b.fields[index]!.name && sameSchema(field.schema, b.fields[index]!.schema)) &&
    sameSchema(a.keySchema, b.keySchema) &&
    sameSchema(a.valueSchema, b.valueSchema)
  )
}

/**
 * Names of the logical types. Connect's own (`connect`) count days (int32), milliseconds of a day (int32) and milliseconds since the
 * epoch (int64); Debezium's add microseconds, nanoseconds, ISO text with zone, uuid, json, enum, xml and geometry.
 */
export const logical = {
  decimal: 'org.apache.kafka.connect.data.Decimal',
  date: 'org.apache.kafka.connect.data.Date',
  time: 'org.apache.kafka.connect.data.Time',
  timestamp: 'org.apache.kafka.connect.data.Timestamp',
  debeziumDate: 'io.debezium.time.Date',
  debeziumTime: 'io.debezium.time.Time',
  microTime: 'io.debezium.time.MicroTime',
  nanoTime: 'io.debezium.time.NanoTime',
  debeziumTimestamp: 'io.debezium.time.Timestamp',
  microTimestamp: 'io.debezium.time.MicroTimestamp',
  nanoTimestamp: 'io.debezium.time.NanoTimestamp',
  zonedTime: 'io.debezium.time.ZonedTime',
  zonedTimestamp: 'io.debezium.time.ZonedTimestamp',
  isoDate: 'io.debezium.time.IsoDate',
  isoTime: 'io.debezium.time.IsoTime',
  isoTimestamp: 'io.debezium.time.IsoTimestamp',
  microDuration: 'io.debezium.time.MicroDuration',
  interval: 'io.debezium.time.Interval',
  variableScaleDecimal: 'io.debezium.data.VariableScaleDecimal',
  json: 'io.debezium.data.Json',
  uuid: 'io.debezium.data.Uuid',
  xml: 'io.debezium.data.Xml',
  enum: 'io.debezium.data.Enum',
  bits: 'io.debezium.data.Bits',
} as const

function build(
  type: SchemaType,
  extras: SchemaExtras,
  fields: readonly Field[],
  keySchema: Schema | null,
  valueSchema: Schema | null,
): Schema {
  return {
    type,
    optional: extras.optional ?? false,
    name: extras.name ?? null,
    version: extras.version ?? null,
    doc: extras.doc ?? null,
    defaultValue: extras.defaultValue,
    parameters: extras.parameters ?? null,
    fields,
    keySchema,
    valueSchema,
  }
}

function sameParameters(a: Schema['parameters'], b: Schema['parameters']): boolean {
  if (a === b) return true
  if (a === null || b === null) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = Object.entries(a)
  return left.length === Object.keys(b).length && left.every(([key, value]) => sameValue(value, (b as Record<string, unknown>)[key]))
}
