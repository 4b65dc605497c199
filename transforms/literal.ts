import { arrayOf, logical, mapOf, parseDecimal, primitive, type Schema } from '../core/index.ts'
import { floatText } from './number-text.ts'

export interface Literal {
  /** null: the text `null`. */
  readonly schema: Schema | null
  readonly value: unknown
}

const text = primitive('string')
const boolean = primitive('boolean')
const integers = [primitive('int8'), primitive('int16'), primitive('int32'), primitive('int64')] as const
const float32 = primitive('float32')
const float64 = primitive('float64')
const date = primitive('int32', { name: logical.date, version: 1 })
const time = primitive('int32', { name: logical.time, version: 1 })
const timestamp = primitive('int64', { name: logical.timestamp, version: 1 })

/** Longest list or map whose items are looked at, in characters. */
const listCharsMax = 10_000
const dayMs = 86_400_000

/**
 * A text with the type that it shows, as Connect's `Values.parseString` infers it: the smallest integer type, floats, true and false, ISO dates in
 * UTC, lists and maps in JSON. Only where the value shows the same text again: `007`, `1e3`, `+1` and `2023-02-30` stay text, which Connect
 * would change, and 3.141592653589793 is a double, of which it keeps half the digits.
 */
export function literal(spelled: string): Literal {
  if (spelled === 'null') return { schema: null, value: null }
  return booleanOf(spelled) ?? numberOf(spelled) ?? dateOf(spelled) ?? composite(spelled) ?? { schema: text, value: spelled }
}

function booleanOf(spelled: string): Literal | undefined {
  return spelled === 'true' || spelled === 'false' ? { schema: boolean, value: spelled === 'true' } : undefined
}

function numberOf(spelled: string): Literal | undefined {
  if (/^-?(?:0|[1-9]\d{0,400})$/.test(spelled) && spelled !== '-0') return integer(BigInt(spelled))
  if (!/^-?(?:0|[1-9]\d{0,400})\.\d{1,400}$/.test(spelled)) return undefined
  const number = Number(spelled)
  if (floatText(number, 'float32') === spelled) return { schema: float32, value: Math.fround(number) }
  if (floatText(number, 'float64') === spelled) return { schema: float64, value: number }
  return decimal(spelled)
}

function integer(value: bigint): Literal {
  for (const [index, schema] of integers.entries()) {
    if (BigInt.asIntN(8 << index, value) === value) return { schema, value: index === 3 ? value : Number(value) }
  }
  return decimal(value.toString())
}

function decimal(spelled: string): Literal {
  const value = parseDecimal(spelled)!
  return { schema: primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: String(value.scale) } }), value }
}

function dateOf(spelled: string): Literal | undefined {
  const full = /^\d{4}-\d\d-\d\d$/.test(spelled)
    ? `${spelled}T00:00:00.000Z`
    : /^\d\d:\d\d:\d\d\.\d{3}Z$/.test(spelled)
      ? `1970-01-01T${spelled}`
      : spelled
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(full)) return undefined
  const ms = Date.parse(full)
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== full) return undefined
  if (spelled.length === 10) return { schema: date, value: ms / dayMs }
  return spelled.length === 13 ? { schema: time, value: ms } : { schema: timestamp, value: BigInt(ms) }
}

function composite(spelled: string): Literal | undefined {
  if (!/^[[{]/.test(spelled) || spelled.length > listCharsMax) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(spelled, (_, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? new Spelled(context?.source ?? String(value)) : value,
    )
  } catch {
    // Not JSON: then it is text that begins with a bracket.
    return undefined
  }
  return typed(parsed)
}

/** A number of a list, as it is spelled: JSON.parse alone would round it. */
class Spelled {
  readonly text: string
  constructor(spelled: string) {
    this.text = spelled
  }
}

// Items must all be of one type, integers of the widest that they need; else the whole stays text.
function typed(value: unknown): Literal | undefined {
  if (typeof value === 'string') return { schema: text, value }
  if (typeof value === 'boolean') return { schema: boolean, value }
  if (value instanceof Spelled) return numberOf(value.text)
  if (value === null || typeof value !== 'object') return undefined
  const items = Object.values(value).map(typed)
  const schema = sharedSchema(items)
  if (schema === undefined) return undefined
  const values = items.map((item) => (schema.type === 'int64' ? BigInt(item!.value as number | bigint) : item!.value))
  if (Array.isArray(value)) return { schema: arrayOf(schema), value: values }
  return { schema: mapOf(text, schema), value: new Map(Object.keys(value).map((key, index) => [key, values[index]])) }
}

function sharedSchema(items: readonly (Literal | undefined)[]): Schema | undefined {
  const widths = items.map((item) => integers.findIndex((schema) => schema === item?.schema))
  if (items.length > 0 && widths.every((width) => width >= 0)) return integers[Math.max(...widths)]
  const first = items[0]?.schema ?? undefined
  return first !== undefined && first.fields.length === 0 && items.every((item) => item?.schema === first) ? first : undefined
}
