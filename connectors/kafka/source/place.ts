/** Where a person wants the reading to begin or to end. */
export type Place =
  | { readonly kind: 'earliest' | 'latest' | 'none' }
  | { readonly kind: 'timestamp'; readonly ms: number }
  | { readonly kind: 'offsets'; readonly offsets: PlaceOffsets }

/** Topic -> partition -> offset. */
export type PlaceOffsets = ReadonlyMap<string, ReadonlyMap<number, number>>

/**
 * Reads `start` and `end`: `earliest`, `latest`, a time (ISO 8601 with a zone, or milliseconds since the epoch), or offsets in JSON:
 * `{"topic": {"0": 123}}`. Throws an Error that says what is wrong.
 */
export function parsePlace(given: string): Place {
  const text = given.trim()
  if (text === 'earliest' || text === 'latest') return { kind: text }
  if (text.startsWith('{')) return { kind: 'offsets', offsets: parseOffsets(text) }
  const digits = /^(?:timestamp:)?(\d{1,15})$/.exec(text)
  if (digits) return { kind: 'timestamp', ms: Number(digits[1]) }
  const iso = text.replace(/^timestamp:/, '')
  if (/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/.test(iso) && !Number.isNaN(Date.parse(iso))) {
    return { kind: 'timestamp', ms: Date.parse(iso) }
  }
  throw new Error(
    'it is neither earliest nor latest, nor a time (2026-01-31T12:00:00Z, or milliseconds), nor offsets in JSON ({"topic": {"0": 123}})',
  )
}

/** For `check` in a config definition. */
export function placeFault(given: string): string | undefined {
  try {
    parsePlace(given)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function parseOffsets(text: string): PlaceOffsets {
  const topics = parseObject(text)
  return new Map(
    Object.entries(topics).map(([topic, partitions]) => {
      if (!isObject(partitions)) throw new Error(`topic "${topic}" must have an object of partitions: {"0": 123}`)
      return [topic, new Map(Object.entries(partitions).map(([partition, offset]) => offsetEntry(topic, partition, offset)))]
    }),
  )
}

function offsetEntry(topic: string, partition: string, offset: unknown): [number, number] {
  if (!/^\d{1,9}$/.test(partition)) throw new Error(`topic "${topic}": "${partition}" is no partition number`)
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) {
    throw new Error(`topic "${topic}", partition ${partition}: an offset is a non-negative integer, not ${JSON.stringify(offset)}`)
  }
  return [Number(partition), offset as number]
}

function parseObject(text: string): object {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new Error(`it is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (!isObject(parsed)) throw new Error('it must be an object {"topic": {"0": 123}}')
  return parsed
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
