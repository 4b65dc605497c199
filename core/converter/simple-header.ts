import { isUtf8 } from 'node:buffer'
import { defineConfig } from '../contract/config-def.ts'
import { converter, type SchemaAndValue } from '../contract/converter.ts'
import { parseDecimal } from '../contract/decimal.ts'
import { DataError } from '../contract/errors.ts'
import { arrayOf, logical, mapOf, type Schema } from '../contract/schema.ts'
import { decimalOf, types } from '../contract/types.ts'
import { shownValue } from './field-path.ts'
import { javaDecimal, javaDouble, temporalText } from './java-text.ts'
import { isPlain } from './json-scalars.ts'
import { parseJson } from './json-parse.ts'

/**
 * `org.apache.kafka.connect.storage.SimpleHeaderConverter`, the default for headers: text, whose type is inferred when it is read as
 * Connect's `Values` does (the smallest integer type, then decimals, booleans, ISO dates, lists, maps), but only where the value shows
 * the same text again. So `007`, `1e3`, `+1` and `2023-02-30` stay text, and `3.141592653589793` a double, where Connect would change
 * them. Bytes that are no text stay bytes.
 */
export const simpleHeader = converter({
  class: 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
  aliases: ['SimpleHeaderConverter', 'Simple', 'simple'],
  doc: 'Headers as text, with the type inferred.',
  config: defineConfig({}),
  create: () => ({
    writes: 'text',
    serialize: (_topic, { schema, value }) =>
      value === null || value === undefined ? null : Buffer.from(valuesText(schema, value, false)),
    deserialize(_topic, bytes) {
      if (bytes === null) return { schema: null, value: null }
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      return isUtf8(buffer) ? inferred(buffer.toString('utf8')) : { schema: types.bytes, value: bytes }
    },
  }),
})

/** What Connect's `Values.convertToString` gives; within lists, maps and structs text is quoted. Throws a DataError for classes. */
export function valuesText(schema: Schema | null, value: unknown, embedded: boolean): string {
  if (value === null || value === undefined) return 'null'
  const temporal = temporalText(schema, value)
  if (temporal !== undefined) return temporal
  if (typeof value === 'string') return embedded ? `"${value.replace(/["\\]/g, '\\$&')}"` : value
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') {
    return schema?.type === 'float32' || schema?.type === 'float64' ? javaDouble(value, schema.type) : String(value)
  }
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')
  if (typeof value !== 'object') throw new DataError(`A header cannot hold a value of type ${typeof value}`)
  if (schema?.name === logical.decimal && 'unscaled' in value) return javaDecimal(value as never)
  const item = schema?.valueSchema ?? null
  if (Array.isArray(value)) return `[${value.map((one) => valuesText(item, one, true)).join(',')}]`
  return `{${membersOf(schema, value)
    .map(([keySchema, key, oneSchema, one]) => `${valuesText(keySchema, key, true)}:${valuesText(oneSchema, one, true)}`)
    .join(',')}}`
}

function membersOf(schema: Schema | null, value: object): readonly (readonly [Schema | null, unknown, Schema | null, unknown])[] {
  if (value instanceof Map) return [...value].map(([key, one]) => [schema?.keySchema ?? null, key, schema?.valueSchema ?? null, one])
  if (schema?.type === 'struct') {
    return schema.fields.map((field) => [null, field.name, field.schema, (value as Record<string, unknown>)[field.name]])
  }
  if (!isPlain(value)) throw new DataError(`A header cannot hold ${shownValue(value)}`)
  return Object.entries(value).map(([key, one]) => [null, key, null, one])
}

/** The text with the type that it shows. */
export function inferred(text: string): SchemaAndValue {
  for (const guess of guesses) {
    const found = guess(text)
    if (found !== undefined && valuesText(found.schema, found.value, false) === text) return found
  }
  return { schema: types.string, value: text }
}

/** Longest text whose type is inferred, in characters. */
const inferredCharsMax = 10_000

const guesses: readonly ((text: string) => SchemaAndValue | undefined)[] = [
  (text) => (text === 'true' || text === 'false' ? { schema: types.boolean, value: text === 'true' } : undefined),
  (text) => (/^-?\d{1,400}$/.test(text) ? integer(BigInt(text)) : undefined),
  (text) => (isDecimal(text) ? { schema: types.float32, value: Math.fround(Number(text)) } : undefined),
  (text) => (isDecimal(text) ? { schema: types.float64, value: Number(text) } : undefined),
  (text) => (isDecimal(text) ? decimal(text) : undefined),
  (text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? { schema: types.date, value: Date.parse(text) / 86_400_000 } : undefined),
  (text) => (/^\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? { schema: types.time, value: Date.parse(`1970-01-01T${text}`) } : undefined),
  (text) => (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? timestamp(Date.parse(text)) : undefined),
  (text) => (/^[[{]/.test(text) && text.length <= inferredCharsMax ? composite(text) : undefined),
]

function isDecimal(text: string): boolean {
  return /^-?\d{1,400}(\.\d{1,400})?(E-?\d{1,3})?$/.test(text)
}

function integer(value: bigint): SchemaAndValue {
  for (const [type, bits] of [
    ['int8', 8],
    ['int16', 16],
    ['int32', 32],
  ] as const) {
    if (BigInt.asIntN(bits, value) === value) return { schema: types[type], value: Number(value) }
  }
  return BigInt.asIntN(64, value) === value ? { schema: types.int64, value } : decimal(value.toString())!
}

function decimal(text: string): SchemaAndValue | undefined {
  const value = parseDecimal(text)
  if (value === undefined) return undefined
  return { schema: decimalOf(value.scale), value }
}

function timestamp(ms: number): SchemaAndValue | undefined {
  return Number.isNaN(ms) ? undefined : { schema: types.timestamp, value: BigInt(ms) }
}

function composite(text: string): SchemaAndValue | undefined {
  try {
    return typed(parseJson(text, 'plain'))
  } catch (error) {
    if (error instanceof DataError) return undefined
    throw error
  }
}

// Items of a list or a map must all be of one type, integers of the widest that they need.
function typed(value: unknown): SchemaAndValue | undefined {
  if (typeof value === 'string') return { schema: types.string, value }
  if (typeof value === 'boolean') return { schema: types.boolean, value }
  if (typeof value === 'bigint') return integer(value)
  if (typeof value === 'number') return { schema: types.float64, value }
  if (value === null || typeof value !== 'object') return undefined
  const keys = Array.isArray(value) ? [] : Object.keys(value)
  const items = (Array.isArray(value) ? value : Object.values(value)).map(typed)
  const schema = sharedSchema(items)
  if (schema === undefined) return undefined
  const values = items.map((item) => (schema.type === 'int64' ? BigInt(item!.value as number) : item!.value))
  if (Array.isArray(value)) return { schema: arrayOf(schema), value: values }
  return { schema: mapOf(types.string, schema), value: new Map(keys.map((key, index) => [key, values[index]])) }
}

function sharedSchema(items: readonly (SchemaAndValue | undefined)[]): Schema | undefined {
  const schemas = items.map((item) => item?.schema ?? undefined)
  const widths = ['int8', 'int16', 'int32', 'int64']
  if (schemas.length > 0 && schemas.every((schema) => schema !== undefined && widths.includes(schema.type))) {
    return types[widths[Math.max(...schemas.map((schema) => widths.indexOf(schema!.type)))] as 'int8']
  }
  const first = schemas[0]
  return first !== undefined && first.fields.length === 0 && schemas.every((schema) => schema === first) ? first : undefined
}
