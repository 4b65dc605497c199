import { logical, type ConnectRecord, type Decimal, type Schema } from '../../../core/index.ts'

/** Records as Oracle.java reads and writes them: JSON with exact integers, floats by their bits, structs as lists, maps as pairs. */
export function recordToWire(record: ConnectRecord): object {
  return {
    topic: record.topic,
    partition: record.partition,
    timestamp: record.timestamp,
    offset: record.origin?.position ?? 0,
    key: bothToWire(record.keySchema, record.key),
    value: bothToWire(record.valueSchema, record.value),
    headers: record.headers.map(({ key, schema, value }) => ({ key, ...bothToWire(schema, value) })),
  }
}

function bothToWire(schema: Schema | null, value: unknown): { readonly schema: unknown; readonly value: unknown } {
  return { schema: schemaToWire(schema), value: valueToWire(schema, value) }
}

function schemaToWire(schema: Schema | null): unknown {
  if (schema === null) return null
  const { type, optional, name, version, doc, parameters, defaultValue } = schema
  const sorted = Object.entries(parameters ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    type,
    optional,
    name,
    version,
    doc,
    parameters: sorted.length === 0 ? null : Object.fromEntries(sorted),
    default: defaultValue === undefined || defaultValue === null ? null : valueToWire(schema, defaultValue),
    ...(type === 'struct' ? { fields: schema.fields.map((field) => ({ name: field.name, schema: schemaToWire(field.schema) })) } : {}),
    ...(type === 'map' ? { keys: schemaToWire(schema.keySchema) } : {}),
    ...(type === 'map' || type === 'array' ? { values: schemaToWire(schema.valueSchema) } : {}),
  }
}

function valueToWire(schema: Schema | null, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (schema === null) return plainToWire(value)
  if (schema.name === logical.decimal) return decimalToWire(value as Decimal)
  const expected = inMemory[schema.type]
  if (expected !== undefined && typeof value !== expected) throw new Error(`${typeof value} stands for ${schema.type}`)
  switch (schema.type) {
    case 'int64':
      return String(value)
    case 'float32':
    case 'float64':
      return bits(value as number)
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64')
    case 'array':
      return (value as readonly unknown[]).map((item) => valueToWire(schema.valueSchema, item))
    case 'map':
      return [...(value as Map<unknown, unknown>)].map(([key, one]) => [
        valueToWire(schema.keySchema, key),
        valueToWire(schema.valueSchema, one),
      ])
    case 'struct':
      return schema.fields.map((field) => valueToWire(field.schema, (value as Record<string, unknown>)[field.name]))
    default:
      return value
  }
}

// What the contract says of values in memory: a number for an int64 would look right on the wire.
const inMemory: Readonly<Partial<Record<Schema['type'], string>>> = {
  int8: 'number',
  int16: 'number',
  int32: 'number',
  int64: 'bigint',
  float32: 'number',
  float64: 'number',
  boolean: 'boolean',
  string: 'string',
}

function plainToWire(value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return { t: 'int', v: String(value) }
  if (typeof value === 'number') return { t: 'float', v: bits(value) }
  if (typeof value === 'string' || typeof value === 'boolean') return { t: typeof value, v: value }
  if (value instanceof Uint8Array) return { t: 'bytes', v: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return { t: 'array', v: value.map(plainToWire) }
  if ('unscaled' in (value as object)) return { t: 'decimal', v: decimalToWire(value as Decimal) }
  const members = value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value as object)
  // Java's transforms copy into hash maps: their order says nothing.
  const sorted = members.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { t: 'map', v: sorted.map(([name, member]) => [name, plainToWire(member)]) }
}

function decimalToWire({ unscaled, scale }: Decimal): object {
  return { unscaled: String(unscaled), scale }
}

function bits(number: number): string {
  return String(new BigInt64Array(new Float64Array([number]).buffer)[0])
}
