import { arrayOf, decimalText, logical, primitive, structOf, unscaledFromBytes, withExtras, type Schema } from '../../core/index.ts'

/** How values of a schema are changed before they are written as JSON; `change` absent: they are written as they are. */
export interface Shape {
  readonly schema: Schema
  readonly change?: (value: never) => unknown
}

/**
 * What Elasticsearch can index, for what Connect's JSON has other words for: days as ISO dates, micro- and nanoseconds as ISO times with all
 * their digits, decimals of any scale as text of digits, maps without text keys (or all: `compact` false) as lists of {"key", "value"}.
 */
export function shapeOf(schema: Schema, compact: boolean): Shape {
  const change = changeOf(schema, compact)
  if (change === undefined) return { schema }
  const present = change.change as (value: unknown) => unknown
  return { schema: change.schema, change: (value: unknown) => (value === null || value === undefined ? null : present(value)) }
}

function changeOf(schema: Schema, compact: boolean): Shape | undefined {
  switch (schema.name) {
    case logical.date:
    case logical.debeziumDate:
      return text(schema, (days: number) => isoDate(days))
    case logical.microTimestamp:
      return text(schema, (micros: bigint) => isoTime(micros, 1_000_000n, 6))
    case logical.nanoTimestamp:
      return text(schema, (nanos: bigint) => isoTime(nanos, 1_000_000_000n, 9))
    case logical.decimal:
      return undefined
    case logical.variableScaleDecimal:
      return text(schema, ({ scale, value }: { scale: number; value: Uint8Array }) =>
        decimalText({ unscaled: unscaledFromBytes(value), scale }),
      )
  }
  if (schema.type === 'struct') return structChange(schema, compact)
  if (schema.type === 'map') return mapChange(schema, compact)
  if (schema.type !== 'array') return undefined
  const item = shapeOf(schema.valueSchema!, compact)
  if (!item.change) return undefined
  const change = item.change as (value: unknown) => unknown
  return { schema: arrayOf(item.schema, extrasOf(schema)), change: (items: readonly unknown[]) => items.map((one) => change(one)) }
}

function structChange(schema: Schema, compact: boolean): Shape | undefined {
  const shapes = schema.fields.map((field) => shapeOf(field.schema, compact))
  if (shapes.every((shape) => !shape.change)) return undefined
  const steps = schema.fields.map(
    (field, index) => [field.name, shapes[index]!.change as ((value: unknown) => unknown) | undefined] as const,
  )
  return {
    schema: structOf(
      schema.fields.map((field, index) => [field.name, shapes[index]!.schema] as const),
      extrasOf(schema),
    ),
    change: (struct: Record<string, unknown>) =>
      Object.fromEntries(steps.map(([name, change]) => [name, change ? change(struct[name]) : struct[name]])),
  }
}

function mapChange(schema: Schema, compact: boolean): Shape | undefined {
  const value = shapeOf(schema.valueSchema!, compact)
  const change = value.change as ((one: unknown) => unknown) | undefined
  if (compact && schema.keySchema!.type === 'string') {
    if (!change) return undefined
    return {
      schema: withExtras({ ...schema, valueSchema: value.schema }, {}),
      change: (map: ReadonlyMap<unknown, unknown>) => new Map([...map].map(([key, one]) => [key, change(one)])),
    }
  }
  const key = shapeOf(schema.keySchema!, compact)
  const changeKey = key.change as ((one: unknown) => unknown) | undefined
  const entry = structOf([
    ['key', key.schema],
    ['value', value.schema],
  ])
  return {
    schema: arrayOf(entry, { optional: schema.optional, doc: schema.doc }),
    change: (map: ReadonlyMap<unknown, unknown>) =>
      [...map].map(([name, one]) => ({ key: changeKey ? changeKey(name) : name, value: change ? change(one) : one })),
  }
}

/** Text in place of the value; the name stays, as mappings are made from it. Defaults are not kept: a missing value is null. */
function text(schema: Schema, change: (value: never) => string): Shape {
  return { schema: primitive('string', { optional: true, name: schema.name, doc: schema.doc }), change }
}

function extrasOf({ optional, name, doc, parameters }: Schema): Partial<Schema> {
  return { optional, name, doc, parameters }
}

function isoDate(days: number): string {
  return isoTime(BigInt(days) * 86_400n, 1n, 0).slice(0, -10)
}

/** `ticks` since the epoch, `perSecond` of them a second, as ISO text in UTC with `digits` after the point. */
function isoTime(ticks: bigint, perSecond: bigint, digits: number): string {
  const rest = ((ticks % perSecond) + perSecond) % perSecond
  const seconds = (ticks - rest) / perSecond
  const date = new Date(Number(seconds) * 1000)
  // Beyond what calendars here reach, the number itself says it; the server then judges.
  if (Number.isNaN(date.getTime())) return String(ticks)
  const whole = date.toISOString().slice(0, -5)
  return digits === 0 ? `${whole}Z` : `${whole}.${rest.toString().padStart(digits, '0')}Z`
}
