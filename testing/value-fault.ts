import { logical, type ConnectRecord, type Schema } from '../core/index.ts'

/** What is wrong with a record's key, value or headers, given their schemas (the table in `Schema`); undefined: nothing. */
export function recordFault(record: ConnectRecord): string | undefined {
  if (typeof record.topic !== 'string' || record.topic === '') return `its topic is ${show(record.topic)}, not a name`
  if (record.timestamp !== null && !Number.isFinite(record.timestamp)) return `its timestamp is ${show(record.timestamp)}, not milliseconds`
  if (!Array.isArray(record.headers)) return `its headers are ${show(record.headers)}, not a list`
  return (
    valueFault(record.keySchema, record.key, 'key') ??
    valueFault(record.valueSchema, record.value, 'value') ??
    record.headers.map(({ key, value, schema }) => valueFault(schema, value, `header ${key}`)).find((fault) => fault !== undefined)
  )
}

/** What is wrong with a value of this schema, naming the place in it; undefined: nothing. Without a schema only `undefined` is wrong. */
export function valueFault(schema: Schema | null, value: unknown, place: string): string | undefined {
  if (value === undefined) return `${place} is undefined: a missing value is null`
  if (schema === null) return undefined
  if (value === null) return schema.optional ? undefined : `${place} is null, and its schema is not optional`
  const wrong = (wanted: string) => `${place} is ${show(value)}, and its schema (${schema.name ?? schema.type}) wants ${wanted}`
  if (schema.name === logical.decimal) return isDecimal(value) ? undefined : wrong('a Decimal: {unscaled: bigint, scale: number}')
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return Number.isInteger(value) && Math.abs(value as number) <= 2 ** (Number(schema.type.slice(3)) - 1)
        ? undefined
        : wrong('a whole number in range')
    case 'int64':
      return typeof value === 'bigint' ? undefined : wrong('a bigint')
    case 'float32':
    case 'float64':
      return typeof value === 'number' ? undefined : wrong('a number')
    case 'boolean':
      return typeof value === 'boolean' ? undefined : wrong('a boolean')
    case 'string':
      return typeof value === 'string' ? undefined : wrong('a string')
    case 'bytes':
      return value instanceof Uint8Array ? undefined : wrong('a Uint8Array')
    case 'array':
      if (!Array.isArray(value)) return wrong('an array')
      return first(value, (item, index) => valueFault(schema.valueSchema, item, `${place}[${index}]`))
    case 'map':
      if (!(value instanceof Map)) return wrong('a Map')
      return first(
        [...value],
        ([key, item]) =>
          valueFault(schema.keySchema, key, `a key of ${place}`) ?? valueFault(schema.valueSchema, item, `${place}[${show(key)}]`),
      )
    case 'struct':
      return structFault(schema, value, place, wrong)
    default:
      return schema.type satisfies never
  }
}

function structFault(schema: Schema, value: unknown, place: string, wrong: (wanted: string) => string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map) return wrong('a plain object')
  const wanted = schema.fields.map(({ name }) => name)
  const given = Object.keys(value)
  if (given.length !== wanted.length || given.some((name, index) => name !== wanted[index])) {
    return `${place} has the fields ${given.join(', ') || '(none)'}, and its schema wants ${wanted.join(', ')}, in this order`
  }
  return first(schema.fields, (field) => valueFault(field.schema, (value as Record<string, unknown>)[field.name], `${place}.${field.name}`))
}

function isDecimal(value: unknown): boolean {
  const { unscaled, scale } = value as { unscaled?: unknown; scale?: unknown }
  return typeof unscaled === 'bigint' && Number.isInteger(scale)
}

function first<T>(items: readonly T[], faultOf: (item: T, index: number) => string | undefined): string | undefined {
  for (const [index, item] of items.entries()) {
    const fault = faultOf(item, index)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** A value in a sentence, in at most 300 characters. */
export function show(value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value, plain) ?? String(value))
  return text.length > 300 ? `${text.slice(0, 300)}...` : text
}

/** Schemas are left out: what they say is rarely what is wrong, and they hide the rest. */
function plain(key: string, value: unknown): unknown {
  if (/^(schema|keySchema|valueSchema)$/.test(key)) return undefined
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Map) return [...value]
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString('hex')}` : value
}
