import { decimalText, rescale, unscaledBytes, type Decimal } from '../contract/decimal.ts'
import { DataError } from '../contract/errors.ts'
import { logical, withExtras, type Schema } from '../contract/schema.ts'
import { memberPath, placeText, shownValue } from './field-path.ts'
import { jsonDepthMax } from './json-parse.ts'
import { double, float, integer, isPlain, quote } from './json-scalars.ts'
import { flat, structMembersWriter } from './json-struct.ts'

/** How JsonConverter writes what JSON has no word for. */
export interface JsonWriteStyle {
  /** Decimals as base64 of their unscaled bytes, or as numbers with all their digits. */
  readonly decimals: 'BASE64' | 'NUMERIC'
  /** A null in a field with a default is written as the default. */
  readonly nullAsDefault: boolean
}

/** Writes one value of the schema it was made for. Throws a DataError that names the field where the value does not fit. */
export type JsonWriter = (value: unknown) => string

/** A writer for a schema. Making one costs much more than using it: keep it with the schema. */
export function jsonWriter(schema: Schema, style: JsonWriteStyle, path = ''): JsonWriter {
  const write = presentWriter(schema, style, path)
  const missing = missingText(schema, style, write)
  if (missing !== undefined) return (value) => (value === null || value === undefined ? missing : write(value))
  return (value) => {
    if (value === null || value === undefined) throw new DataError(`${placeText(path)} is null, but it is required (${typeText(schema)})`)
    return write(value)
  }
}

/** Writes a value that has no schema: text, numbers, booleans, bytes (base64), arrays, maps and plain objects. */
export function writePlain(value: unknown): string {
  try {
    return plainText(value, 0)
  } catch (error) {
    // Only now is it worth knowing where the fault is.
    if (error instanceof Unwritable) throw new DataError(`${placeText(findPath(value, error.value, '', 0) ?? '')} ${error.message}`)
    throw error
  }
}

/** What JSON cannot hold, found on the way. */
class Unwritable extends Error {
  readonly value: unknown
  constructor(value: unknown, message: string) {
    super(message)
    this.value = value
  }
}

function plainText(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      return Number.isInteger(value) && !Object.is(value, -0) ? String(value) : double(value)
    case 'bigint':
      return value.toString()
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      return value === null ? 'null' : plainObjectText(value, depth + 1)
    default:
      throw new Unwritable(value, `is of type ${typeof value}, which JSON cannot hold`)
  }
}

function plainObjectText(value: object, depth: number): string {
  if (depth > jsonDepthMax) throw new Unwritable(value, `is nested deeper than ${jsonDepthMax} levels`)
  if (isPlain(value)) return membersText(value as Readonly<Record<string, unknown>>, depth)
  if (value instanceof Uint8Array) return base64(value)
  if (Array.isArray(value)) return `[${value.map((item) => plainText(item, depth)).join(',')}]`
  if (value instanceof Map) {
    const entries = [...value] as [unknown, unknown][]
    if (entries.every(([key]) => typeof key === 'string')) {
      return `{${entries.map(([key, item]) => nameText(key as string) + plainText(item, depth)).join(',')}}`
    }
    return `[${entries.map(([key, item]) => `[${plainText(key, depth)},${plainText(item, depth)}]`).join(',')}]`
  }
  throw new Unwritable(value, `is a ${value.constructor?.name ?? 'value'} without a schema, which JSON cannot hold`)
}

function membersText(value: Readonly<Record<string, unknown>>, depth: number): string {
  let text = '{'
  for (const name of Object.keys(value)) {
    const member = value[name]
    // Gathering in one piece, member by member, is a fifth quicker than joining a list of them.
    text += (text.length === 1 ? '' : ',') + nameText(name) + plainText(member, depth)
  }
  return `${text}}`
}

/** Names come again and again: their text with quotes and colon is kept for so many of them. */
const namesMax = 10_000
const nameTexts = new Map<string, string>()

function nameText(name: string): string {
  const known = nameTexts.get(name)
  if (known !== undefined) return known
  const text = `${quote(name)}:`
  if (nameTexts.size < namesMax && name.length <= 64) nameTexts.set(name, text)
  return text
}

/** Where under `path` this value stands. Where it stands in several places, the first of them. */
function findPath(value: unknown, wanted: unknown, path: string, depth: number): string | undefined {
  if (Object.is(value, wanted)) return path
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth > jsonDepthMax) return undefined
  const members: Iterable<readonly [string, unknown]> = Array.isArray(value)
    ? value.map((item) => [`${path}[]`, item] as const)
    : value instanceof Map
      ? [...value].map(([key, item]) => [typeof key === 'string' ? memberPath(path, key) : `${path}[]`, item] as const)
      : Object.entries(value).map(([name, item]) => [memberPath(path, name), item] as const)
  for (const [place, item] of members) {
    const found = findPath(item, wanted, place, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function missingText(schema: Schema, style: JsonWriteStyle, write: JsonWriter): string | undefined {
  if (schema.defaultValue !== undefined && schema.defaultValue !== null && style.nullAsDefault) return write(schema.defaultValue)
  return schema.optional ? 'null' : undefined
}

function presentWriter(schema: Schema, style: JsonWriteStyle, path: string): JsonWriter {
  const wrong = (value: unknown): never => {
    throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not a value of ${typeText(schema)}`)
  }
  if (schema.name === logical.decimal) return decimalWriter(schema, style, path)
  switch (schema.type) {
    case 'string':
      return (value) => (typeof value === 'string' ? quote(value) : wrong(value))
    case 'boolean':
      return (value) => (value === true ? 'true' : value === false ? 'false' : wrong(value))
    case 'int8':
    case 'int16':
    case 'int32': {
      const most = { int8: 127, int16: 32_767, int32: 2_147_483_647 }[schema.type]
      return (value) =>
        Number.isInteger(value) && (value as number) <= most && (value as number) >= -most - 1 ? `${value as number}` : wrong(value)
    }
    case 'int64':
      return (value) => integer(value) ?? wrong(value)
    case 'float64':
      return (value) => (typeof value === 'number' ? double(value) : wrong(value))
    case 'float32':
      return (value) => (typeof value === 'number' ? (float(value) ?? wrong(value)) : wrong(value))
    case 'bytes':
      return (value) => (value instanceof Uint8Array ? base64(value) : wrong(value))
    case 'array': {
      const item = jsonWriter(schema.valueSchema!, style, `${path}[]`)
      return (value) => (Array.isArray(value) ? `[${value.map((one) => item(one)).join(',')}]` : wrong(value))
    }
    case 'map':
      return mapWriter(schema, style, path, wrong)
    case 'struct':
      return structWriter(schema, style, path, wrong)
    default:
      return schema.type satisfies never
  }
}

function structWriter(schema: Schema, style: JsonWriteStyle, path: string, wrong: (value: unknown) => never): JsonWriter {
  const names = schema.fields.map((field) => field.name)
  if (names.length === 0) return (value) => (isRecord(value) ? '{}' : wrong(value))
  const members = structMembersWriter(
    schema,
    schema.fields.map((field) => jsonWriter(field.schema, style, memberPath(path, field.name))),
  )
  const write: JsonWriter = (value) => {
    if (!isRecord(value)) return wrong(value)
    if (Object.keys(value).length > names.length) refuseUnknown(value, names, path)
    return members(value)
  }
  return schema.fields.every((field) => isScalar(field.schema)) ? keepingFrozen(write) : write
}

/** A frozen struct cannot have changed when it comes again, as a source's block does with every row of a snapshot. */
function keepingFrozen(write: JsonWriter): JsonWriter {
  let last: unknown
  let text: string | undefined
  return (value) => {
    if (value !== last) {
      last = value
      text = undefined
      return write(value)
    }
    if (text !== undefined) return text
    const written = write(value)
    // Asked only of what has come twice: most structs never do.
    if (Object.isFrozen(value) && isPlain(value as object)) text = flat(written)
    return written
  }
}

/** Values that are no objects. */
function isScalar({ type }: Schema): boolean {
  return type !== 'struct' && type !== 'map' && type !== 'array' && type !== 'bytes'
}

// Objects of a class may keep more than their fields; plain ones have nothing that could be left out.
function refuseUnknown(value: Record<string, unknown>, names: readonly string[], path: string): void {
  if (!isPlain(value)) return
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  throw new DataError(`${placeText(path)} has a member ${JSON.stringify(unknown)} that is not in its schema`)
}

function mapWriter(schema: Schema, style: JsonWriteStyle, path: string, wrong: (value: unknown) => never): JsonWriter {
  const asObject = schema.keySchema!.type === 'string'
  const keySchema = asObject ? withExtras(schema.keySchema!, { optional: false, defaultValue: undefined }) : schema.keySchema!
  const key = jsonWriter(keySchema, style, `${path}{key}`)
  const item = jsonWriter(schema.valueSchema!, style, `${path}{}`)
  return (value) => {
    if (!(value instanceof Map)) return wrong(value)
    const parts: string[] = []
    for (const [name, one] of value) parts.push(asObject ? `${key(name)}:${item(one)}` : `[${key(name)},${item(one)}]`)
    return asObject ? `{${parts.join(',')}}` : `[${parts.join(',')}]`
  }
}

function decimalWriter(schema: Schema, style: JsonWriteStyle, path: string): JsonWriter {
  const scale = Number(schema.parameters?.scale)
  if (schema.type !== 'bytes' || !Number.isInteger(scale)) {
    throw new DataError(`${placeText(path)} has a Decimal schema without bytes or without an integer parameter "scale"`)
  }
  return (value) => {
    const decimal = value as Decimal
    if (typeof decimal?.unscaled !== 'bigint' || !Number.isInteger(decimal.scale)) {
      throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not a decimal`)
    }
    const fitted = decimal.scale === scale ? decimal : fitScale(decimal, scale, path)
    return style.decimals === 'NUMERIC' ? decimalText(fitted) : `"${unscaledText(fitted.unscaled)}"`
  }
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** Base64 of twelve bits. */
const pairs = Array.from({ length: 4096 }, (_, n) => letters[n >> 6]! + letters[n & 63]!)

// Amounts of money fit six bytes, which a number can hold: much quicker than the bytes of a bigint.
function unscaledText(unscaled: bigint): string {
  if (unscaled >= 0x8000_0000_0000n || unscaled < -0x8000_0000_0000n) return Buffer.from(unscaledBytes(unscaled)).toString('base64')
  const number = Number(unscaled)
  let bytes = 1
  for (let limit = 0x80; number >= limit || number < -limit; limit *= 256) bytes++
  const bits = number < 0 ? number + 2 ** (bytes * 8) : number
  if (bytes <= 3) return fewBytes(bits, bytes)
  const rest = (bytes - 3) * 8
  return fewBytes(Math.floor(bits / 2 ** rest), 3) + fewBytes(bits % 2 ** rest, bytes - 3)
}

/** Base64 of one to three bytes. */
function fewBytes(bits: number, bytes: number): string {
  if (bytes === 3) return pairs[bits >>> 12]! + pairs[bits & 0xfff]!
  return bytes === 2 ? `${pairs[bits >>> 4]!}${letters[(bits & 15) << 2]!}=` : `${pairs[bits << 4]!}==`
}

function fitScale(decimal: Decimal, scale: number, path: string): Decimal {
  try {
    return rescale(decimal, scale)
  } catch (cause) {
    throw new DataError(`${placeText(path)} is ${decimalText(decimal)}, which does not fit its schema's ${scale} decimal places`, { cause })
  }
}

function base64(bytes: Uint8Array): string {
  return `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}"`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  if (Object.getPrototypeOf(value) === Object.prototype) return true
  return !Array.isArray(value) && !(value instanceof Map) && !ArrayBuffer.isView(value)
}

function typeText(schema: Schema): string {
  return schema.name === null ? schema.type : `${schema.type} (${schema.name})`
}
