import type { DuckDBType } from '@duckdb/node-api'
import { type DeltaType, decimalOf, physicalName } from './delta-types.ts'
import type { Engine } from './engine.ts'

/** The DuckDB API's object for a Delta type: the same type that `sqlType` spells. */
export function duckType(api: Engine['api'], type: DeltaType): DuckDBType {
  if (typeof type !== 'string') {
    switch (type.type) {
      case 'struct':
        return api.STRUCT(Object.fromEntries(type.fields.map((field) => [physicalName(field), duckType(api, field.type)])))
      case 'array':
        return api.LIST(duckType(api, type.elementType))
      case 'map':
        return api.MAP(duckType(api, type.keyType), duckType(api, type.valueType))
      default:
        return type satisfies never
    }
  }
  const decimal = decimalOf(type)
  if (decimal) return api.DECIMAL(decimal.precision, decimal.scale)
  switch (type) {
    case 'byte':
      return api.TINYINT
    case 'short':
      return api.SMALLINT
    case 'integer':
      return api.INTEGER
    case 'long':
      return api.BIGINT
    case 'float':
      return api.FLOAT
    case 'double':
      return api.DOUBLE
    case 'boolean':
      return api.BOOLEAN
    case 'string':
      return api.VARCHAR
    case 'binary':
      return api.BLOB
    case 'date':
      return api.DATE
    case 'timestamp':
      return api.TIMESTAMPTZ
    case 'timestamp_ntz':
      return api.TIMESTAMP
    default:
      throw new Error(`Delta type "${type}" is not supported`)
  }
}
