import { isUtf8 } from 'node:buffer'
import { defineConfig, type ConfigOf } from '../contract/config-def.ts'
import { converter, type Converter, type SchemaAndValue } from '../contract/converter.ts'
import { ConfigError, DataError } from '../contract/errors.ts'
import type { Schema } from '../contract/schema.ts'
import { JsonReader, parseJson } from './json-parse.ts'
import { jsonShaper, type JsonShaper } from './json-read.ts'
import { schemaFromJson, schemaText } from './json-schema.ts'
import { jsonWriter, writePlain, type JsonWriter, type JsonWriteStyle } from './json-write.ts'

/** Largest JSON text that is read, in bytes. */
export const jsonBytesMax = 64 * 1024 * 1024

const config = defineConfig({
  'schemas.enable': {
    type: 'boolean',
    default: true,
    doc: 'Each text is an envelope {"schema": ..., "payload": ...}; false: it is the bare value.',
  },
  'decimal.format': {
    type: 'string',
    default: 'BASE64',
    oneOf: ['BASE64', 'NUMERIC'],
    doc: 'How decimals are written: base64 of their unscaled bytes, or numbers with all their digits. Both are read.',
  },
  'replace.null.with.default': {
    type: 'boolean',
    default: true,
    doc: 'A null in a field that has a default becomes the default, when written and when read.',
  },
  'schemas.cache.size': { type: 'int', default: 1000, min: 0, doc: 'Most different schemas of read texts that are kept.' },
  'schema.content': {
    type: 'string',
    doc: 'Schema, in JSON, of every text that is read, which then is the bare value (KIP-1054). Needs schemas.enable=true.',
  },
})

/**
 * `org.apache.kafka.connect.json.JsonConverter`: values as JSON text, 64-bit integers and decimals with all their digits. Reading is
 * strict: what does not fit the schema is a DataError, where Kafka Connect's converter would make a value up.
 */
export const json = converter({
  class: 'org.apache.kafka.connect.json.JsonConverter',
  aliases: ['JsonConverter', 'Json', 'json'],
  doc: 'Values as JSON text, with or without their schema.',
  config,
  create: (settings) => new JsonConverter(settings),
})

interface Prepared {
  readonly write: JsonWriter
  /** `{"schema":...,"payload":`, as text and as bytes. */
  readonly headText: string
  readonly head: Buffer
}

interface KnownSchema {
  readonly schema: Schema
  readonly shape: JsonShaper
}

/** One per task and use; caches what it learns of schemas, so it is no plain function. */
export class JsonConverter implements Converter {
  readonly writes = 'json'
  readonly #envelopes: boolean
  readonly #style: JsonWriteStyle
  readonly #prepared = new WeakMap<Schema, Prepared>()
  readonly #known: EnvelopeHeads
  readonly #fixed: KnownSchema | undefined

  constructor(settings: ConfigOf<typeof config>) {
    this.#envelopes = settings['schemas.enable']
    this.#style = {
      decimals: settings['decimal.format'].toUpperCase() === 'NUMERIC' ? 'NUMERIC' : 'BASE64',
      nullAsDefault: settings['replace.null.with.default'],
    }
    this.#known = new EnvelopeHeads(settings['schemas.cache.size'], this.#style.nullAsDefault)
    this.#fixed = fixedSchema(settings['schema.content'], this.#envelopes, this.#style.nullAsDefault)
  }

  text({ schema, value }: SchemaAndValue): string | null {
    if (schema === null && (value === null || value === undefined)) return null
    if (schema === null) return this.#envelopes ? `{"schema":null,"payload":${writePlain(value)}}` : writePlain(value)
    const { write, headText } = this.#prepare(schema)
    return this.#envelopes ? `${headText}${write(value)}}` : write(value)
  }

  serialize(_topic: string, { schema, value }: SchemaAndValue): Uint8Array | null {
    if (schema === null || !this.#envelopes) {
      const text = this.text({ schema, value })
      return text === null ? null : Buffer.from(text)
    }
    const { write, head } = this.#prepare(schema)
    const payload = write(value)
    const bytes = Buffer.allocUnsafe(head.length + Buffer.byteLength(payload) + 1)
    head.copy(bytes)
    bytes.write(payload, head.length, 'utf8')
    bytes[bytes.length - 1] = 0x7d
    return bytes
  }

  deserialize(topic: string, bytes: Uint8Array | null): SchemaAndValue {
    if (bytes === null) return { schema: null, value: null }
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (buffer.length === 0) throw new DataError('There are no bytes, which is not JSON; a tombstone is null, not empty')
    if (buffer.length > jsonBytesMax) throw new DataError(`JSON text of ${buffer.length} bytes is larger than ${jsonBytesMax}`)
    if (!isUtf8(buffer)) throw new DataError('The bytes are not UTF-8, so they are not JSON')
    if (!this.#envelopes) return { schema: null, value: parseJson(buffer.toString('utf8'), 'plain') }
    if (this.#fixed) return { schema: this.#fixed.schema, value: this.#fixed.shape(parseJson(buffer.toString('utf8'), 'typed')) }
    return this.#known.read(topic, buffer)
  }

  #prepare(schema: Schema): Prepared {
    let prepared = this.#prepared.get(schema)
    if (prepared === undefined) {
      const head = Buffer.from(`{"schema":${schemaText(schema, this.#style.decimals)},"payload":`)
      // Read back from the bytes, it is in one piece.
      prepared = { write: jsonWriter(schema, this.#style), headText: head.toString('utf8'), head }
      this.#prepared.set(schema, prepared)
    }
    return prepared
  }
}

/** Reads envelopes, and parses a schema only once as long as its text stays the same within a topic. */
class EnvelopeHeads {
  readonly #most: number
  readonly #nullAsDefault: boolean
  readonly #byText = new Map<string, KnownSchema>()
  readonly #byTopic = new Map<string, { readonly head: Buffer; readonly known: KnownSchema }>()

  constructor(most: number, nullAsDefault: boolean) {
    this.#most = most
    this.#nullAsDefault = nullAsDefault
  }

  read(topic: string, buffer: Buffer): SchemaAndValue {
    const last = this.#byTopic.get(topic)
    if (last !== undefined && last.head.compare(buffer, 0, Math.min(last.head.length, buffer.length)) === 0) {
      return shaped(last.known, buffer.toString('utf8', last.head.length))
    }
    const text = buffer.toString('utf8')
    if (text.startsWith(headStart)) {
      const reader = new JsonReader(text, 'typed', headStart.length)
      const parsed = reader.value()
      if (parsed !== null && text.startsWith(headEnd, reader.position)) {
        const known = this.#learn(parsed)
        const rest = reader.position + headEnd.length
        if (this.#most > 0) bound(this.#byTopic, this.#most).set(topic, { head: Buffer.from(text.slice(0, rest)), known })
        return shaped(known, text.slice(rest))
      }
    }
    return this.#readWhole(text)
  }

  // Members in another order, white space between them, or no schema.
  #readWhole(text: string): SchemaAndValue {
    const envelope = parseJson(text, 'typed')
    if (!isEnvelope(envelope)) {
      throw new DataError(
        'JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields. ' +
          'If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.',
      )
    }
    if (envelope.schema === null) return { schema: null, value: (parseJson(text, 'plain') as { readonly payload: unknown }).payload }
    const known = this.#learn(envelope.schema)
    return { schema: known.schema, value: known.shape(envelope.payload) }
  }

  #learn(parsed: unknown): KnownSchema {
    const text = JSON.stringify(parsed)
    let known = this.#byText.get(text)
    if (known === undefined) {
      const schema = schemaFromJson(parsed)!
      known = { schema, shape: jsonShaper(schema, this.#nullAsDefault) }
      if (this.#most > 0) bound(this.#byText, this.#most).set(text, known)
    }
    return known
  }
}

// Makes room for one more by forgetting the oldest.
function bound<T>(map: Map<string, T>, most: number): Map<string, T> {
  if (map.size >= most) map.delete(map.keys().next().value!)
  return map
}

const headStart = '{"schema":'
const headEnd = ',"payload":'

function shaped(known: KnownSchema, rest: string): SchemaAndValue {
  const reader = new JsonReader(rest, 'typed')
  const parsed = reader.value()
  reader.expect('}')
  reader.end()
  return { schema: known.schema, value: known.shape(parsed) }
}

function isEnvelope(parsed: unknown): parsed is { readonly schema: unknown; readonly payload: unknown } {
  if (typeof parsed !== 'object' || parsed === null) return false
  return Object.keys(parsed).length === 2 && Object.hasOwn(parsed, 'schema') && Object.hasOwn(parsed, 'payload')
}

function fixedSchema(content: string | undefined, envelopes: boolean, nullAsDefault: boolean): KnownSchema | undefined {
  if (content === undefined || content === '') return undefined
  const issue = (message: string, cause?: unknown) => new ConfigError([{ key: 'schema.content', value: content, message }], { cause })
  if (!envelopes) throw issue('schema.content needs schemas.enable=true, without which values have no schema')
  try {
    const schema = schemaFromJson(parseJson(content, 'typed'))
    if (schema === null) throw new DataError('it is null')
    return { schema, shape: jsonShaper(schema, nullAsDefault) }
  } catch (cause) {
    throw issue(`schema.content is not a schema in JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}
