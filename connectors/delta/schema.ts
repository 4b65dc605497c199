import { DataError, type Schema, logical } from '../../core/index.ts'
import { type DeltaField, type DeltaSchema, type DeltaType, decimalOf, typeText } from './delta-types.ts'

/** Delta's largest decimal; wider numbers are kept exactly as text. */
const precisionMax = 38

const textTypes = new Set<string>([logical.time, logical.debeziumTime, logical.microTime, logical.nanoTime, logical.variableScaleDecimal])
const localTimestamps = new Set<string>([logical.debeziumTimestamp, logical.microTimestamp, logical.nanoTimestamp])

/**
 * The Delta type that holds every value of a Connect schema exactly:
 * times of day become text (Delta has no such type), a Decimal without a usable precision and a VariableScaleDecimal become text,
 * Connect's Timestamp is an instant (`timestamp`) and Debezium's unzoned ones are `timestamp_ntz`.
 */
export function deltaType(schema: Schema): DeltaType {
  const name = schema.name
  if (name === logical.decimal) return decimalType(schema)
  if (name === logical.date || name === logical.debeziumDate) return 'date'
  if (name === logical.timestamp || name === logical.zonedTimestamp) return 'timestamp'
  if (name !== null && localTimestamps.has(name)) return 'timestamp_ntz'
  if (name !== null && textTypes.has(name)) return 'string'
  switch (schema.type) {
    case 'int8':
      return 'byte'
    case 'int16':
      return 'short'
    case 'int32':
      return 'integer'
    case 'int64':
      return 'long'
    case 'float32':
      return 'float'
    case 'float64':
      return 'double'
    case 'boolean':
    case 'string':
      return schema.type
    case 'bytes':
      return 'binary'
    case 'array':
      return { type: 'array', elementType: deltaType(schema.valueSchema!), containsNull: true }
    case 'map':
      return { type: 'map', keyType: deltaType(schema.keySchema!), valueType: deltaType(schema.valueSchema!), valueContainsNull: true }
    case 'struct':
      return structType(schema)
    default:
      return schema.type satisfies never
  }
}

/** The columns of a row's schema. All are nullable: a later schema may drop one, and a delete may carry the key alone. */
export function structType(schema: Schema): DeltaSchema {
  return { type: 'struct', fields: schema.fields.map((field) => newField(field.name, deltaType(field.schema))) }
}

/** A nullable field without metadata. */
export function newField(name: string, type: DeltaType): DeltaField {
  return { name, type, nullable: true, metadata: {} }
}

function decimalType(schema: Schema): DeltaType {
  const scale = Number(schema.parameters?.['scale'] ?? 0)
  const precision = Number(schema.parameters?.['connect.decimal.precision'] ?? precisionMax)
  const fits = precision >= 1 && precision <= precisionMax && scale >= 0 && scale <= precision
  return fits ? `decimal(${precision},${scale})` : 'string'
}

/** Which columns a table gets: those of the table, then the row's new ones. Undefined where nothing is added. */
export interface Evolution {
  readonly added: readonly DeltaField[]
}

/**
 * Compares a row's columns with the table's. Throws a DataError for what is not an added column: a changed type (unless the table's holds
 * every value of the row's), or a name that differs from another one by its case alone (Delta's names ignore case).
 */
export function evolve(table: string, current: DeltaSchema, row: readonly DeltaField[]): Evolution {
  const byName = new Map(current.fields.map((field) => [field.name.toLowerCase(), field]))
  const added: DeltaField[] = []
  for (const field of row) {
    const found = byName.get(field.name.toLowerCase())
    if (!found) {
      byName.set(field.name.toLowerCase(), field)
      added.push(field)
      continue
    }
    if (found.name !== field.name) {
      throw new DataError(
        `Table ${table}: columns "${found.name}" and "${field.name}" differ only by case, which Delta does not tell apart; rename or exclude one of them`,
      )
    }
    if (added.includes(found)) throw new DataError(`Table ${table}: column "${field.name}" occurs twice in one record`)
    if (!holds(found.type, field.type)) {
      throw new DataError(
        `Table ${table}: column "${field.name}" is ${typeText(found.type)}, records now carry ${typeText(field.type)}; only added columns are followed. ` +
          'Change the type back, cast it with a transform, or write to a new table and take a new snapshot',
      )
    }
  }
  return { added }
}

const integers = ['byte', 'short', 'integer', 'long']

/** True where a column of type `target` holds every value of type `source` exactly. */
export function holds(target: DeltaType, source: DeltaType): boolean {
  if (typeof target === 'string' || typeof source === 'string') {
    if (target === source) return true
    if (typeof target !== 'string' || typeof source !== 'string') return false
    if (integers.includes(target) && integers.includes(source)) return integers.indexOf(target) > integers.indexOf(source)
    if (target === 'double') return source === 'float'
    const [wide, narrow] = [decimalOf(target), decimalOf(source)]
    if (!wide || !narrow) return false
    return wide.scale >= narrow.scale && wide.precision - wide.scale >= narrow.precision - narrow.scale
  }
  if (target.type === 'array' && source.type === 'array') return holds(target.elementType, source.elementType)
  if (target.type === 'map' && source.type === 'map') {
    return holds(target.keyType, source.keyType) && holds(target.valueType, source.valueType)
  }
  if (target.type !== 'struct' || source.type !== 'struct') return false
  return source.fields.every((field) => target.fields.some((known) => known.name === field.name && holds(known.type, field.type)))
}
