import {
  ConfigError,
  DataError,
  decoders,
  RetriableError,
  type ConnectRecord,
  type Offsets,
  type SourceTask,
  type TransformContext,
} from '../../core/index.ts'
import { memberOf } from '../field-path.ts'
import { isPlainObject } from '../fields.ts'
import { HeldRows } from './held-rows.ts'
import { jsonRows, type JsonRows } from './json-rows.ts'
import type { Found, Lookup, RowShape } from './lookup.ts'
import { needed, neededKeyColumns, type LookupSettings } from './lookup-settings.ts'
import { joinedKey, jsonKeyText } from './record-key.ts'

/** Longest wait of one poll while the topic is first read. Milliseconds. */
const pollMs = 1_000
/** Longest time that a batch waits for what is new in the topic, should it come without end. Milliseconds. */
const followMs = 1_000

/** Looks keys up in a compacted topic that is held in memory. Throws a ConfigError; nothing is read yet. */
export function kafkaLookup(settings: LookupSettings): Lookup {
  needed(settings, 'kafka.topic')
  if (settings.config.key.length > 1) {
    neededKeyColumns(settings)
    if (settings.config['kafka.key.format'].toLowerCase() !== 'json') {
      const message = 'Configuration kafka.key.format: a key of several fields is told by JSON keys only; set json'
      throw new ConfigError([{ key: 'kafka.key.format', value: settings.config['kafka.key.format'], message }])
    }
  }
  return new KafkaLookup(settings)
}

class KafkaLookup implements Lookup {
  readonly #settings: LookupSettings
  readonly #json: JsonRows
  #held: HeldRows | undefined
  #follower: SourceTask | undefined
  #toldKeyless = false

  constructor(settings: LookupSettings) {
    this.#settings = settings
    this.#json = jsonRows(settings.choices, settings.types)
  }

  get shape(): RowShape {
    return this.#json.shape
  }

  get held(): ReadonlyMap<string, Found> {
    if (this.#held === undefined) throw new Error('the topic was not read yet')
    return this.#held.rows
  }

  async refresh(): Promise<void> {
    if (this.#follower === undefined) await this.#load()
    else await this.#follow(this.#follower)
  }

  fetch(): Promise<readonly Found[]> {
    throw new Error('a topic is held, not asked')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const follower = this.#follower
    this.#follower = undefined
    await follower?.[Symbol.asyncDispose]()
  }

  /** Reads the topic to its end, then opens what follows it from there. */
  async #load(): Promise<void> {
    const { config } = this.#settings
    const topic = config['kafka.topic']!
    this.#held = new HeldRows(config['cache.bytes'], `the topic ${topic}`)
    const ends = new Map<string, number>()
    {
      await using source = await this.#open({ start: 'earliest', end: 'latest' })
      let progressAt = performance.now()
      for (;;) {
        const { records, offsets, end } = await source.poll(AbortSignal.timeout(pollMs))
        this.#take(records)
        for (const [partition, offset] of positions(offsets)) ends.set(partition, offset)
        if (end) break
        if (records.length > 0) progressAt = performance.now()
        else if (performance.now() - progressAt > config['kafka.load.timeout.ms']) {
          throw new RetriableError(
            `Enrich: nothing came of topic ${topic} for ${config['kafka.load.timeout.ms']} ms, before its end was reached`,
          )
        }
      }
    }
    const start = JSON.stringify({ [topic]: Object.fromEntries(ends) })
    this.#follower = await this.#open(ends.size === 0 ? { start: 'earliest' } : { start })
    this.#context().log.info({ topic, keys: this.#held.rows.size }, `Topic ${topic} is read for look-ups: ${this.#held.rows.size} keys`)
  }

  /** Takes what was fetched meanwhile, without waiting for more. */
  async #follow(follower: SourceTask): Promise<void> {
    const until = performance.now() + followMs
    const now = AbortSignal.abort()
    try {
      for (;;) {
        const { records } = await follower.poll(now)
        this.#take(records)
        if (records.length === 0 || performance.now() > until) return
      }
    } catch (error) {
      // What follows is read anew from the start, where waiting does not help.
      if (!(error instanceof RetriableError)) await this[Symbol.asyncDispose]()
      throw error
    }
  }

  #take(records: readonly ConnectRecord[]): void {
    for (const record of records) {
      if (record.key === null) {
        if (!this.#toldKeyless)
          this.#context().log.warn({ topic: record.topic }, `Topic ${record.topic} has records without a key, which nothing can find`)
        this.#toldKeyless = true
        continue
      }
      const key = this.#keyOf(record)
      if (record.value === null) this.#held!.delete(key)
      else {
        const { found, content } = this.#rowOf(record.value as Uint8Array)
        this.#held!.put(key, found, content)
      }
    }
  }

  #keyOf({ key, topic, origin }: ConnectRecord): string {
    const { config, keyColumns } = this.#settings
    const place = `the key of the record at offset ${origin?.position ?? '?'} of topic ${topic}`
    const bytes = key as Uint8Array
    if (config['kafka.key.format'].toLowerCase() === 'string')
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
    try {
      const parsed = this.#payload(this.#json.parse(decoders().utf8Text(bytes)))
      const parts = isPlainObject(parsed) ? keyColumns.map((name) => jsonKeyText(memberOf(parsed, name))) : [jsonKeyText(parsed)]
      if (parts.length === 0 || parts.includes(undefined))
        throw new DataError(`it does not hold ${keyColumns.join(', ') || 'a single value'}`)
      return joinedKey(parts as string[])
    } catch (cause) {
      const message = `Enrich: ${place} cannot be read as kafka.key.format=json: ${(cause as Error).message}`
      throw new ConfigError([{ key: 'kafka.key.format', value: 'json', message }], { cause })
    }
  }

  /** A value that cannot be read concerns only the records that look it up. */
  #rowOf(bytes: Uint8Array): { readonly found: Found; readonly content: unknown } {
    try {
      const content = this.#payload(this.#json.parse(decoders().utf8Text(bytes)))
      return { found: this.#json.row(content), content }
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      return {
        found: { refused: `has a value in topic ${this.#settings.config['kafka.topic']} that cannot be read: ${error.message}` },
        content: null,
      }
    }
  }

  #payload(parsed: unknown): unknown {
    if (!this.#settings.config['kafka.schemas.enable']) return parsed
    const payload = memberOf(parsed, 'payload')
    if (payload === undefined || memberOf(parsed, 'schema') === undefined)
      throw new DataError('it has no "schema" and "payload" (kafka.schemas.enable)')
    return payload
  }

  #open(place: Readonly<Record<string, string>>): Promise<SourceTask> {
    const { config } = this.#settings
    const { connector, openSource } = this.#context()
    const given = (key: string, value: string | undefined) => (value === undefined || value === '' ? [] : [[key, value] as const])
    return openSource('kafka', {
      ...Object.fromEntries([
        ...given('bootstrap.servers', config['kafka.bootstrap.servers'].join(',')),
        ...given('security.protocol', config['kafka.security.protocol']),
        ...given('sasl.mechanism', config['kafka.sasl.mechanism']),
        ...given('sasl.jaas.config', config['kafka.sasl.jaas.config']),
        ...given('ssl.truststore.type', config['kafka.ssl.truststore.type']),
        ...given('ssl.truststore.location', config['kafka.ssl.truststore.location']),
      ]),
      topics: config['kafka.topic']!,
      // Nothing is ever committed to it: every task reads all partitions, from the start.
      'group.id': `millrace-enrich-${connector}`,
      assignment: 'static',
      'auto.offset.reset': 'earliest',
      'isolation.level': config['kafka.isolation.level'].toLowerCase(),
      'max.poll.records': '10000',
      ...place,
    })
  }

  #context(): TransformContext {
    const { context } = this.#settings
    if (context === undefined) throw new Error('a transform that is only checked opens nothing')
    return context
  }
}

function positions(offsets: Offsets): readonly (readonly [partition: string, offset: number])[] {
  return Object.entries(offsets).map(([key, position]) => {
    const { kafka_partition: partition } = JSON.parse(key) as { kafka_partition: number }
    return [String(partition), (position as { kafka_offset: number }).kafka_offset]
  })
}
