import { arrayOf, DataError, logical, mapOf, primitive, structOf, type Schema } from '../../core/index.ts'
import { arrayType } from './arrays.ts'
import { bitType, byteaType, unknownBytesType } from './bytes.ts'
import type { Catalog, PgType } from './catalog.ts'
import { booleanCodec, doubleCodec, floatCodec, integerCodec, longCodec } from './digits.ts'
import { geometricType, postgisType } from './geometry.ts'
import { hstoreType } from './hstore.ts'
import { intervalType } from './interval.ts'
import {
  decimalCodec,
  decimalSchema,
  moneyCodec,
  moneyDoubleCodec,
  moneyTextCodec,
  numericBounds,
  numericDoubleCodec,
  variableScaleCodec,
  variableScaleSchema,
} from './numeric.ts'
import type { ValueSettings } from './settings.ts'
import { dateType, timestampType, timeType, zonedTimestampType, zonedTimeType } from './temporal.ts'
import { textCodec } from './text.ts'
import type { ColumnCodec } from './tuple.ts'

/** What a column's type comes to under the settings. */
export interface ColumnType {
  /** Not optional; the shape decides that. */
  readonly schema: Schema
  readonly codec: ColumnCodec
  /** Stands for an unchanged TOAST value; null: nothing fits the type. */
  readonly placeholder: unknown
}

/**
 * The type of a column, its domains resolved; undefined: left out, by `include.unknown.datatypes=false`. `dimensions` is what the column
 * declares of an array. Throws a DataError for a type that was not loaded.
 */
export function columnType(
  oid: number,
  modifier: number,
  dimensions: number,
  catalog: Catalog,
  settings: ValueSettings,
): ColumnType | undefined {
  const type = catalog.type(oid)
  if (type === undefined) throw new DataError(`Type ${oid} was not loaded from the catalog`)
  if (type.kind === 'domain') {
    return columnType(type.domainBase, type.domainModifier, Math.max(dimensions, type.dimensions), catalog, settings)
  }
  if (type.elementOid !== 0) {
    const item = columnType(type.elementOid, modifier, 0, catalog, settings)
    return item && arrayType(item, dimensions, type.delimiter, settings.placeholder)
  }
  if (type.kind === 'enum') return enumType(type, catalog, settings)
  return scalarType(type, modifier, settings) ?? unknownType(type, settings)
}

function scalarType(type: PgType, modifier: number, settings: ValueSettings): ColumnType | undefined {
  if (type.extension !== null) return extensionType(type, settings)
  if (type.schema !== 'pg_catalog') return undefined
  return numberType(type.name, modifier, settings) ?? timeKind(type.name, modifier, settings) ?? textKind(type.name, modifier, settings)
}

function numberType(name: string, modifier: number, settings: ValueSettings): ColumnType | undefined {
  switch (name) {
    case 'bool':
      return { schema: primitive('boolean'), codec: booleanCodec, placeholder: null }
    case 'int2':
      return { schema: primitive('int16'), codec: integerCodec, placeholder: null }
    case 'int4':
      return { schema: primitive('int32'), codec: integerCodec, placeholder: null }
    case 'int8':
    case 'oid':
      return { schema: primitive('int64'), codec: longCodec, placeholder: null }
    case 'float4':
      return { schema: primitive('float32'), codec: floatCodec, placeholder: null }
    case 'float8':
      return { schema: primitive('float64'), codec: doubleCodec, placeholder: null }
    case 'numeric':
      return numericType(modifier, settings)
    case 'money':
      return moneyType(settings)
    default:
      return undefined
  }
}

function numericType(modifier: number, settings: ValueSettings): ColumnType {
  const bounds = numericBounds(modifier)
  switch (settings.decimals) {
    case 'string':
      return text(settings)
    case 'double':
      return { schema: primitive('float64'), codec: numericDoubleCodec, placeholder: null }
    case 'precise':
      if (bounds === undefined) return { schema: variableScaleSchema, codec: variableScaleCodec, placeholder: null }
      return { schema: decimalSchema(bounds.scale, bounds.precision), codec: decimalCodec(bounds.scale), placeholder: null }
    default:
      return settings.decimals satisfies never
  }
}

function moneyType(settings: ValueSettings): ColumnType {
  switch (settings.decimals) {
    case 'string':
      return { schema: primitive('string'), codec: moneyTextCodec, placeholder: null }
    case 'double':
      return { schema: primitive('float64'), codec: moneyDoubleCodec, placeholder: null }
    case 'precise':
      return { schema: decimalSchema(2), codec: moneyCodec, placeholder: null }
    default:
      return settings.decimals satisfies never
  }
}

/** Digits after the second that a column without a modifier has. */
const fullPrecision = 6

function timeKind(name: string, modifier: number, settings: ValueSettings): ColumnType | undefined {
  const precision = modifier < 0 ? fullPrecision : modifier
  switch (name) {
    case 'date':
      return dateType(settings.times)
    case 'time':
      return timeType(settings.times, precision)
    case 'timetz':
      return zonedTimeType
    case 'timestamp':
      return timestampType(settings.times, precision)
    case 'timestamptz':
      return zonedTimestampType(precision)
    case 'interval':
      return intervalType(settings.intervals)
    default:
      return undefined
  }
}

function textKind(name: string, modifier: number, settings: ValueSettings): ColumnType | undefined {
  switch (name) {
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'char':
    case 'name':
    case 'inet':
    case 'cidr':
    case 'macaddr':
    case 'macaddr8':
    case 'int4range':
    case 'int8range':
    case 'numrange':
    case 'tsrange':
    case 'tstzrange':
    case 'daterange':
      return text(settings)
    case 'uuid':
      return text(settings, logical.uuid)
    case 'json':
    case 'jsonb':
      return text(settings, logical.json)
    case 'xml':
      return text(settings, logical.xml)
    case 'tsvector':
      return text(settings, 'io.debezium.data.Tsvector')
    case 'bytea':
      return byteaType(settings.binary, settings.placeholder)
    case 'bit':
      return bitType(true, modifier < 0 ? 1 : modifier)
    case 'varbit':
      return bitType(false, modifier)
    default:
      return geometricType(name)
  }
}

function extensionType(type: PgType, settings: ValueSettings): ColumnType | undefined {
  switch (`${type.extension}.${type.name}`) {
    case 'citext.citext':
      return text(settings)
    case 'ltree.ltree':
      return text(settings, 'io.debezium.data.Ltree')
    case 'hstore.hstore':
      return hstoreType(settings.hstore, settings.placeholder)
    case 'postgis.geometry':
    case 'postgis.geography':
      return postgisType(type.name)
    case 'vector.vector':
      return vectorType('float64', 'io.debezium.data.DoubleVector')
    case 'vector.halfvec':
      return vectorType('float32', 'io.debezium.data.FloatVector')
    case 'vector.sparsevec':
      return sparseVector
    default:
      return undefined
  }
}

function text(settings: ValueSettings, name: string | null = null, parameters: Readonly<Record<string, string>> | null = null): ColumnType {
  const schema = primitive('string', { name, version: name === null ? null : 1, parameters })
  return { schema, codec: textCodec, placeholder: settings.placeholder }
}

/** All rows share the label's text. A label that was added since the type was loaded is noted in the catalog, so that the schema can follow. */
function enumType(type: PgType, catalog: Catalog, settings: ValueSettings): ColumnType {
  const labels = new Map(type.labels.map((label) => [label, label]))
  const codec: ColumnCodec = (buffer, start, end) => {
    const label = textCodec(buffer, start, end)
    const known = labels.get(label)
    if (known !== undefined) return known
    catalog.noteUnknownLabel()
    return label
  }
  return { ...text(settings, logical.enum, { allowed: type.labels.join(',') }), codec }
}

/** Name of the schema of a type that has no form of its own: its text, with the type's name as parameter. */
export const otherTypeName = 'millrace.postgres.Text'

function unknownType(type: PgType, settings: ValueSettings): ColumnType | undefined {
  switch (settings.unknownTypes) {
    case 'text':
      return text(settings, otherTypeName, { type: type.schema === 'pg_catalog' ? type.name : `${type.schema}.${type.name}` })
    case 'binary':
      return unknownBytesType(settings.binary, settings.placeholder)
    case 'omit':
      return undefined
    default:
      return settings.unknownTypes satisfies never
  }
}

/** pgvector's `[1,2.5]`. */
function vectorType(item: 'float32' | 'float64', name: string): ColumnType {
  const codec: ColumnCodec = (buffer, start, end) => {
    const list = buffer.latin1Slice(start, end)
    if (!/^\[[-+.\deE,]*\]$/.test(list)) throw new DataError(`"${list}" is not a vector`)
    const numbers = list === '[]' ? [] : list.slice(1, -1).split(',').map(Number)
    return item === 'float32' ? numbers.map(Math.fround) : numbers
  }
  return { schema: arrayOf(primitive(item), { name, version: 1 }), codec, placeholder: null }
}

/** pgvector's `{1:0.5,7:2}/10`. */
const sparseVector: ColumnType = {
  schema: structOf(
    [
      ['dimensions', primitive('int16')],
      ['vector', mapOf(primitive('int16'), primitive('float64'))],
    ],
    { name: 'io.debezium.data.SparseDoubleVector', version: 1 },
  ),
  codec: (buffer, start, end) => {
    const match = /^\{([^}]*)\}\/(\d+)$/.exec(buffer.latin1Slice(start, end))
    if (!match) throw new DataError(`"${buffer.utf8Slice(start, end)}" is not a sparse vector`)
    const entries = match[1] === '' ? [] : match[1]!.split(',').map((entry) => entry.split(':').map(Number) as [number, number])
    return { dimensions: Number(match[2]), vector: new Map(entries) }
  },
  placeholder: null,
}
