import { DataError, decimalText, logical, type Decimal, type Schema } from '../../../core/index.ts'
import type { ValueText } from './value-text.ts'

/** An array literal: nested arrays as dimensions, items by their own text. */
export function arrayLiteral(schema: Schema, textOf: (item: Schema) => ValueText): (value: unknown) => string {
  const item = schema.valueSchema!
  if (item.type === 'array') {
    const inner = arrayLiteral(item, textOf)
    return (value) => `{${(value as unknown[]).map((one) => (one === null ? 'NULL' : inner(one))).join(',')}}`
  }
  const { text, plain } = textOf(item)
  const one = plain ? (value: unknown) => quotedIfSpaced(text(value)) : (value: unknown) => quoted(text(value))
  return (value) => `{${(value as unknown[]).map((part) => (part === null ? 'NULL' : one(part))).join(',')}}`
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`
}

/** A plain text may hold blanks, commas or braces. */
function quotedIfSpaced(text: string): string {
  return /^[\w.+-]+$/.test(text) ? text : quoted(text)
}

/** A map as an hstore literal. */
export function hstoreText(value: unknown): string {
  const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value as object)
  return entries.map(([key, one]) => `${quoted(String(key))}=>${one === null ? 'NULL' : quoted(String(one))}`).join(',')
}

/** JSON that keeps every digit: int64 and decimals are numbers, bytes are base64. Throws a DataError for NaN and the infinities. */
export function jsonText(value: unknown, schema: Schema | null): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new DataError(`${value} has no form in JSON`)
    return String(value)
  }
  if (typeof value !== 'object') return JSON.stringify(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (schema?.name === logical.decimal) return decimalText(value as Decimal)
  if (Array.isArray(value)) return `[${value.map((one) => jsonText(one, schema?.valueSchema ?? null)).join(',')}]`
  const inner = (name: string): Schema | null =>
    schema?.type === 'map' ? schema.valueSchema : (schema?.fields.find((field) => field.name === name)?.schema ?? null)
  const entries: readonly (readonly [unknown, unknown])[] =
    value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value)
  return `{${entries.map(([name, one]) => `${JSON.stringify(String(name))}:${jsonText(one, inner(String(name)))}`).join(',')}}`
}

type Shape = Readonly<Record<string, unknown>>

/** Debezium's geometric structs for Postgres' own types and PostGIS; undefined: no such pair. */
export function geometryText(schema: string, target: string): ((value: unknown) => string) | undefined {
  const postgis = target === 'geometry' || target === 'geography'
  switch (schema) {
    case 'io.debezium.data.geometry.Point':
      if (postgis) return ewkb
      return target === 'point' ? (value) => pair(value as Shape) : undefined
    case 'io.debezium.data.geometry.Line':
      return target === 'line' ? (value) => `{${['a', 'b', 'c'].map((name) => String((value as Shape)[name])).join(',')}}` : undefined
    case 'io.debezium.data.geometry.Circle':
      return target === 'circle'
        ? (value) => `<${pair((value as Shape)['center'] as Shape)},${String((value as Shape)['radius'])}>`
        : undefined
    case 'io.debezium.data.geometry.Geometry':
    case 'io.debezium.data.geometry.Geography':
      if (postgis) return ewkb
      return ['lseg', 'box', 'path', 'polygon'].includes(target) ? (value) => figure(value as Shape, target) : undefined
    case 'io.debezium.data.SparseDoubleVector':
      return target === 'sparsevec' ? (value) => sparse(value as Shape) : undefined
    default:
      return undefined
  }
}

function pair({ x, y }: Shape): string {
  return `(${String(x)},${String(y)})`
}

function sparse({ dimensions, vector }: Shape): string {
  return `{${[...(vector as Map<number, number>)].map(([place, value]) => `${place}:${value}`).join(',')}}/${String(dimensions)}`
}

const sridFlag = 0x20000000

/** PostGIS reads hexadecimal EWKB; the SRID goes into it where it is not yet. */
function ewkb(value: unknown): string {
  const { wkb, srid } = value as { readonly wkb: Uint8Array; readonly srid: number | null }
  const bytes = Buffer.from(wkb.buffer, wkb.byteOffset, wkb.length)
  const little = bytes[0] === 1
  const kind = little ? bytes.readUInt32LE(1) : bytes.readUInt32BE(1)
  if (srid === null || (kind & sridFlag) !== 0) return bytes.toString('hex')
  const head = Buffer.alloc(9)
  head[0] = bytes[0]!
  if (little) head.writeUInt32LE((kind | sridFlag) >>> 0, 1)
  else head.writeUInt32BE((kind | sridFlag) >>> 0, 1)
  if (little) head.writeInt32LE(srid, 5)
  else head.writeInt32BE(srid, 5)
  return head.toString('hex') + bytes.toString('hex', 5)
}

/** Postgres' own figures out of the source's well-known binary: a line string, or a polygon of one ring that is closed. */
function figure({ wkb, extensions }: Shape, target: string): string {
  const bytes = Buffer.from(wkb as Uint8Array)
  const line = bytes.readUInt32LE(1) === 2
  const from = line ? 9 : 13
  const corners: string[] = []
  for (let at = from; at + 16 <= bytes.length; at += 16) corners.push(`(${bytes.readDoubleLE(at)},${bytes.readDoubleLE(at + 8)})`)
  if (target === 'box') return `${corners[0]},${corners[2]}`
  if (target === 'polygon') return `(${corners.slice(0, -1).join(',')})`
  if (target === 'lseg') return `[${corners.join(',')}]`
  const closed = extensions instanceof Map ? extensions.get('closed') : (extensions as Shape | null)?.['closed']
  return closed === 'true' ? `(${corners.join(',')})` : `[${corners.join(',')}]`
}
