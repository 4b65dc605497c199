import { DataError } from '../../contract/errors.ts'
import type { Json } from '../../contract/json.ts'

/**
 * Any value that a record may hold, as JSON from which `fromExact` makes the same value again: what JSON has no word for stands in an object
 * with one key that begins with `$`. Throws a DataError for functions and symbols, which no record holds.
 */
export function toExact(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: Object.is(value, -0) ? '-0' : String(value) }
    case 'bigint':
      return { $bigint: value.toString() }
    case 'undefined':
      return { $undefined: true }
    case 'object':
      break
    default:
      throw new DataError(`A ${typeof value} is no value of a record`)
  }
  if (value === null) return null
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') }
  if (Array.isArray(value)) return value.map(toExact)
  if (value instanceof Map) return { $map: [...value].map(([key, item]) => [toExact(key), toExact(item)]) }
  if (value instanceof Date) return { $date: value.getTime() }
  const entries = Object.entries(value).map(([key, item]) => [key, toExact(item)] as const)
  return entries.some(([key]) => key.startsWith('$')) ? { $object: entries } : Object.fromEntries(entries)
}

/** The value that `toExact` wrote. Throws a DataError for what it never writes. */
export function fromExact(json: Json): unknown {
  if (json === null || typeof json !== 'object') return json
  if (Array.isArray(json)) return json.map(fromExact)
  const entries = Object.entries(json as { readonly [key: string]: Json })
  const [tag, content] = entries[0] ?? ['', null]
  if (!tag.startsWith('$')) return Object.fromEntries(entries.map(([key, item]) => [key, fromExact(item)]))
  if (entries.length === 1) {
    const value = untag(tag, content)
    if (value !== invalid) return value
  }
  throw new DataError(`"${tag}" marks no value that a dead letter holds; a field whose name begins with $ stands within "$object"`)
}

const invalid = Symbol('invalid')

function untag(tag: string, content: Json): unknown {
  switch (tag) {
    case '$number':
      return content === 'NaN' || content === 'Infinity' || content === '-Infinity' || content === '-0' ? Number(content) : invalid
    case '$bigint':
      return typeof content === 'string' && /^-?\d+$/.test(content) ? BigInt(content) : invalid
    case '$undefined':
      return undefined
    case '$bytes':
      return typeof content === 'string' ? Buffer.from(content, 'base64') : invalid
    case '$date':
      return typeof content === 'number' ? new Date(content) : invalid
    case '$map':
      return pairs(content) ? new Map(content.map(([key, item]) => [fromExact(key), fromExact(item)])) : invalid
    case '$object':
      return pairs(content) ? Object.fromEntries(content.map(([key, item]) => [String(key), fromExact(item)])) : invalid
    default:
      return invalid
  }
}

function pairs(content: Json): content is readonly (readonly [Json, Json])[] {
  return Array.isArray(content) && content.every((pair) => Array.isArray(pair) && pair.length === 2)
}
