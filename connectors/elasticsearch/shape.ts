import {
  arrayOf,
  DataError,
  decimalText,
  logical,
  primitive,
  structOf,
  unscaledFromBytes,
  withExtras,
  type Schema,
} from '../../core/index.ts'

/** How values of a schema are changed before they are written as JSON; `change` absent: they are written as they are. */
export interface Shape {
  readonly schema: Schema
  readonly change?: (value: never) => unknown
}

/**
 * What Elasticsearch can index, for what Connect's JSON has other words for: days as ISO dates, micro- and nanoseconds as ISO times with all
 * their digits, decimals of any scale as text of digits, maps without text keys (or all: `compact` false) as lists of {"key", "value"}.
 */
export function shapeOf(schema: Schema, compact: boolean, path = ''): Shape {
  const change = changeOf(schema, compact, path)
  if (change === undefined) return { schema }
  const present = change.change as (value: unknown) => unknown
  return { schema: change.schema, change: (value: unknown) => (value === null || value === undefined ? null : present(value)) }
}

function changeOf(schema: Schema, compact: boolean, path: string): Shape | undefined {
  const timed = (write: (value: never) => string | undefined) => text(schema, (value: never) => write(value) ?? beyond(value, schema, path))
  switch (schema.name) {
    case logical.date:
    case logical.debeziumDate:
      return timed(isoDate)
    case logical.microTimestamp:
      return timed(isoMicros)
    case logical.nanoTimestamp:
      return timed((nanos: bigint) => isoTime(nanos, 1_000_000_000n, 9))
    case logical.decimal:
      return undefined
    case logical.variableScaleDecimal:
      return text(schema, ({ scale, value }: { scale: number; value: Uint8Array }) =>
        decimalText({ unscaled: unscaledFromBytes(value), scale }),
      )
  }
  if (schema.type === 'struct') return structChange(schema, compact, path)
  if (schema.type === 'map') return mapChange(schema, compact, path)
  if (schema.type !== 'array') return undefined
  const item = shapeOf(schema.valueSchema!, compact, `${path}[]`)
  if (!item.change) return undefined
  const change = item.change as (value: unknown) => unknown
  return { schema: arrayOf(item.schema, extrasOf(schema)), change: (items: readonly unknown[]) => items.map((one) => change(one)) }
}

function structChange(schema: Schema, compact: boolean, path: string): Shape | undefined {
  const shapes = schema.fields.map((field) => shapeOf(field.schema, compact, path === '' ? field.name : `${path}.${field.name}`))
  if (shapes.every((shape) => !shape.change)) return undefined
  return {
    schema: structOf(
      schema.fields.map((field, index) => [field.name, shapes[index]!.schema] as const),
      extrasOf(schema),
    ),
    change: structCopy(
      schema,
      shapes.map((shape) => shape.change as Change | undefined),
    ),
  }
}

type Change = (value: unknown) => unknown

/** A copy with some members changed, made by code of its own: its objects have one shape, which the writer after it is quick with. */
function structCopy(schema: Schema, changes: readonly (Change | undefined)[]): (struct: Record<string, unknown>) => unknown {
  const members = schema.fields.map(({ name }, index) => {
    // Names go into the code as JSON strings only, so that none of them can be code; in brackets even __proto__ is a member like others.
    const text = JSON.stringify(name)
    return `[${text}]: ${changes[index] ? `c[${index}](struct[${text}])` : `struct[${text}]`}`
  })
  const code = `return (struct) => ({ ${members.join(', ')} })`
  return (new Function('c', code) as (c: readonly (Change | undefined)[]) => (struct: Record<string, unknown>) => unknown)(changes)
}

function mapChange(schema: Schema, compact: boolean, path: string): Shape | undefined {
  const value = shapeOf(schema.valueSchema!, compact, `${path}{}`)
  const change = value.change as ((one: unknown) => unknown) | undefined
  if (compact && schema.keySchema!.type === 'string') {
    if (!change) return undefined
    return {
      schema: withExtras({ ...schema, valueSchema: value.schema }, {}),
      change: (map: ReadonlyMap<unknown, unknown>) => new Map([...map].map(([key, one]) => [key, change(one)])),
    }
  }
  const key = shapeOf(schema.keySchema!, compact, `${path}{key}`)
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

/** As text the number would pass for milliseconds, and be another time. */
function beyond(value: unknown, schema: Schema, path: string): never {
  throw new DataError(
    `Field "${path}" is ${String(value)} (${schema.name ?? schema.type}), a time beyond all calendars that cannot be indexed`,
  )
}

const dayTexts = new Map<number, string>()
/** Sixty years. */
const dayTextsMax = 22_000

/** `2024-05-06`; undefined beyond what calendars here reach. Days come again and again, and a Date's text costs more than all the rest. */
function isoDate(days: number): string | undefined {
  const known = dayTexts.get(days)
  if (known !== undefined) return known
  const date = new Date(days * 86_400_000)
  if (Number.isNaN(date.getTime())) return undefined
  const made = date.toISOString().slice(0, -14)
  if (dayTexts.size >= dayTextsMax) dayTexts.clear()
  dayTexts.set(days, made)
  return made
}

/** `ticks` since the epoch, `perSecond` of them a second, as ISO text in UTC with `digits` after the point; undefined beyond what calendars here reach. */
function isoTime(ticks: bigint, perSecond: bigint, digits: number): string | undefined {
  const rest = ((ticks % perSecond) + perSecond) % perSecond
  const seconds = secondText(Number((ticks - rest) / perSecond))
  return seconds === undefined ? undefined : `${seconds}.${rest.toString().padStart(digits, '0')}Z`
}

/** The same of microseconds: as numbers where they are exact (to the year 2255). */
function isoMicros(ticks: bigint): string | undefined {
  const micros = Number(ticks)
  if (!Number.isSafeInteger(micros)) return isoTime(ticks, 1_000_000n, 6)
  const seconds = Math.floor(micros / 1e6)
  return `${secondText(seconds)!}.${String(micros - seconds * 1e6).padStart(6, '0')}Z`
}

/** `2024-05-06T07:08:09`; undefined beyond what calendars here reach. */
function secondText(seconds: number): string | undefined {
  const day = Math.floor(seconds / 86_400)
  const date = isoDate(day)
  if (date === undefined) return undefined
  const rest = seconds - day * 86_400
  return `${date}T${twoDigits[Math.floor(rest / 3600)]!}:${twoDigits[Math.floor(rest / 60) % 60]!}:${twoDigits[rest % 60]!}`
}

const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
