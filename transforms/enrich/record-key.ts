import { DataError, decimalText, logical, NumberText, type ConnectRecord, type Schema } from '../../core/index.ts'
import { bySchema } from '../fields.ts'
import { fieldAt, pathReader, type FieldPath } from '../field-path.ts'
import { floorDivide, isDecimal, scalarText, shown } from '../scalars.ts'
import type { Side } from '../side.ts'
import type { LookupKey } from './lookup.ts'

type ReadPart = (value: unknown) => unknown
type PartText = (value: unknown, path: string, topic: string) => string

/** Reads a record's key; null: a part of it is null or missing, so that there is nothing to look up. */
export type KeyReader = (record: ConnectRecord) => LookupKey | null

/**
 * Compiles the reading of keys. Numbers are told by their digits, dates and timestamps of a schema in ISO 8601. No paths: the whole of the side
 * is the key. The reader throws a DataError for values that are no key (bytes, arrays, structs), and for fields that the schema lacks.
 */
export function keyReader(paths: readonly FieldPath[], side: Side): KeyReader {
  const read: readonly ReadPart[] = paths.length === 0 ? [(value) => value] : paths.map(pathReader)
  const names = paths.length === 0 ? [`the ${side.name.toLowerCase()}`] : paths.map(({ text }) => `"${text}"`)
  const plain = read.map(() => partText)
  const textsOf = bySchema((schema) => paths.map((path) => textOf(schema, path)))
  const texts = (schema: Schema | null) => (schema === null ? plain : paths.length === 0 ? [wholeText(schema)] : textsOf(schema))
  if (read.length === 1) {
    const [only, name] = [read[0]!, names[0]!]
    return (record) => {
      const value = only(side.value(record))
      if (value === null || value === undefined) {
        texts(side.schema(record)) // A field that the schema lacks is told, not taken for null.
        return null
      }
      const text = texts(side.schema(record))[0]!(value, name, record.topic)
      return { text, parts: [text], values: [value] }
    }
  }
  return (record) => {
    const whole = side.value(record)
    const writers = texts(side.schema(record))
    const values = read.map((one) => one(whole))
    if (values.some((value) => value === null || value === undefined)) return null
    const parts = values.map((value, index) => writers[index]!(value, names[index]!, record.topic))
    return { text: joinedKey(parts), parts, values }
  }
}

function textOf(schema: Schema, path: FieldPath): PartText {
  const field = fieldAt(schema, path)
  if (field === undefined && schema.type !== 'map') throw new DataError(`Enrich: the records have no field "${path.text}" to look up by`)
  return field === undefined ? partText : wholeText(field.schema)
}

function wholeText({ name }: Schema): PartText {
  const moment = moments.get(name ?? '')
  return moment === undefined ? partText : moment
}

function partText(value: unknown, name: string, topic: string): string {
  const text = isDecimal(value) ? shortDecimal(decimalText(value)) : scalarText(value)
  if (text === undefined)
    throw new DataError(`Enrich: ${name} of a record of topic "${topic}" is ${shown(value)}, which cannot be looked up by`)
  return text
}

const dayText = (days: number): string => new Date(days * 86_400_000).toISOString().slice(0, 10)

/** Digits of a second that a type counts. */
function instantText(value: unknown, digits: 3 | 6 | 9): string {
  const count = BigInt(value as bigint)
  const perSecond = 10n ** BigInt(digits)
  const seconds = floorDivide(count, perSecond)
  const fraction = (count - seconds * perSecond).toString().padStart(digits, '0').replace(/0+$/, '')
  return `${new Date(Number(seconds) * 1_000).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`
}

const moments: ReadonlyMap<string, PartText> = new Map<string, PartText>([
  [logical.date, (value) => dayText(Number(value))],
  [logical.debeziumDate, (value) => dayText(Number(value))],
  [logical.timestamp, (value) => instantText(value, 3)],
  [logical.debeziumTimestamp, (value) => instantText(value, 3)],
  [logical.microTimestamp, (value) => instantText(value, 6)],
  [logical.nanoTimestamp, (value) => instantText(value, 9)],
])

/** A number's digits without the zeros at its end that say nothing: equal numbers have equal texts. */
export function shortDecimal(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** The text of a key that is a JSON value; undefined: it is no single value. */
export function jsonKeyText(value: unknown): string | undefined {
  return value instanceof NumberText ? shortDecimal(value.text) : scalarText(value)
}

/** The text of a key of several parts, as `keyReader` makes it. */
export function joinedKey(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : JSON.stringify(parts)
}
