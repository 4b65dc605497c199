import type { Schema } from '../../contract/schema.ts'
import { simpleName } from './avro-type.ts'

/** Names that Confluent's AvroData gives to what Avro and Connect do not share. */
export const words = {
  namespace: 'io.confluent.connect.avro',
  defaultRecord: 'io.confluent.connect.avro.ConnectDefault',
  mapEntry: 'MapEntry',
  internalType: 'connect.internal.type',
  union: 'io.confluent.connect.avro.Union',
  enum: 'io.confluent.connect.avro.Enum',
  recordDoc: 'io.confluent.connect.avro.record.doc',
  fieldDoc: 'io.confluent.connect.avro.field.doc.',
  enumDoc: 'io.confluent.connect.avro.enum.doc.',
  enumDefault: 'io.confluent.connect.avro.enum.default.',
  fieldDefault: 'io.confluent.connect.avro.field.default',
  precision: 'connect.decimal.precision',
} as const

/** Precision that a decimal gets where none is stated, and that is not stated as a parameter then. */
export const defaultPrecision = 64

/** Settings of the mapping, under Confluent's names. */
export interface AvroMapping {
  /** connect.meta.data */
  readonly metadata: boolean
  /** enhanced.avro.schema.support */
  readonly enhanced: boolean
  /** scrub.invalid.names */
  readonly scrub: boolean
  /** avro.logical.types.extended */
  readonly extended: boolean
  /** ignore.default.for.nullables */
  readonly nullStays: boolean
}

export function isEnumSchema(schema: Schema): boolean {
  return schema.type === 'string' && schema.parameters !== null && Object.hasOwn(schema.parameters, words.enum)
}

const unionNames = {
  int8: 'int',
  int16: 'int',
  int32: 'int',
  int64: 'long',
  float32: 'float',
  float64: 'double',
  boolean: 'boolean',
  string: 'string',
  bytes: 'bytes',
  array: 'array',
  map: 'map',
} as const

/** Name of the field that stands for a branch of a union; the branch's own Connect schema is given. */
export function unionFieldName(schema: Schema, enhanced: boolean): string {
  if (schema.type === 'struct' || isEnumSchema(schema)) {
    const name = schema.name ?? words.defaultRecord
    return enhanced ? name : simpleName(name)
  }
  return unionNames[schema.type]
}
