import { arrayOf, logical, mapOf, optional, primitive, rescale, type Decimal, type Schema } from '../../core/index.ts'
import { setOwn } from '../fields.ts'
import { fault, type Code, type Run } from './code.ts'
import { exactDouble, fit64 } from './numbers.ts'
import { typeText, unitNanos, type TimeUnit, type Type } from './types.ts'
import { EvaluationError, Instant, Span, spend } from './values.ts'

/** How an expression's result becomes a field: always optional, of one schema for all records. */
export interface Result {
  readonly schema: Schema
  /** The value in its in-memory form, or null. */
  readonly run: Run
}

/** The result of code for a record with a schema. A field taken as it is keeps its schema; throws an ExpressionFault where the type is not known. */
export function resultOf(code: Code): Result {
  if (code.taken?.schema) return { schema: optional({ ...code.taken.schema, defaultValue: undefined }), run: code.taken.raw }
  const schema = schemaOf(code.type, code)
  const write = writerOf(code.type)
  const { run } = code
  return {
    schema,
    run(frame) {
      const value = run(frame)
      return value === null ? null : write(value)
    },
  }
}

const stamps: Readonly<Record<TimeUnit, readonly [string, 'int32' | 'int64']>> = {
  day: [logical.date, 'int32'],
  ms: [logical.timestamp, 'int64'],
  us: [logical.microTimestamp, 'int64'],
  ns: [logical.nanoTimestamp, 'int64'],
}

function schemaOf(type: Type, code: Code): Schema {
  switch (type.kind) {
    case 'int':
      return primitive('int64', { optional: true })
    case 'double':
      return primitive('float64', { optional: true })
    case 'bool':
      return primitive('boolean', { optional: true })
    case 'string':
    case 'bytes':
      return primitive(type.kind, { optional: true })
    case 'decimal':
      if (type.scale === undefined) {
        return fault(code.at, `how many decimal places ${code.text} has differs from record to record; write round(${code.text}, 2)`)
      }
      return primitive('bytes', { optional: true, name: logical.decimal, version: 1, parameters: { scale: String(type.scale) } })
    case 'timestamp': {
      const [name, primitiveType] = stamps[type.unit]
      return primitive(primitiveType, { optional: true, name, version: 1 })
    }
    case 'duration':
      return primitive('int64', { optional: true, name: logical.microDuration, version: 1 })
    case 'list':
      return arrayOf(schemaOf(type.item, code), { optional: true })
    case 'map':
      return mapOf({ ...schemaOf(type.key, code), optional: false }, schemaOf(type.item, code), { optional: true })
    case 'struct':
      return optional(type.schema)
    case 'dyn':
    case 'null': {
      const way = 'write int(...), double(...), string(...), decimal(...) or another conversion around it'
      return fault(
        code.at,
        `the type of ${code.text} is not known before the record is there (${typeText(type)}), so its field has no schema; ${way}`,
      )
    }
    default:
      return type satisfies never
  }
}

function writerOf(type: Type): (value: unknown) => unknown {
  switch (type.kind) {
    case 'int':
      return (value) => fit64(value as bigint)
    case 'double':
      return exactDouble
    case 'decimal': {
      const { scale } = type
      return (value) => rescale(typeof value === 'bigint' ? { unscaled: value, scale: 0 } : (value as Decimal), scale!)
    }
    case 'timestamp': {
      const { unit } = type
      return unit === 'day'
        ? (value) => Number(whole((value as Instant).nanos, unitNanos.day, 'a date', 'date(...)'))
        : (value) => fit64(whole((value as Instant).nanos, unitNanos[unit], `a timestamp in ${unit}`, "truncate(..., 'millisecond')"))
    }
    case 'duration':
      return (value) => fit64(whole((value as Span).nanos, 1_000n, 'a duration in us', 'a coarser duration'))
    case 'list': {
      const write = writerOf(type.item)
      return (value) => {
        spend((value as readonly unknown[]).length)
        return (value as readonly unknown[]).map((item) => (item === null ? null : write(item)))
      }
    }
    case 'map': {
      const [key, item] = [writerOf(type.key), writerOf(type.item)]
      return (value) => {
        spend((value as Map<unknown, unknown>).size)
        return new Map([...(value as Map<unknown, unknown>)].map(([k, v]) => [key(k), v === null ? null : item(v)]))
      }
    }
    default:
      return (value) => value
  }
}

function whole(nanos: bigint, unit: bigint, what: string, way: string): bigint {
  if (nanos % unit !== 0n) throw new EvaluationError(`the result has parts finer than ${what} holds; ${way} cuts them`)
  return nanos / unit
}

/** The value for a record without a schema: timestamps and durations are milliseconds, maps with text keys objects. */
export function plainResult(value: unknown): unknown {
  if (typeof value === 'bigint') return fit64(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Instant || value instanceof Span) {
    return fit64(whole(value.nanos, 1_000_000n, 'milliseconds', "truncate(..., 'millisecond')"))
  }
  if (Array.isArray(value)) {
    spend(value.length)
    return value.map(plainResult)
  }
  if (!(value instanceof Map)) return value
  spend(value.size)
  const entries = [...value].map(([key, item]) => [plainResult(key), plainResult(item)] as const)
  if (!entries.every(([key]) => typeof key === 'string')) return new Map(entries)
  const made: Record<string, unknown> = {}
  for (const [key, item] of entries) setOwn(made, key as string, item)
  return made
}
