import { isUtf8 } from 'node:buffer'
import { DataError, type ConnectRecord, type Schema } from '../../core/index.ts'
import { memberAt } from './field-at.ts'

/** Longest id that Elasticsearch takes. Bytes of UTF-8. */
const idBytesMax = 512

/** The id made from the record's key: its text; a key of several fields as a JSON array of them. Throws a DataError. */
export function idFromKey({ topic, key, keySchema }: ConnectRecord): string {
  if (key === null) {
    throw new DataError(
      `A record of topic ${topic} has no key, which is the id of its document; set key.ignore=true for ids of topic+partition+offset, or document.id.fields`,
    )
  }
  const names = fieldNames(key, keySchema)
  if (names === undefined) return checkedId(scalarText(key, topic, 'The key'))
  return idFromMembers(
    names.map((name) => (key as Record<string, unknown>)[name]),
    names.map((name) => `Field "${name}" of the key`),
    topic,
  )
}

/** The id made from fields of the value, in the same way. */
export function idFromFields(record: ConnectRecord, paths: readonly string[]): string {
  return idFromMembers(
    paths.map((path) => memberAt(record.value, record.valueSchema, path).value),
    paths.map((path) => `Field "${path}" of the value (document.id.fields)`),
    record.topic,
  )
}

const prefixes = new Map<string, string>()
const prefixesMax = 10_000

/** `topic+partition+offset`, which no other record has; where a source counts within positions, the number follows. Transforms change nothing of it. */
export function idFromPlace({ topic, origin }: ConnectRecord): string {
  if (origin === null) {
    throw new DataError(
      `A record of topic ${topic} comes from no place with an offset, so topic+partition+offset is no id for it; set key.ignore=false or document.id.fields`,
    )
  }
  const place = origin.seq > 0 ? `${origin.position}+${origin.seq}` : String(origin.position)
  return checkedId(`${placePrefix(topic, origin.partition)}+${place}`)
}

/** Kafka's topic and partition, or the record's topic and what its source calls a partition. */
function placePrefix(topic: string, partition: string): string {
  const key = `${topic}\n${partition}`
  let prefix = prefixes.get(key)
  if (prefix === undefined) {
    const parts = JSON.parse(partition) as Readonly<Record<string, unknown>>
    prefix =
      typeof parts['kafka_topic'] === 'string' ? `${parts['kafka_topic']}+${String(parts['kafka_partition'])}` : `${topic}+${partition}`
    if (prefixes.size >= prefixesMax) prefixes.clear()
    prefixes.set(key, prefix)
  }
  return prefix
}

function fieldNames(key: unknown, schema: Schema | null): readonly string[] | undefined {
  if (schema?.type === 'struct') return schema.fields.map((field) => field.name)
  if (schema !== null || typeof key !== 'object' || key === null || key instanceof Uint8Array || Array.isArray(key)) return undefined
  return Object.keys(key)
}

function idFromMembers(values: readonly unknown[], places: readonly string[], topic: string): string {
  const texts = values.map((value, index) => scalarText(value, topic, places[index]!))
  if (texts.length === 1) return checkedId(texts[0]!)
  return checkedId(`[${values.map((value, index) => (typeof value === 'string' ? JSON.stringify(value) : texts[index])).join(',')}]`)
}

function scalarText(value: unknown, topic: string, place: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Uint8Array) {
    if (isUtf8(value)) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8')
    throw new DataError(
      `${place} of a record of topic ${topic} is bytes that are no text, which make no id; give key.converter what its format is`,
    )
  }
  const is = value === null || value === undefined ? 'null' : 'an object or list'
  throw new DataError(`${place} of a record of topic ${topic} is ${is}, which makes no id; text and numbers do`)
}

function checkedId(id: string): string {
  if (id === '') throw new DataError('The id of a document is empty')
  if (id.length > idBytesMax / 3 && Buffer.byteLength(id) > idBytesMax) {
    throw new DataError(`The id "${id.slice(0, 60)}..." has ${Buffer.byteLength(id)} bytes; Elasticsearch takes ${idBytesMax}`)
  }
  return id
}

/** The version that a header gives: a number from 0. Throws a DataError. */
export function headerVersion(record: ConnectRecord, name: string): string {
  const found = record.headers.findLast((header) => header.key === name)
  const value: unknown = found?.value instanceof Uint8Array ? Buffer.from(found.value).toString('utf8') : found?.value
  const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value).trim() : ''
  if (!/^\d{1,19}$/.test(text) || BigInt(text) > 9_223_372_036_854_775_807n) {
    const is = found === undefined ? 'is missing' : `is ${JSON.stringify(text)}, no number from 0 to 9223372036854775807`
    throw new DataError(`Header "${name}" (external.version.header) of a record of topic ${record.topic} ${is}`)
  }
  return text
}
