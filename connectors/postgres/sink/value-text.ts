import { DataError, decimalText, logical, unscaledFromBytes, type Decimal, type Schema } from '../../../core/index.ts'
import { otherTypeName } from '../types.ts'
import { clockLiteral, dayLiteral, momentLiteral, postgresYear } from './calendar.ts'
import { arrayLiteral, geometryText, hstoreText, jsonText } from './nested-text.ts'
import { dayCell, decimalCell, floatCell, hexCell, momentCell, numberCell, textCell, timeCell, type Cell } from './cells.ts'

/** The type of a column as far as writing into it depends on it. */
export interface TargetType {
  /** `pg_type.typname`, domains resolved; `_int4` is an array of int4. */
  readonly name: string
  /** Type of an array's items; undefined: no array. */
  readonly item: string | undefined
}

/** How a value that is not null becomes text that the column's input function reads. Throws a DataError. */
export interface ValueText {
  readonly text: (value: unknown) => string
  /** The text has no character that COPY or an array literal would have to escape. */
  readonly plain: boolean
  /** Writes the same into a line, where that is done without the text. */
  readonly cell?: Cell
}

const whole: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid'])
const wholeOrNumeric: ReadonlySet<string> = new Set([...whole, 'numeric', 'float4', 'float8'])
const words: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'char', 'name', 'citext'])

/** The text of values of this schema for a column of that type. `zone`: of columns without one. Throws a DataError where nothing is exact. */
export function valueText(schema: Schema, target: TargetType, zone: string): ValueText {
  return logicalText(schema, target, zone) ?? physicalText(schema, target, zone)
}

/** How a value that is not null is written into a line of COPY. Throws a DataError where nothing is exact. */
export function valueCell(schema: Schema, target: TargetType, zone: string): Cell {
  const { text, plain, cell } = valueText(schema, target, zone)
  if (cell) return cell
  return plain ? (out, value) => out.ascii(text(value)) : (out, value) => out.text(text(value))
}

/** The same for values without a schema. */
export function looseCell(target: TargetType): Cell {
  const json = target.name === 'json' || target.name === 'jsonb'
  return (out, value) => {
    if (typeof value === 'string' && !json) out.text(value)
    else if (typeof value === 'number') floatCell(out, value)
    else if (value instanceof Uint8Array && target.name === 'bytea') out.hex(value)
    else out.text(looseText(value, target))
  }
}

function logicalText(schema: Schema, target: TargetType, zone: string): ValueText | undefined {
  const counts = whole.has(target.name)
  switch (schema.name) {
    case logical.decimal:
      return { ...plain((value) => decimalText(value as Decimal)), cell: decimalCell }
    case logical.variableScaleDecimal:
      return plain(variableText)
    case logical.date:
    case logical.debeziumDate:
      return counts ? number : { ...plain((value) => dayLiteral(Number(value))), cell: dayCell }
    case logical.time:
    case logical.debeziumTime:
      return counts ? number : { ...plain((value) => clockLiteral(Number(value) * 1000)), cell: timeCell(1000) }
    case logical.microTime:
      return counts ? number : { ...plain((value) => clockLiteral(Number(value))), cell: timeCell(1) }
    case logical.nanoTime:
      return counts ? number : plain((value) => clockLiteral(Number(micros(value))))
    case logical.timestamp:
    case logical.debeziumTimestamp:
    case logical.microTimestamp:
    case logical.nanoTimestamp:
      return counts ? number : moment(schema.name, target.name === 'timestamptz' ? 'UTC' : zone)
    case logical.zonedTimestamp:
      return { text: target.name === 'timestamp' ? utcOnly : zonedText, plain: false }
    case logical.isoDate:
    case logical.isoTime:
    case logical.isoTimestamp:
      return { text: (value) => (words.has(target.name) ? String(value) : postgresYear(String(value).replace(/Z$/, ''))), plain: false }
    case logical.microDuration:
      return counts ? number : plain((value) => `${String(value)} microseconds`)
    case logical.bits:
      return target.name === 'bytea' ? undefined : plain((value) => bitText(value as Uint8Array, schema))
    case 'io.debezium.data.DoubleVector':
    case 'io.debezium.data.FloatVector':
      return target.item === undefined ? plain((value) => `[${(value as number[]).join(',')}]`) : undefined
    case otherTypeName:
    default:
      if (schema.type === 'struct' && schema.name !== null && target.name !== 'json' && target.name !== 'jsonb') {
        const geometry = geometryText(schema.name, target.name)
        if (geometry) return { text: geometry, plain: true }
      }
      return undefined
  }
}

function physicalText(schema: Schema, target: TargetType, zone: string): ValueText {
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return number
    case 'float32':
    case 'float64':
      return { ...plain(floatText), cell: floatCell }
    case 'boolean':
      if (wholeOrNumeric.has(target.name) || target.name === 'bit') return plain((value) => (value === true ? '1' : '0'))
      return plain(String)
    case 'string':
      return { text: String, plain: false, cell: textCell }
    case 'bytes':
      if (target.name !== 'bytea') throw new DataError(`bytes go into columns of type bytea only, and this one is ${target.name}`)
      return { text: (value) => `\\x${hexOf(value as Uint8Array)}`, plain: false, cell: hexCell }
    case 'array': {
      if (target.name === 'json' || target.name === 'jsonb' || words.has(target.name))
        return { text: (value) => jsonText(value, schema), plain: false }
      if (target.item === undefined) throw new DataError(`an array does not fit a column of type ${target.name}`)
      return { text: arrayLiteral(schema, (item) => valueText(item, { name: target.item!, item: undefined }, zone)), plain: false }
    }
    case 'map':
      if (target.name === 'hstore') return { text: hstoreText, plain: false }
      return { text: (value) => jsonText(value, schema), plain: false }
    case 'struct':
      if (target.name !== 'json' && target.name !== 'jsonb' && !words.has(target.name)) {
        throw new DataError(
          `a struct (${schema.name ?? 'without a name'}) fits columns of type json, jsonb or text, and this one is ${target.name}`,
        )
      }
      return { text: (value) => jsonText(value, schema), plain: false }
    default:
      return schema.type satisfies never
  }
}

/** The text of a value without a schema. */
export function looseText(value: unknown, target: TargetType): string {
  switch (typeof value) {
    case 'string':
      return target.name === 'json' || target.name === 'jsonb' ? JSON.stringify(value) : value
    case 'boolean':
      return wholeOrNumeric.has(target.name) ? (value ? '1' : '0') : String(value)
    case 'number':
    case 'bigint':
      return String(value)
    default:
      break
  }
  if (value instanceof Uint8Array) {
    if (target.name !== 'bytea') throw new DataError(`bytes go into columns of type bytea only, and this one is ${target.name}`)
    return `\\x${hexOf(value)}`
  }
  if (Array.isArray(value) && target.item !== undefined) {
    const item: TargetType = { name: target.item, item: undefined }
    const list = (items: readonly unknown[]): string =>
      `{${items.map((one) => (one === null ? 'NULL' : Array.isArray(one) ? list(one) : `"${looseText(one, item).replace(/["\\]/g, '\\$&')}"`)).join(',')}}`
    return list(value)
  }
  return jsonText(value, null)
}

function plain(text: (value: unknown) => string): ValueText {
  return { text, plain: true }
}

const number: ValueText = { text: String, plain: true, cell: numberCell }

/** String(-0) is "0", and Postgres keeps the sign. */
function floatText(value: unknown): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** The source's own numerics carry their text, which may be NaN; others are a struct. */
function variableText(value: unknown): string {
  const number = value as { readonly text?: string; readonly scale: number; readonly value: Uint8Array }
  return number.text ?? decimalText({ unscaled: unscaledFromBytes(number.value), scale: number.scale })
}

function micros(nanos: unknown): bigint {
  const count = BigInt(nanos as bigint)
  if (count % 1000n !== 0n)
    throw new DataError(`${count} nanoseconds are finer than the microseconds of Postgres; round them by a transform`)
  return count / 1000n
}

/** What the source writes for the infinite timestamps, by the unit of the schema. */
const infinities: Readonly<Record<string, readonly [past: bigint, future: bigint]>> = {
  millis: [-9223372036832400000n, 9223372036825200000n],
  micros: [-9223372036854775808n, 9223372036854775807n],
}

function moment(name: string, zone: string): ValueText {
  const text = momentText(name, zone)
  if (zone !== 'UTC' || name === logical.nanoTimestamp) return plain(text)
  return { ...plain(text), cell: momentCell(name === logical.microTimestamp ? 1 : 1000, text) }
}

function momentText(name: string, zone: string): (value: unknown) => string {
  const [past, future] = name === logical.microTimestamp || name === logical.nanoTimestamp ? infinities['micros']! : infinities['millis']!
  const scale = (count: bigint): bigint => {
    if (name === logical.microTimestamp) return count
    return name === logical.nanoTimestamp ? micros(count) : count * 1000n
  }
  return (value) => {
    const count = BigInt(value as bigint)
    if (count === future) return 'infinity'
    return count === past ? '-infinity' : momentLiteral(scale(count), zone)
  }
}

function zonedText(value: unknown): string {
  return postgresYear(String(value))
}

/** A column without a zone would drop the offset in silence. */
function utcOnly(value: unknown): string {
  const text = String(value)
  if (/(Z|[+-]00(:?00)?|infinity)$/.test(text)) return postgresYear(text.replace(/Z$/, ''))
  throw new DataError(`"${text}" has an offset that a column of type timestamp would drop; make the column timestamptz`)
}

/** Little-endian bytes; the length is in the schema, or for the source's varbit in the value itself. */
function bitText(value: Uint8Array, schema: Schema): string {
  const own = (value as { readonly text?: unknown }).text
  if (typeof own === 'string') return own
  const given = Number(schema.parameters?.['length'] ?? 0)
  const length = given > 0 && given < 2147483647 ? given : value.length * 8
  let text = ''
  for (let bit = length - 1; bit >= 0; bit--) text += ((value[bit >> 3] ?? 0) >> (bit & 7)) & 1
  return text
}
