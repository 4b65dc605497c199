import { decimalText, logical, unscaledFromBytes, type Decimal, type Schema } from '../../core/index.ts'
import { floorDivide, isDecimal } from '../scalars.ts'
import * as types from './types.ts'
import type { Kind, Type } from './types.ts'

/** A point in time, in nanoseconds since the epoch. */
export class Instant {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

/** A length of time, in nanoseconds. */
export class Span {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

/** Why an expression has no value for a record. Becomes a DataError that tells the expression and the place. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
  /** Place in the expression's text; undefined: where the call stands. */
  at: number | undefined
  constructor(message: string, at?: number) {
    super(message)
    this.at = at
  }
}

/** Most work of one evaluation: items that it visits, and texts by 64 characters (patterns: by 8). */
export const stepsMax = 200_000

const work = { left: 0 }

/** Starts a new evaluation: all of them are synchronous, so that they follow one another. */
export function startWork(): void {
  work.left = stepsMax
}

/** Counts work. Throws an EvaluationError where an evaluation does more than `stepsMax`. */
export function spend(steps: number): void {
  work.left -= steps
  if (work.left < 0) throw new EvaluationError(`the expression does more than ${stepsMax} steps for one record`)
}

/** True where `spend` has refused: no other branch may make up for it. */
export function isSpent(): boolean {
  return work.left < 0
}

/** The kind of a value that is there. Structs without a schema count as maps. */
export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'boolean':
      return 'bool'
    default:
  }
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'list'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Instant) return 'timestamp'
  if (value instanceof Span) return 'duration'
  return isDecimal(value) ? 'decimal' : 'map'
}

/** How values of a schema come into an expression: their type, and what changes; absent: nothing does. */
export interface Reading {
  readonly type: Type
  readonly read?: (value: unknown) => unknown
}

const dayNanos = types.unitNanos.day
const counted = (unit: bigint) => (value: unknown) => new Instant(BigInt(value as number | bigint) * unit)
const span = (unit: bigint) => (value: unknown) => new Span(BigInt(value as number | bigint) * unit)
const timestamp = (unit: types.TimeUnit): Type => ({ kind: 'timestamp', unit })

const readings: ReadonlyMap<string, Reading> = new Map<string, Reading>([
  [logical.date, { type: types.date, read: counted(dayNanos) }],
  [logical.debeziumDate, { type: types.date, read: counted(dayNanos) }],
  [logical.timestamp, { type: types.timestampMs, read: counted(1_000_000n) }],
  [logical.debeziumTimestamp, { type: types.timestampMs, read: counted(1_000_000n) }],
  [logical.microTimestamp, { type: timestamp('us'), read: counted(1_000n) }],
  [logical.nanoTimestamp, { type: timestamp('ns'), read: counted(1n) }],
  [logical.zonedTimestamp, { type: timestamp('us'), read: (value) => parseInstant(value as string) }],
  [logical.time, { type: types.duration, read: span(1_000_000n) }],
  [logical.debeziumTime, { type: types.duration, read: span(1_000_000n) }],
  [logical.microTime, { type: types.duration, read: span(1_000n) }],
  [logical.nanoTime, { type: types.duration, read: span(1n) }],
  [logical.microDuration, { type: types.duration, read: span(1_000n) }],
  [
    logical.variableScaleDecimal,
    {
      type: types.anyDecimal,
      read(value) {
        const { scale, value: unscaled } = value as { readonly scale: number; readonly value: Uint8Array }
        return { unscaled: unscaledFromBytes(unscaled), scale }
      },
    },
  ],
])

const toInt = (value: unknown) => BigInt(value as number)

/** How to read values (never null) of a schema; null: values that have none, taken as they are. */
export function readingOf(schema: Schema | null): Reading {
  if (schema === null) return { type: types.dyn }
  if (schema.name === logical.decimal) {
    const scale = schema.parameters?.['scale']
    return { type: { kind: 'decimal', scale: scale === undefined ? undefined : Number(scale) } }
  }
  const named = readings.get(schema.name ?? '')
  if (named !== undefined) return named
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return { type: types.int, read: toInt }
    case 'int64':
      return { type: types.int }
    case 'float32':
    case 'float64':
      return { type: types.double }
    case 'boolean':
      return { type: types.bool }
    case 'string':
      return { type: types.string }
    case 'bytes':
      return { type: types.bytes }
    case 'struct':
      return { type: { kind: 'struct', schema } }
    case 'array': {
      const item = readingOf(schema.valueSchema)
      const type: Type = { kind: 'list', item: item.type, nulls: schema.valueSchema?.optional ?? true }
      const { read } = item
      if (read === undefined) return { type }
      return { type, read: (list) => (list as readonly unknown[]).map((one) => (one === null ? null : read(one))) }
    }
    case 'map': {
      const key = readingOf(schema.keySchema)
      const item = readingOf(schema.valueSchema)
      const type: Type = { kind: 'map', key: key.type, item: item.type, nulls: schema.valueSchema?.optional ?? true }
      if (key.read === undefined && item.read === undefined) return { type }
      const read = (one: unknown, by: Reading['read']) => (one === null || by === undefined ? one : by(one))
      return { type, read: (map) => new Map([...(map as Map<unknown, unknown>)].map(([k, v]) => [read(k, key.read), read(v, item.read)])) }
    }
    default:
      return schema.type satisfies never
  }
}

/** Makes values of a type tell of themselves what they are, where structs lie in them whose schema would be lost otherwise; absent: nothing changes. */
export function looseReading(type: Type): ((value: unknown) => unknown) | undefined {
  switch (type.kind) {
    case 'struct': {
      const fields = type.schema.fields.map(({ name, schema }) => ({ name, read: looseFrom(schema) }))
      return (struct) => {
        const loose = new Map<string, unknown>()
        for (const { name, read } of fields) {
          const value = Object.hasOwn(struct as object, name) ? (struct as Record<string, unknown>)[name] : null
          loose.set(name, read(value ?? null))
        }
        return loose
      }
    }
    case 'list': {
      const loosen = looseReading(type.item)
      if (loosen === undefined) return undefined
      return (list) => {
        spend((list as readonly unknown[]).length)
        return (list as readonly unknown[]).map((item) => (item === null ? null : loosen(item)))
      }
    }
    case 'map': {
      const loosen = looseReading(type.item)
      return (
        loosen && ((map) => new Map([...(map as Map<unknown, unknown>)].map(([key, item]) => [key, item === null ? null : loosen(item)])))
      )
    }
    default:
      return undefined
  }
}

/** From a record's value of this schema (null where there is none) to a value that tells of itself what it is. */
export function looseFrom(schema: Schema | null): (value: unknown) => unknown {
  const { type, read } = readingOf(schema)
  const loosen = looseReading(type)
  if (read === undefined && loosen === undefined) return (value) => value
  return (value) => {
    if (value === null) return null
    const taken = read === undefined ? value : read(value)
    return loosen === undefined ? taken : loosen(taken)
  }
}

/** Reads ISO 8601 with a zone and up to nine decimal places. Throws an EvaluationError for anything else, 30 February too. */
export function parseInstant(text: string): Instant {
  const parts = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text)
  const day = parts === null ? NaN : Date.parse(`${parts[1]!}T00:00:00Z`)
  const ms = parts === null ? NaN : Date.parse(`${parts[1]!}T${parts[2]!}${parts[4]!.toUpperCase()}`)
  if (Number.isNaN(ms) || new Date(day).toISOString().slice(0, 10) !== parts![1]) {
    throw new EvaluationError(`"${text.slice(0, 60)}" is no timestamp; it is written like 2024-05-01T10:30:00Z`)
  }
  return new Instant(BigInt(ms) * 1_000_000n + BigInt((parts![3] ?? '').padEnd(9, '0')))
}

/** ISO 8601 in UTC, with as many decimal places (3, 6 or 9) as there are. */
export function instantText({ nanos }: Instant): string {
  const ms = floorDivide(nanos, 1_000_000n)
  if (ms < -62_135_596_800_000n || ms > 253_402_300_799_999n) throw new EvaluationError('the timestamp is beyond the years 1 to 9999')
  const text = new Date(Number(ms)).toISOString()
  const rest = (nanos - ms * 1_000_000n).toString().padStart(6, '0').replace(/000$/, '')
  const fraction = text.slice(19, 23) + (rest === '000' ? '' : rest)
  return `${text.slice(0, 19)}${fraction === '.000' ? '' : fraction}Z`
}

/** A value in a message: short, its insides left away. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)
  if (value instanceof Instant) return instantText(value)
  if (typeof value === 'object' && value !== null)
    return isDecimal(value) ? decimalText(value as Decimal).slice(0, 60) : `a ${kindOf(value)}`
  return String(value).slice(0, 60)
}
