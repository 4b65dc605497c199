import {
  ConfigError,
  DataError,
  record,
  type ConnectRecord,
  type Offsets,
  type SinkTask,
  type TaskContext,
  type WholeRecords,
} from '../../../core/index.ts'
import { codeOf } from '../client/kafka-error.ts'
import type { KafkaClient, ProducerIdentity } from '../client/port.ts'
import { decodeBatches } from '../records/decode.ts'
import { recordBytesMax } from '../records/encode.ts'
import type { KafkaSinkConfig } from './config.ts'
import type { Lane, RecordSet } from './lane.ts'
import { ExactlyOnce } from './exactly-once.ts'
import { Partitioning } from './partitioning.ts'
import { isIdempotent, partitioningWay, producerSettings } from './producer-keys.ts'
import { patiently } from './patience.ts'
import { Producer } from './producer.ts'
import { prepare, serialize, topicNameFault, type Refused, type Serialized } from './serialize.ts'
import { topicGroups } from './topic-creation.ts'
import { TextRoom } from './text-room.ts'
import { Topics } from './topics.ts'
import { passing, recordsOf } from './whole.ts'

/** How long the end of a task waits for answers that are under way; milliseconds. */
const closeMs = 2000
/** CLUSTER_AUTHORIZATION_FAILED. */
const clusterDenied = 31

/**
 * Writes records to Kafka topics. `put` serializes and sends at once; `flush` waits until brokers have everything. With exactly-once
 * support, what lies between two flushes is one transaction, and the positions are in it (`ExactlyOnce`).
 */
export class KafkaSinkTask implements SinkTask {
  readonly #config: KafkaSinkConfig
  readonly #context: TaskContext
  readonly #connect: () => Promise<KafkaClient>
  readonly #partitioning: Partitioning
  readonly #once: ExactlyOnce | undefined
  readonly committed?: () => Promise<Offsets | undefined>
  #client: KafkaClient | undefined
  readonly #room = new TextRoom()
  #disposed = false
  #topics: Topics | undefined
  #producer: Producer | undefined

  /** `connect`: opens the client, once. */
  constructor(config: KafkaSinkConfig, context: TaskContext, connect: () => Promise<KafkaClient>) {
    this.#config = config
    this.#context = context
    this.#connect = connect
    this.#partitioning = new Partitioning({
      way: partitioningWay(config['partitioner.class']) ?? 'default',
      ignoreKeys: config['partitioner.ignore.keys'],
      stickyBytes: Math.max(1, config['batch.size']),
    })
    if (config['exactly.once.support'].toLowerCase() === 'required') {
      const once = new ExactlyOnce(config, context)
      this.#once = once
      this.committed = () => once.committed()
    }
  }

  /** Batches of other topics go on as they are where no converter, partitioner or other compression looks at them. */
  get formats(): readonly string[] {
    const { key, value } = this.#context.converters
    const untouched =
      key.writes === 'bytes' && value.writes === 'bytes' && (this.#config['compression.type'] ?? 'producer').toLowerCase() === 'producer'
    return untouched && partitioningWay(this.#config['partitioner.class']) === 'default' ? ['kafka-v2'] : []
  }

  async open(): Promise<void> {
    const config = this.#config
    const given = JSON.parse(config['topic.creation'] ?? '{}') as Readonly<Record<string, string>>
    const { groups, issues } = topicGroups(given)
    if (issues.length > 0) throw new ConfigError(issues)
    const client = (this.#client ??= await this.#opened())
    this.#topics = new Topics(client, { create: config['topic.creation.enable'], groups }, this.#context.log)
    const admission = await this.#once?.open(client, this.#topics)
    const identity = this.#once ? this.#once.identity : await this.#identify(client)
    this.#producer = new Producer({
      client,
      topics: this.#topics,
      settings: producerSettings(config),
      identity,
      transactionalId: this.#once?.id ?? null,
      ...(admission ? { admission } : {}),
      refuse: (set, lane, error) => this.#refuse(set, lane, error),
      alive: () => this.#context.report({}),
      log: this.#context.log,
    })
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    const producer = this.#producer!
    const topics = this.#topics!
    await producer.room(kill)
    const { named, refused: unnamed } = this.#named(records)
    await topics.need([...new Set(named.map(({ topic }) => topic))], kill)
    await prepare(named, this.#context.converters)
    this.#room.clear()
    const { done, refused } = serialize(named, this.#context.converters, this.#room)
    const { lanes, sizes, refused: unfit } = this.#route(done)
    // All that may still fail comes before the first record is taken.
    for (const { record: one, error, stage } of [...unnamed, ...refused, ...unfit]) await this.#context.reject(one, error, stage)
    const now = Date.now()
    const nowMs = performance.now()
    for (let n = 0; n < done.length; n++) {
      const lane = lanes[n]!
      if (lane !== null) producer.append(lane, done[n]!, sizes[n]!, done[n]!.record.timestamp ?? now, nowMs)
    }
    producer.send()
  }

  async forward({ chunks }: WholeRecords, kill: AbortSignal): Promise<void> {
    const producer = this.#producer!
    const topics = this.#topics!
    await producer.room(kill)
    await topics.need([...new Set(chunks.map(({ topic }) => topic))], kill)
    const bytesMax = this.#config['max.request.size']
    const work = chunks.map((chunk) => ({
      chunk,
      parts: passing(chunk, ({ bytes }) => chunk.partition < topics.partitions(chunk.topic) && bytes.length <= bytesMax),
    }))
    const nowMs = performance.now()
    for (const { chunk, parts } of work) {
      for (const part of parts) {
        if ('batch' in part) {
          producer.appendWhole(producer.lane(chunk.topic, chunk.partition), part.batch.bytes, part.batch.count, nowMs)
          continue
        }
        for (const one of part.records) {
          const size = recordBytesMax(one.key, one.value, one.headers)
          const partition = this.#partitioning.choose(one.record, one.key, topics.partitions(chunk.topic), size)
          producer.append(producer.lane(chunk.topic, partition), one, size, one.timestamp ?? -1, nowMs)
        }
      }
    }
    producer.send()
  }

  async flush(offsets: Offsets, kill: AbortSignal): Promise<void> {
    if (this.#once) return this.#once.flush(this.#producer!, offsets, kill)
    await this.#producer!.settled(kill)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    const client = this.#client
    if (client === undefined) return
    this.#client = undefined
    try {
      await this.#producer?.close(closeMs)
      await this.#once?.close()
    } finally {
      await client[Symbol.asyncDispose]()
    }
  }

  async #opened(): Promise<KafkaClient> {
    const client = await this.#connect()
    if (!this.#disposed) return client
    await client[Symbol.asyncDispose]()
    throw new Error('The Kafka sink was closed while it opened')
  }

  /** null: without idempotence. A broker that just started gives no ids for a moment. */
  async #identify(client: KafkaClient): Promise<ProducerIdentity | null> {
    if (!isIdempotent(this.#config)) return null
    const ask = () => client.transactions.identify(null, 0)
    try {
      return await patiently(ask, this.#config['delivery.timeout.ms'], () => this.#disposed)
    } catch (error) {
      throw codeOf(error) === clusterDenied ? mayNotWrite(error as Error) : error
    }
  }

  /** The records whose topic Kafka can have. */
  #named(records: readonly ConnectRecord[]): { readonly named: readonly ConnectRecord[]; readonly refused: readonly Refused[] } {
    const faults = new Map<string, string | undefined>()
    for (const { topic } of records) if (!faults.has(topic)) faults.set(topic, this.#once?.topicFault(topic) ?? topicNameFault(topic))
    if ([...faults.values()].every((fault) => fault === undefined)) return { named: records, refused: [] }
    return {
      named: records.filter(({ topic }) => faults.get(topic) === undefined),
      refused: records.flatMap((one) => {
        const fault = faults.get(one.topic)
        return fault === undefined ? [] : [{ record: one, error: new DataError(fault), stage: undefined }]
      }),
    }
  }

  /** Gives each record its partition; those that fit no request or partition get none and are told apart. */
  #route(done: readonly Serialized[]): {
    readonly lanes: readonly (Lane | null)[]
    readonly sizes: readonly number[]
    readonly refused: readonly Refused[]
  } {
    const producer = this.#producer!
    const bytesMax = this.#config['max.request.size']
    const lanes: (Lane | null)[] = []
    const sizes: number[] = []
    const refused: Refused[] = []
    let topic: string | undefined
    let count = 0
    for (const one of done) {
      if (one.record.topic !== topic) {
        topic = one.record.topic
        count = this.#topics!.partitions(topic)
      }
      const size = recordBytesMax(one.key, one.value, one.headers)
      sizes.push(size)
      try {
        if (size > bytesMax) throw new DataError(tooLarge(one, size, bytesMax))
        lanes.push(producer.lane(topic, this.#partitioning.choose(one.record, one.key, count, size)))
      } catch (error) {
        lanes.push(null)
        refused.push({ record: one.record, error: error as Error, stage: undefined })
      }
    }
    return { lanes, sizes, refused }
  }

  /** The broker refuses a set of one record. */
  async #refuse(set: RecordSet, lane: Lane, error: Error): Promise<void> {
    if (this.#once?.topicFault(lane.topic) !== undefined)
      throw new Error(`The positions cannot be written: ${error.message}`, { cause: error })
    const refused = set.records?.[0] ?? readBack(set, lane)
    await this.#context.reject(refused, error)
  }
}

function mayNotWrite(cause: Error): ConfigError {
  const message =
    'Kafka lets this user write to no topic without duplicates: give it the ACL "Write" on the topics (before Kafka 2.8 also "IdempotentWrite" on Cluster), or set enable.idempotence=false'
  return new ConfigError([{ key: 'enable.idempotence', message }], { cause })
}

/** The record of a set that came whole. */
function readBack(set: RecordSet, { topic, partition }: Lane): ConnectRecord {
  const [batch] = decodeBatches(set.bytes, { checkCrc: false, limits: { batchMaxBytes: 1 << 30, ratioMax: 1 << 20 } })
  const [one] = recordsOf(batch!, topic, partition)
  return one?.record ?? record(topic, null, { partition })
}

function tooLarge({ record: one }: Serialized, size: number, bytesMax: number): string {
  return `A record for topic ${one.topic} has ${size} bytes, more than max.request.size=${bytesMax}; raise it (with the topic's max.message.bytes)`
}
