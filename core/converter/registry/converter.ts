import type { Converter, SchemaAndValue } from '../../contract/converter.ts'
import { DataError } from '../../contract/errors.ts'
import type { Schema } from '../../contract/schema.ts'
import { RegistryClient } from './client.ts'
import type { Format, MessageReader, MessageWriter } from './format.ts'
import type { RegistrySettings } from './settings.ts'
import { subjectOf, subjectStrategy, type SubjectStrategy } from './subject.ts'
import { RegistryTransport } from './transport.ts'

/** How long the registry's "no" holds before it is asked again: short, for a person may just be correcting it. Milliseconds. */
const refusalMs = 10_000
/** Questions that are asked of the registry at the same time. */
const questionsMax = 8
/** Bytes before the value: the magic byte 0 and the schema's id, big-endian. */
const headBytes = 5

interface Refusal {
  readonly refused: DataError
  readonly until: number
}
type Reading = { readonly read: MessageReader } | Refusal
type Writing = { readonly writer: MessageWriter; readonly head: Uint8Array } | Refusal

/**
 * Messages in Confluent's wire format: magic byte, id of the schema in the registry, value. The registry is asked in `prepare` alone; what
 * it refuses fails the records concerned, and no others. The format's code is loaded with the first batch.
 */
export class RegistryConverter implements Converter {
  readonly #settings: RegistrySettings
  readonly #use: 'key' | 'value'
  readonly #strategy: SubjectStrategy
  readonly #load: () => Promise<Format>
  readonly #client: RegistryClient
  readonly #readings = new Map<string, Map<number, Reading>>()
  readonly #writings = new Map<string, WeakMap<Schema, Writing>>()
  readonly #heads = new Map<string, Uint8Array>()
  #format: Format | undefined

  /** Throws a ConfigError where credentials or certificates are missing or cannot be read. */
  constructor(settings: RegistrySettings, use: 'key' | 'value' | 'header', load: () => Promise<Format>) {
    this.#settings = settings
    this.#use = use === 'key' ? 'key' : 'value'
    this.#strategy = subjectStrategy(settings[`${this.#use}.subject.name.strategy`])!
    this.#load = load
    this.#client = new RegistryClient(new RegistryTransport(settings), settings['schemas.cache.config'])
  }

  async prepare(topic: string, batch: readonly (Uint8Array | null | SchemaAndValue)[]): Promise<void> {
    const format = (this.#format ??= await this.#load())
    const readings = boundedEntry(this.#readings, topic, () => new Map<number, Reading>())
    const writings = boundedEntry(this.#writings, topic, () => new WeakMap<Schema, Writing>())
    // Never between `prepare` and `deserialize`: a batch may hold any number of ids.
    if (readings.size > entriesMax) readings.clear()
    const now = Date.now()
    const ids = new Set<number>()
    const schemas = new Set<Schema>()
    for (const one of batch) {
      if (one === null) continue
      if (one instanceof Uint8Array) {
        const id = idOf(one)
        if (id !== undefined && !ids.has(id) && isDue(readings.get(id), now)) ids.add(id)
      } else if (one.schema !== null && one.value !== null && !schemas.has(one.schema) && isDue(writings.get(one.schema), now)) {
        schemas.add(one.schema)
      }
    }
    if (ids.size > 0) await inTurns([...ids], async (id) => readings.set(id, await this.#learnId(format, topic, id)))
    if (schemas.size > 0)
      await inTurns([...schemas], async (schema) => writings.set(schema, await this.#learnSchema(format, topic, schema)))
  }

  serialize(topic: string, { schema, value }: SchemaAndValue): Uint8Array | null {
    if (value === null || value === undefined) {
      if (schema === null || schema.optional) return null
      throw new DataError(`The ${this.#use} is null, but its schema says that it is required`)
    }
    if (schema === null) {
      throw new DataError(
        `The ${this.#use} of a record for topic ${topic} has no schema, and none can be registered. Use JsonConverter or StringConverter for it (${this.#use}.converter).`,
      )
    }
    const writing = this.#writings.get(topic)?.get(schema)
    if (writing === undefined) throw new Error('serialize was called for a schema that prepare has not seen')
    if ('refused' in writing) throw writing.refused
    return writing.writer.write(writing.head, value)
  }

  deserialize(topic: string, bytes: Uint8Array | null): SchemaAndValue {
    if (bytes === null) return { schema: null, value: null }
    const id = idOf(bytes)
    if (id === undefined) throw notFramed(bytes, topic, this.#use)
    const reading = this.#readings.get(topic)?.get(id)
    if (reading === undefined) throw new Error(`deserialize was called for schema id ${id}, which prepare has not seen`)
    if ('refused' in reading) throw reading.refused
    return reading.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), headBytes)
  }

  async #learnId(format: Format, topic: string, id: number): Promise<Reading> {
    return refusable(async () => {
      const schema = await this.#client.byId(id)
      if (schema.kind !== format.kind) {
        throw new DataError(
          `Schema ${id} is of type ${schema.kind}, but ${this.#use}.converter reads ${format.kind}. Set the converter for ${schema.kind}.`,
        )
      }
      const subject = subjectOf(this.#strategy, topic, this.#use, format.recordName(schema))
      const place = (await this.#client.versions(id)).find((one) => one.subject === subject)
      return { read: format.reader(schema, place?.version ?? null) }
    })
  }

  async #learnSchema(format: Format, topic: string, schema: Schema): Promise<Writing> {
    return refusable(async () => {
      const own = format.writer(schema)
      const subject = subjectOf(this.#strategy, topic, this.#use, own.recordName)
      if (this.#usesLatest()) {
        const latest = await this.#client.latest(subject)
        if (latest.kind !== format.kind)
          throw new DataError(`The latest schema of subject ${subject} is of type ${latest.kind}, not ${format.kind}`)
        return { writer: format.writerAs(schema, latest, this.#settings['latest.compatibility.strict']), head: headOf(latest.id) }
      }
      // Sources that make a new object for the same schema cost no question each.
      const known = `${subject}\0${own.text}`
      let head = this.#heads.get(known)
      if (head === undefined) {
        head = headOf(await this.#register(format, subject, own.text))
        remember(this.#heads, known, head, entriesMax)
      }
      return { writer: own, head }
    })
  }

  #register(format: Format, subject: string, text: string): Promise<number> {
    const normalize = this.#settings['normalize.schemas']
    return this.#settings['auto.register.schemas']
      ? this.#client.register(subject, format.kind, text, [], normalize)
      : this.#client.lookUp(subject, format.kind, text, [], normalize)
  }

  #usesLatest(): boolean {
    return this.#settings['use.latest.version'] && !this.#settings['auto.register.schemas']
  }
}

// What concerns these records alone is kept for them; what concerns the whole batch is thrown.
async function refusable<T>(learn: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await learn()
  } catch (error) {
    if (error instanceof DataError) return { refused: error, until: Date.now() + refusalMs }
    throw error
  }
}

function isDue(known: Reading | Writing | undefined, now: number): boolean {
  return known === undefined || ('refused' in known && known.until <= now)
}

/** Ids of one topic, and schemas, that are kept. */
const entriesMax = 1_000
/** Topics that are kept; the oldest makes room. */
const topicsMax = 100_000

function remember<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  if (map.size >= most && !map.has(key)) map.delete(map.keys().next().value!)
  map.set(key, value)
}

function boundedEntry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    remember(map, key, value, topicsMax)
  }
  return value
}

async function inTurns<T>(items: readonly T[], ask: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0
  const work = async () => {
    while (next < items.length) await ask(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(questionsMax, items.length) }, work))
}

function idOf(bytes: Uint8Array): number | undefined {
  if (bytes.length < headBytes || bytes[0] !== 0) return undefined
  return ((bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!) >>> 0
}

function headOf(id: number): Uint8Array {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(id, 1)
  return head
}

function notFramed(bytes: Uint8Array, topic: string, use: string): DataError {
  const found = bytes.length < headBytes ? `only ${bytes.length} bytes` : `${bytes[0]} as first byte`
  return new DataError(
    `The ${use} of a record of topic ${topic} has ${found}, so it was not written with a schema registry (0, then the schema's id). ` +
      `Set ${use}.converter to what wrote it, such as JsonConverter.`,
  )
}
