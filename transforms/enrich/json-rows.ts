import { ConfigError, DataError, parseJson } from '../../core/index.ts'
import { isPlainObject } from '../fields.ts'
import { memberOf } from '../field-path.ts'
import type { Cell } from './cells.ts'
import { anyColumn, jsonColumn, type Choice } from './columns.ts'
import { rowOf, type Found, type RowShape } from './lookup.ts'

/** Rows out of JSON objects, for the lookups that find those. */
export interface JsonRows {
  readonly shape: RowShape
  /** Reads a text so that no digit is lost. Throws a DataError. */
  parse(text: string): unknown
  /** The row of an object; refused where it is something else. */
  row(object: unknown): Found
}

/** Throws a ConfigError where `types` leaves out a field that is taken. */
export function jsonRows(choices: readonly Choice[], types: ReadonlyMap<string, Cell>): JsonRows {
  const typed = types.size > 0
  const taken = choices.length > 0 || !typed ? choices : [...types.keys()].map((name) => ({ from: name, name }))
  const lacking = typed ? taken.find(({ from }) => !types.has(from)) : undefined
  if (lacking !== undefined) {
    const message = `Configuration types: "${lacking.from}" is one of the fields, but has no type; give all of them types, or none`
    throw new ConfigError([{ key: 'types', message }])
  }
  const unknown = [...types.keys()].find((name) => !taken.some(({ from }) => from === name))
  if (unknown !== undefined) {
    throw new ConfigError([{ key: 'types', message: `Configuration types: "${unknown}" is not among the fields that are taken` }])
  }
  const columns = taken.map(({ from, name }) => (typed ? jsonColumn(name, types.get(from)!) : anyColumn(name)))
  const untyped = 'what is found in JSON needs types: set "types" (field:type for each field)'
  return {
    shape: { columns: taken.length === 0 ? null : columns, untyped },
    parse: (text) => parseJson(text, typed ? 'typed' : 'plain'),
    row(object) {
      if (!isPlainObject(object)) return { refused: 'is not a JSON object' }
      return rowOf(taken.length === 0 ? [object] : taken.map(({ from }) => memberOf(object, from) ?? null))
    },
  }
}

/** The objects in a text: an array of them, or one on each line. Throws a DataError. */
export function jsonObjects(text: string, perLine: boolean, parse: JsonRows['parse']): readonly unknown[] {
  if (!perLine) {
    const parsed = parse(text)
    if (!Array.isArray(parsed))
      throw new DataError('The JSON is not an array of objects; for one object on each line set file.format=ndjson')
    return parsed
  }
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    try {
      return [parse(line)]
    } catch (error) {
      throw new DataError(`Line ${index + 1}: ${(error as Error).message}`, { cause: error })
    }
  })
}

/** Bytes that a JSON value takes in memory, about: the bound of caches is reckoned with it. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 24 + 2 * value.length
  if (typeof value !== 'object' || value === null) return 16
  if (ArrayBuffer.isView(value)) return 96 + value.byteLength
  let size = 48
  for (const [name, inner] of Object.entries(value)) size += 16 + 2 * name.length + sizeOf(inner)
  return size
}
