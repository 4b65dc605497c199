import { DataError, logical, NumberText, parseDecimal, primitive, rescale, type Schema } from '../../core/index.ts'

/** A type of what is looked up, read from text as Postgres and DuckDB write it (ISO dates, hex bytes). */
export interface Cell {
  /** Required; the column decides whether it may be null. */
  readonly schema: Schema
  /** The value in memory. undefined: the text is no value of the type. */
  fromText(text: string): unknown
  /** The value where there is no schema: as far as text can tell it exactly, what JSON has; else text. */
  plain(text: string): unknown
}

const same = (text: string): string => text

function integer(type: 'int8' | 'int16' | 'int32' | 'int64'): Cell {
  const bits = Number(type.slice(3))
  const whole = (text: string): bigint | undefined => {
    if (!/^-?\d{1,20}$/.test(text)) return undefined
    const number = BigInt(text)
    return BigInt.asIntN(bits, number) === number ? number : undefined
  }
  const fromText = (text: string) => {
    const number = whole(text)
    return number === undefined || bits === 64 ? number : Number(number)
  }
  return { schema: primitive(type), fromText, plain: whole }
}

function float(type: 'float32' | 'float64'): Cell {
  const fromText = (text: string) => {
    const named = notFinite.get(text.toLowerCase())
    if (named !== undefined) return named
    if (!/^-?\d+(?:\.\d*)?(?:e[+-]?\d+)?$/i.test(text)) return undefined
    const number = type === 'float32' ? Math.fround(Number(text)) : Number(text)
    return Number.isFinite(number) ? number : undefined
  }
  return { schema: primitive(type), fromText, plain: fromText }
}

const notFinite = new Map([
  ['nan', NaN],
  ['infinity', Infinity],
  ['-infinity', -Infinity],
  ['inf', Infinity],
  ['-inf', -Infinity],
])

/** Digits and places of a decimal that is read. */
const decimalDigitsMax = 10_000

function decimal(scale: number): Cell {
  return {
    schema: primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: String(scale) } }),
    fromText(text) {
      const number = text.length > decimalDigitsMax ? undefined : parseDecimal(text)
      if (number === undefined || Math.abs(number.scale) > decimalDigitsMax) return undefined
      try {
        return rescale(number, scale)
      } catch {
        // Digits would be lost: told by the caller with the column and the value.
        return undefined
      }
    },
    plain: same,
  }
}

const text: Cell = { schema: primitive('string'), fromText: same, plain: same }

const boolean: Cell = {
  schema: primitive('boolean'),
  fromText: (word) => (word === 't' || word === 'true' ? true : word === 'f' || word === 'false' ? false : undefined),
  plain: (word) => word === 't' || word === 'true',
}

const bytes: Cell = { schema: primitive('bytes'), fromText: hexBytes, plain: hexBytes }

function hexBytes(spelled: string): Buffer | undefined {
  const hex = spelled.replace(/^\\x/, '')
  return /^(?:[0-9a-f]{2})*$/i.test(hex) ? Buffer.from(hex, 'hex') : undefined
}

const date: Cell = { schema: primitive('int32', { name: logical.debeziumDate, version: 1 }), fromText: daysOf, plain: same }

function daysOf(spelled: string): number | undefined {
  const match = /^(\d{4,6})-(\d\d)-(\d\d)$/.exec(spelled)
  if (!match) return undefined
  const at = new Date(0)
  at.setUTCFullYear(Number(match[1]), Number(match[2]) - 1, Number(match[3]))
  return at.getTime() / 86_400_000
}

function microsOf(spelled: string): bigint | undefined {
  const match = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(spelled)
  if (!match) return undefined
  const seconds = Number(match[1]) * 3_600 + Number(match[2]) * 60 + Number(match[3])
  return BigInt(seconds) * 1_000_000n + BigInt((match[4] ?? '').padEnd(6, '0'))
}

const time: Cell = { schema: primitive('int64', { name: logical.microTime, version: 1 }), fromText: microsOf, plain: same }

const timestamp: Cell = {
  schema: primitive('int64', { name: logical.microTimestamp, version: 1 }),
  fromText(spelled) {
    const [day, clock = '00:00:00'] = spelled.split(/[ T]/) as [string, string?]
    const days = daysOf(day)
    const micros = microsOf(clock)
    return days === undefined || micros === undefined ? undefined : BigInt(days) * 86_400_000_000n + micros
  },
  plain: (spelled) => spelled.replace(' ', 'T'),
}

// In UTC, as the session asks for it.
const zonedText = (spelled: string): string | undefined => {
  const match = /^(\d{4,6}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?:\+00(?::?00)?|Z)$/.exec(spelled)
  return match ? `${match[1]}T${match[2]}Z` : undefined
}

const zoned: Cell = {
  schema: primitive('string', { name: logical.zonedTimestamp, version: 1 }),
  fromText: zonedText,
  plain: (spelled) => zonedText(spelled) ?? spelled,
}

const uuid: Cell = { ...text, schema: primitive('string', { name: logical.uuid, version: 1 }) }
const json: Cell = { ...text, schema: primitive('string', { name: logical.json, version: 1 }) }

/** Cells by name, as the setting `types` and the lookups name them. */
const named: Readonly<Record<string, Cell>> = {
  boolean,
  int8: integer('int8'),
  int16: integer('int16'),
  int32: integer('int32'),
  int64: integer('int64'),
  float32: float('float32'),
  float64: float('float64'),
  string: text,
  bytes,
  uuid,
  json,
  date,
  time,
  timestamp,
  timestamptz: zoned,
}

/** The cell of a type's name; `decimal(2)` has two places. Throws an Error, for a ConfigError, for a name that is none. */
export function cellOf(type: string): Cell {
  if (Object.hasOwn(named, type)) return named[type]!
  const scale = /^decimal\((\d{1,3})\)$/.exec(type)?.[1]
  if (scale !== undefined) return decimal(Number(scale))
  throw new Error(`"${type}" is not a type; known are ${Object.keys(named).join(', ')} and decimal(places)`)
}

/** What `parseJson(text, 'typed')` gave as a value of the cell. Throws a DataError where the kind or the type does not fit. */
export function fromJson(cell: Cell, name: string, parsed: unknown): unknown {
  const { type, name: meaning } = cell.schema
  const wantsNumber = (meaning === null && /^(?:int|float)/.test(type)) || meaning === logical.decimal
  const spelled =
    parsed instanceof NumberText
      ? parsed.text
      : typeof parsed === 'number' || typeof parsed === 'string' || typeof parsed === 'boolean'
        ? String(parsed)
        : undefined
  const kind =
    typeof parsed === 'boolean' ? type === 'boolean' : typeof parsed === 'string' ? !wantsNumber && type !== 'boolean' : wantsNumber
  const value = spelled === undefined || !kind ? undefined : cell.fromText(spelled)
  if (value === undefined) throw misfit(name, spelled ?? 'no single value', meaning ?? type)
  return value
}

/** Says which column cannot hold what was found. */
export function misfit(name: string, found: string, type: string): DataError {
  const value = found.length > 40 ? `${found.slice(0, 40)}...` : found
  return new DataError(
    `Enrich: what was found has "${value}" in "${name}", which is not a value of ${type}; "types" can name another type for it`,
  )
}
