import { logical, type Schema, type SchemaType } from '../core/index.ts'
import { parsePath, splitColon, type FieldPath } from './field-path.ts'
import { javaRegex } from './java-regex.ts'
import { compareNumber, equalsText, isDecimal, maybeNumber, numberText, scalarText } from './scalars.ts'

/** One demand on one field. */
export interface Rule {
  readonly path: FieldPath
  /** True for the one rule that null and missing values break. */
  readonly required: boolean
  /** What is demanded, in words that follow the value: `is not in the range 0..10`. */
  readonly breach: string
  /** Whether a value that is not null fulfils it. */
  holds(value: unknown, schema: Schema | null): boolean
}

/** Reads `path` of the list `required`. Throws an Error for a ConfigError, as the others below do. */
export function requiredRule(text: string): Rule {
  return { path: parsePath(text, 'own'), required: true, breach: 'is missing (required)', holds: () => true }
}

/** Reads `path:type`. */
export function typeRule(text: string): Rule {
  const [path, type] = parts(text, 'path:type')
  const [inSchema, plain] = types[type.trim() as keyof typeof types] ?? unknownType(type)
  return {
    path,
    required: false,
    breach: `is not of type ${type.trim()}`,
    holds: (value, schema) => (schema === null ? plain(value) : inSchema(schema)),
  }
}

/** Reads `path:low..high`; one of the bounds may be left away, both belong to the range. */
export function rangeRule(text: string): Rule {
  const [path, range] = parts(text, 'path:low..high')
  const bounds = /^(.*)\.\.(.*)$/.exec(range.trim())
  if (bounds === null || range.trim() === '..') throw new Error(`"${text}" is not a range; write path:low..high, path:low.. or path:..high`)
  const [low, high] = [bounds[1]!, bounds[2]!].map((bound) => (bound.trim() === '' ? undefined : numberText(bound)))
  if (low && high && compareNumber(low.decimal, null, high) === 1)
    throw new Error(`"${text}" is a range without any number: its bounds are swapped`)
  return {
    path,
    required: false,
    breach: `is not in the range ${range.trim()}`,
    holds(value, schema) {
      const above = low === undefined || (compareNumber(value, schema, low) ?? -1) >= 0
      const below = high === undefined || (compareNumber(value, schema, high) ?? 1) <= 0
      return above && below
    },
  }
}

/** Reads `path:a|b|c`; a backslash before a bar makes it part of the value. */
export function enumRule(text: string): Rule {
  const [path, list] = parts(text, 'path:a|b|c')
  const choices = list
    .split(/(?<!\\)\|/)
    .map((choice) => choice.replaceAll('\\|', '|'))
    .map((choice) => [choice, maybeNumber(choice)] as const)
  return {
    path,
    required: false,
    breach: `is not one of ${list}`,
    holds: (value, schema) => choices.some(([choice, number]) => equalsText(value, schema, choice, number)),
  }
}

/** Reads `path:regex`; the pattern must match the whole text. Numbers are matched as they are written. */
export function patternRule(text: string): Rule {
  const [path, pattern] = parts(text, 'path:regex')
  const regex = javaRegex(pattern)
  return {
    path,
    required: false,
    breach: `does not match ${pattern}`,
    holds(value) {
      const spelled = scalarText(value)
      return spelled !== undefined && regex.matches(spelled)
    },
  }
}

function parts(text: string, form: string): readonly [FieldPath, string] {
  const [path, rest] = splitColon(text)
  if (rest === undefined || rest.trim() === '') throw new Error(`"${text}" is not of the form ${form}`)
  return [parsePath(path.trim(), 'own'), rest]
}

type TypeTest = readonly [inSchema: (schema: Schema) => boolean, plain: (value: unknown) => boolean]

const ofType =
  (...accepted: readonly SchemaType[]) =>
  ({ type, name }: Schema) =>
    name !== logical.decimal && accepted.includes(type)
const named =
  (...names: readonly string[]) =>
  ({ name }: Schema) =>
    names.includes(name ?? '')
const integer = (bits: number) => (value: unknown) =>
  typeof value === 'bigint' ? BigInt.asIntN(bits, value) === value : Number.isInteger(value) && Math.abs(value as number) < 2 ** (bits - 1)
const number = (value: unknown) => typeof value === 'number' || typeof value === 'bigint'
const is = (type: string) => (value: unknown) => typeof value === type
const never = () => false
const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value) && !isDecimal(value)

/** JSON does not tell 1 from 1.0, so that without a schema an integer is a float too. */
const types = {
  int8: [ofType('int8'), integer(8)],
  int16: [ofType('int16'), integer(16)],
  int32: [ofType('int32'), integer(32)],
  int64: [ofType('int64'), integer(64)],
  integer: [ofType('int8', 'int16', 'int32', 'int64'), integer(64)],
  float32: [ofType('float32'), number],
  float64: [ofType('float64'), number],
  number: [
    (schema) => schema.name === logical.decimal || ofType('int8', 'int16', 'int32', 'int64', 'float32', 'float64')(schema),
    (value) => number(value) || isDecimal(value),
  ],
  decimal: [named(logical.decimal), isDecimal],
  boolean: [ofType('boolean'), is('boolean')],
  string: [ofType('string'), is('string')],
  bytes: [ofType('bytes'), (value) => value instanceof Uint8Array],
  array: [ofType('array'), Array.isArray],
  map: [ofType('map'), isObject],
  struct: [ofType('struct'), isObject],
  date: [named(logical.date, logical.debeziumDate), never],
  timestamp: [
    named(logical.timestamp, logical.debeziumTimestamp, logical.microTimestamp, logical.nanoTimestamp, logical.zonedTimestamp),
    never,
  ],
} as const satisfies Readonly<Record<string, TypeTest>>

function unknownType(type: string): never {
  throw new Error(`"${type.trim()}" is not a type; known are ${Object.keys(types).join(', ')}`)
}
