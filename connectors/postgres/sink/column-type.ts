import { logical, type Schema } from '../../../core/index.ts'

/** The type of a column that is made for values of this schema; undefined: none is exact. */
export function columnTypeFor(schema: Schema): string {
  switch (schema.name) {
    case logical.decimal:
      return decimalType(schema)
    case logical.variableScaleDecimal:
      return 'numeric'
    case logical.date:
    case logical.debeziumDate:
    case logical.isoDate:
      return 'date'
    case logical.time:
    case logical.debeziumTime:
    case logical.microTime:
    case logical.nanoTime:
    case logical.isoTime:
      return 'time'
    case logical.timestamp:
    case logical.debeziumTimestamp:
    case logical.microTimestamp:
    case logical.nanoTimestamp:
    case logical.isoTimestamp:
      return 'timestamp'
    case logical.zonedTimestamp:
      return 'timestamptz'
    case logical.zonedTime:
      return 'timetz'
    case logical.microDuration:
    case logical.interval:
      return 'interval'
    case logical.uuid:
      return 'uuid'
    case logical.json:
      return 'jsonb'
    case logical.xml:
      return 'xml'
    case logical.bits:
      return bitsType(schema)
    case 'io.debezium.data.Tsvector':
      return 'tsvector'
    case 'io.debezium.data.geometry.Point':
      return 'point'
    case 'io.debezium.data.geometry.Line':
      return 'line'
    case 'io.debezium.data.geometry.Circle':
      return 'circle'
    case 'io.debezium.data.DoubleVector':
      return 'double precision[]'
    case 'io.debezium.data.FloatVector':
      return 'real[]'
    default:
      return physicalType(schema)
  }
}

function physicalType(schema: Schema): string {
  switch (schema.type) {
    case 'int8':
    case 'int16':
      return 'smallint'
    case 'int32':
      return 'integer'
    case 'int64':
      return 'bigint'
    case 'float32':
      return 'real'
    case 'float64':
      return 'double precision'
    case 'boolean':
      return 'boolean'
    case 'string':
      return 'text'
    case 'bytes':
      return 'bytea'
    case 'array':
      return arrayType(schema)
    case 'map':
    case 'struct':
      return 'jsonb'
    default:
      return schema.type satisfies never
  }
}

/** As many dimensions as the schema has; what is no scalar inside goes into jsonb as a whole. */
function arrayType(schema: Schema): string {
  let item = schema.valueSchema!
  let dimensions = '[]'
  for (; item.type === 'array' && item.name === null; dimensions += '[]') item = item.valueSchema!
  const type = columnTypeFor(item)
  return type.endsWith(']') || (type === 'jsonb' && item.name !== logical.json) ? 'jsonb' : type + dimensions
}

function decimalType({ parameters }: Schema): string {
  const precision = Number(parameters?.['connect.decimal.precision'] ?? 0)
  const scale = Number(parameters?.['scale'] ?? 0)
  // Scales below zero or above the precision are for PostgreSQL 15 and later; without bounds every number fits.
  return precision > 0 && precision <= 1000 && scale >= 0 && scale <= precision ? `numeric(${precision},${scale})` : 'numeric'
}

function bitsType({ parameters }: Schema): string {
  const length = Number(parameters?.['length'] ?? 0)
  return length > 0 && length < 2147483647 ? `varbit(${length})` : 'varbit'
}
