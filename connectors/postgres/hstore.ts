import { DataError, logical, mapOf, primitive } from '../../core/index.ts'
import type { ValueSettings } from './settings.ts'
import type { ColumnCodec } from './tuple.ts'
import type { ColumnType } from './types.ts'

/** hstore as compact JSON text or as a map, in the server's order of keys. */
export function hstoreType(mode: ValueSettings['hstore'], placeholder: string): ColumnType {
  if (mode === 'map') {
    const schema = mapOf(primitive('string'), primitive('string', { optional: true }))
    return { schema, codec: (...range) => new Map(pairs(...range)), placeholder: new Map([[placeholder, placeholder]]) }
  }
  const codec: ColumnCodec = (buffer, start, end) => jsonText(pairs(buffer, start, end))
  return { schema: primitive('string', { name: logical.json, version: 1 }), codec, placeholder: jsonText([[placeholder, placeholder]]) }
}

type Pair = readonly [key: string, value: string | null]

function jsonText(entries: readonly Pair[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`
}

/** `"a"=>"1", "b"=>NULL`; quotes and backslashes inside are escaped by a backslash. */
function pairs(buffer: Buffer, start: number, end: number): readonly Pair[] {
  const text = buffer.utf8Slice(start, end)
  const found: Pair[] = []
  let at = 0
  const quoted = (): string => {
    const word = /"((?:[^"\\]|\\.)*)"/sy
    word.lastIndex = at
    const match = word.exec(text)
    if (!match) throw new DataError(`hstore value is malformed at character ${at}`)
    at = word.lastIndex
    return match[1]!.replace(/\\(.)/gs, '$1')
  }
  const literal = (word: string): boolean => {
    if (!text.startsWith(word, at)) return false
    at += word.length
    return true
  }
  while (at < text.length) {
    const key = quoted()
    if (!literal('=>')) throw new DataError(`hstore value is malformed at character ${at}`)
    found.push([key, literal('NULL') ? null : quoted()])
    if (!literal(', ') && at < text.length) throw new DataError(`hstore value is malformed at character ${at}`)
  }
  return found
}
