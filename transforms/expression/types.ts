import { optional, sameSchema, type Schema } from '../../core/index.ts'

/** What is known of a value before it is there. `dyn`: nothing, as for all that has no schema. */
export type Type =
  | { readonly kind: 'dyn' | 'null' | 'bool' | 'int' | 'double' | 'string' | 'bytes' | 'duration' }
  | { readonly kind: 'decimal'; /** Decimal places; undefined: they differ from value to value. */ readonly scale: number | undefined }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit }
  | { readonly kind: 'list'; readonly item: Type; readonly nulls: boolean }
  | { readonly kind: 'map'; readonly key: Type; readonly item: Type; readonly nulls: boolean }
  | { readonly kind: 'struct'; readonly schema: Schema }

export type Kind = Type['kind']

/** The finest part that a timestamp has: decides which logical type it becomes in a schema. */
export type TimeUnit = 'day' | 'ms' | 'us' | 'ns'

export const unitNanos: Readonly<Record<TimeUnit, bigint>> = { day: 86_400_000_000_000n, ms: 1_000_000n, us: 1_000n, ns: 1n }

export const dyn: Type = { kind: 'dyn' }
export const bool: Type = { kind: 'bool' }
export const int: Type = { kind: 'int' }
export const double: Type = { kind: 'double' }
export const string: Type = { kind: 'string' }
export const bytes: Type = { kind: 'bytes' }
export const duration: Type = { kind: 'duration' }
export const nullType: Type = { kind: 'null' }
export const anyDecimal: Type = { kind: 'decimal', scale: undefined }
export const timestampMs: Type = { kind: 'timestamp', unit: 'ms' }
export const date: Type = { kind: 'timestamp', unit: 'day' }
export const dynList: Type = { kind: 'list', item: dyn, nulls: true }
export const dynMap: Type = { kind: 'map', key: dyn, item: dyn, nulls: true }

/** The finer of two units. */
export function finer(a: TimeUnit, b: TimeUnit): TimeUnit {
  return unitNanos[a] < unitNanos[b] ? a : b
}

export function isNumeric(kind: Kind): boolean {
  return kind === 'int' || kind === 'double' || kind === 'decimal'
}

/**
 * The type that holds values of both; undefined where there is none. An int goes with a double or decimal; timestamps meet in the finer unit.
 */
export function unify(a: Type, b: Type): Type | undefined {
  if (a.kind === 'null') return b
  if (b.kind === 'null') return a
  if (a.kind === 'dyn' || b.kind === 'dyn') return dyn
  if (a.kind === 'decimal' || b.kind === 'decimal') {
    if (!isNumeric(a.kind) || !isNumeric(b.kind) || a.kind === 'double' || b.kind === 'double') return undefined
    const [left, right] = [a, b].map((type) => (type.kind === 'decimal' ? type.scale : 0))
    return { kind: 'decimal', scale: left === undefined || right === undefined ? undefined : Math.max(left, right) }
  }
  if (isNumeric(a.kind) && isNumeric(b.kind)) return a.kind === b.kind ? a : double
  if (a.kind !== b.kind) return undefined
  if (a.kind === 'timestamp' && b.kind === 'timestamp') return { kind: 'timestamp', unit: finer(a.unit, b.unit) }
  if (a.kind === 'list' && b.kind === 'list') {
    const item = unify(a.item, b.item)
    return item && (sameType(item, a.item) || sameType(item, b.item)) ? { kind: 'list', item, nulls: a.nulls || b.nulls } : undefined
  }
  if (a.kind === 'map' && b.kind === 'map') return sameType(a, b) ? a : dynMap
  if (a.kind === 'struct' && b.kind === 'struct') return sameType(a, b) ? a : dyn
  return a
}

export function sameType(a: Type, b: Type): boolean {
  if (a.kind !== b.kind) return false
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.scale === b.scale
  if (a.kind === 'timestamp' && b.kind === 'timestamp') return a.unit === b.unit
  if (a.kind === 'list' && b.kind === 'list') return sameType(a.item, b.item)
  if (a.kind === 'map' && b.kind === 'map') return sameType(a.key, b.key) && sameType(a.item, b.item)
  // An envelope's before and after are the same struct, of which one may be optional.
  if (a.kind === 'struct' && b.kind === 'struct') return a.schema === b.schema || sameSchema(optional(a.schema), optional(b.schema))
  return true
}

/** The type as errors name it. */
export function typeText(type: Type): string {
  if (type.kind === 'list') return `list<${typeText(type.item)}>`
  if (type.kind === 'map') return `map<${typeText(type.key)}, ${typeText(type.item)}>`
  if (type.kind === 'struct') return type.schema.name === null ? 'struct' : `struct ${type.schema.name}`
  return type.kind
}
