import { createHash } from 'node:crypto'
import { RE2JS } from 're2js'
import type { FunctionTable } from './functions.ts'
import { lengthMax } from './numbers.ts'
import * as types from './types.ts'
import { EvaluationError, spend } from './values.ts'

const strings: types.Type = { kind: 'list', item: types.string, nulls: false }

/** Texts are counted in characters (code points), as CEL does, not in halves of them. */
const halves = /[\ud800-\udfff]/

function lengthOf(text: string): number {
  return halves.test(text) ? [...text].length : text.length
}

/** Part of a text from one character to another. Throws where there are not as many. */
function part(text: string, start: number, end: number): string {
  if (start < 0 || end < start) throw new EvaluationError(`there is no part of a text from ${start} to ${end}`)
  const characters = halves.test(text) ? [...text] : undefined
  const length = characters?.length ?? text.length
  if (end > length)
    throw new EvaluationError(`a text of ${length} characters has no part from ${start} to ${end}; min(size(text), n) bounds n`)
  return characters === undefined ? text.slice(start, end) : characters.slice(start, end).join('')
}

function indexIn(text: string, at: number): bigint {
  return BigInt(at <= 0 || !halves.test(text) ? at : Array.from(text.slice(0, at)).length)
}

function bounded(text: string): string {
  if (text.length > lengthMax) throw new EvaluationError(`a text has more than ${lengthMax} characters`)
  return text
}

function replaced(text: string, search: string, replacement: string, most: number): string {
  const found = text.split(search)
  const count = Math.min(most < 0 ? Infinity : most, found.length - 1)
  if (text.length + count * (replacement.length - search.length) > lengthMax)
    throw new EvaluationError(`a text has more than ${lengthMax} characters`)
  return (
    found.slice(0, count + 1).join(replacement) +
    found
      .slice(count + 1)
      .map((rest) => search + rest)
      .join('')
  )
}

function split(text: string, separator: string, most: number): readonly string[] {
  if (text.length > lengthMax) throw new EvaluationError(`a text has more than ${lengthMax} characters`)
  const parts = separator === '' ? [...text] : text.split(separator)
  if (most < 0 || parts.length <= most) return parts
  return most === 0 ? [] : [...parts.slice(0, most - 1), parts.slice(most - 1).join(separator)]
}

function join(list: readonly unknown[], separator: string): string {
  let length = 0
  for (const item of list) {
    if (typeof item !== 'string') throw new EvaluationError('join() takes a list of texts; map(x, string(x)) makes them')
    length += item.length + separator.length
  }
  if (length > lengthMax + separator.length) throw new EvaluationError(`a text has more than ${lengthMax} characters`)
  return list.join(separator)
}

/** A pattern costs more than a look at the text. */
function search(text: string, pattern: string): boolean {
  spend(text.length >> 3)
  return regex(pattern).matcher(text).find()
}

/** Most patterns that are remembered; more come only from patterns that records bring. */
const patternsMax = 200
const patterns = new Map<string, RE2JS>()

/** RE2: time grows with the text only, whatever the pattern. Throws an Error that says what is wrong with it. */
function regex(pattern: string): RE2JS {
  let compiled = patterns.get(pattern)
  if (compiled === undefined) {
    if (pattern.length > 1_000) throw new EvaluationError('a pattern has more than 1,000 characters')
    try {
      compiled = RE2JS.compile(pattern)
    } catch (error) {
      throw new EvaluationError(
        `the pattern ${JSON.stringify(pattern)} is wrong: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
    if (patterns.size >= patternsMax) patterns.clear()
    patterns.set(pattern, compiled)
  }
  return compiled
}

function checkPattern(_text: undefined, pattern: string | undefined): void {
  if (pattern !== undefined) regex(pattern)
}

function extract(text: string, pattern: string, group: bigint): string {
  const compiled = regex(pattern)
  if (group < 0n || group > BigInt(compiled.groupCount()))
    throw new EvaluationError(`the pattern ${JSON.stringify(pattern)} has no group ${group}`)
  spend(text.length >> 3)
  const matcher = compiled.matcher(text)
  return matcher.find() ? (matcher.group(Number(group)) ?? '') : ''
}

const digest = (algorithm: string, value: string | Uint8Array) => createHash(algorithm).update(value).digest('hex')
const one = ['string'] as const
const two = ['string', 'string'] as const

export const texts: FunctionTable = {
  lower: [{ parameters: one, result: types.string, call: (text: string) => text.toLowerCase() }],
  upper: [{ parameters: one, result: types.string, call: (text: string) => bounded(text.toUpperCase()) }],
  lowerAscii: [{ parameters: one, result: types.string, call: (text: string) => text.replace(/[A-Z]+/g, (run) => run.toLowerCase()) }],
  upperAscii: [{ parameters: one, result: types.string, call: (text: string) => text.replace(/[a-z]+/g, (run) => run.toUpperCase()) }],
  trim: [{ parameters: one, result: types.string, call: (text: string) => text.trim() }],
  contains: [{ parameters: two, result: types.bool, call: (text: string, search: string) => text.includes(search) }],
  startsWith: [{ parameters: two, result: types.bool, call: (text: string, start: string) => text.startsWith(start) }],
  endsWith: [{ parameters: two, result: types.bool, call: (text: string, end: string) => text.endsWith(end) }],
  indexOf: [{ parameters: two, result: types.int, call: (text: string, search: string) => indexIn(text, text.indexOf(search)) }],
  lastIndexOf: [{ parameters: two, result: types.int, call: (text: string, search: string) => indexIn(text, text.lastIndexOf(search)) }],
  substring: [
    {
      parameters: ['string', 'int'],
      result: types.string,
      call: (text: string, start: bigint) => part(text, Number(start), lengthOf(text)),
    },
    {
      parameters: ['string', 'int', 'int'],
      result: types.string,
      call: (text: string, start: bigint, end: bigint) => part(text, Number(start), Number(end)),
    },
  ],
  replace: [
    {
      parameters: ['string', 'string', 'string'],
      result: types.string,
      call: (text: string, a: string, b: string) => replaced(text, a, b, -1),
    },
    {
      parameters: ['string', 'string', 'string', 'int'],
      result: types.string,
      call: (text: string, a: string, b: string, most: bigint) => replaced(text, a, b, Number(most)),
    },
  ],
  split: [
    { parameters: two, result: strings, call: (text: string, separator: string) => split(text, separator, -1) },
    {
      parameters: ['string', 'string', 'int'],
      result: strings,
      call: (text: string, by: string, most: bigint) => split(text, by, Number(most)),
    },
  ],
  join: [
    { parameters: ['list'], result: types.string, call: (list: readonly unknown[]) => join(list, '') },
    { parameters: ['list', 'string'], result: types.string, call: join },
  ],
  matches: [
    {
      parameters: two,
      result: types.bool,
      call: (text: string, pattern: string) => search(text, pattern),
      check: checkPattern,
    },
  ],
  extract: [
    { parameters: two, result: types.string, call: (text: string, pattern: string) => extract(text, pattern, 0n), check: checkPattern },
    { parameters: ['string', 'string', 'int'], result: types.string, call: extract, check: checkPattern },
  ],
  size: [
    { parameters: one, result: types.int, call: (text: string) => BigInt(lengthOf(text)) },
    { parameters: ['bytes'], result: types.int, call: (bytes: Uint8Array) => BigInt(bytes.length) },
    { parameters: ['list'], result: types.int, call: (list: readonly unknown[]) => BigInt(list.length) },
    { parameters: ['map'], result: types.int, call: (map: object) => BigInt(map instanceof Map ? map.size : Object.keys(map).length) },
  ],
  sha256: [
    { parameters: one, result: types.string, call: (text: string) => digest('sha256', text) },
    { parameters: ['bytes'], result: types.string, call: (bytes: Uint8Array) => digest('sha256', bytes) },
  ],
  hex: [{ parameters: ['bytes'], result: types.string, call: (bytes: Uint8Array) => Buffer.from(bytes).toString('hex') }],
  base64: [{ parameters: ['bytes'], result: types.string, call: (bytes: Uint8Array) => Buffer.from(bytes).toString('base64') }],
}
