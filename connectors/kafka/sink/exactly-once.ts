import type { Json, Offsets, TaskContext } from '../../../core/index.ts'
import type { KafkaClient, ProducerIdentity } from '../client/port.ts'
import type { KafkaSinkConfig } from './config.ts'
import { recordBytesMax } from '../records/encode.ts'
import { offsetRecords, offsetsTopic, readOffsets } from './offsets-topic.ts'
import { patiently } from './patience.ts'
import type { Admission } from './producer-parts.ts'
import type { Producer } from './producer.ts'
import type { Topics } from './topics.ts'
import { Transaction } from './transaction.ts'

const never = new AbortController().signal

/**
 * Records and positions in one transaction (KIP-618): a consumer that reads committed data sees each flush whole or not at all, and on
 * restart the positions say what it saw. The transactional id fences an older task of the same connector and number.
 */
export class ExactlyOnce {
  readonly id: string
  readonly #config: KafkaSinkConfig
  readonly #context: TaskContext
  readonly #topic: string
  #client: KafkaClient | undefined
  #topics: Topics | undefined
  #identity: ProducerIdentity | undefined
  #transaction: Transaction | undefined
  #closing = false
  /** The topic of the positions was not there before. */
  #fresh = false
  /** The positions that the topic has, as text: only what changed is written. */
  #written = new Map<string, string>()

  constructor(config: KafkaSinkConfig, context: TaskContext) {
    this.#config = config
    this.#context = context
    this.#topic = config['offsets.storage.topic']
    this.id = `${config['transactional.id.prefix']}-${context.connector}-${context.task}`
  }

  get identity(): ProducerIdentity {
    return this.#identity!
  }

  /** Records may not go to the topic of the positions. */
  topicFault(topic: string): string | undefined {
    if (topic !== this.#topic) return undefined
    return `Topic ${topic} keeps this connector's own positions (offsets.storage.topic), so no records go there; route them to another one`
  }

  /** Fences older tasks of this id; what they left open is aborted. */
  async open(client: KafkaClient, topics: Topics): Promise<Admission> {
    this.#client = client
    this.#topics = topics
    const { 'transaction.timeout.ms': timeoutMs, 'delivery.timeout.ms': patienceMs } = this.#config
    this.#identity = await patiently(
      () => client.transactions.identify(this.id, timeoutMs),
      patienceMs,
      () => this.#closing,
    )
    this.#transaction = new Transaction(client.transactions, { id: this.id, patienceMs }, this.#identity, () => this.#closing)
    this.#fresh = (await topics.ensure(offsetsTopic(this.#topic), never)) === 'created'
    return this.#transaction
  }

  async committed(): Promise<Offsets | undefined> {
    if (this.#fresh) return undefined
    const alive = () => this.#context.report({})
    const offsets = await readOffsets(this.#client!, this.#topic, this.#context, this.#context.log, alive)
    this.#written = new Map(Object.entries(offsets ?? {}).map(([partition, position]) => [partition, JSON.stringify(position)]))
    return offsets
  }

  /** All that was put and these positions become visible at once. */
  async flush(producer: Producer, offsets: Offsets, kill: AbortSignal): Promise<void> {
    const changed = Object.entries(offsets).filter(([partition, position]) => this.#written.get(partition) !== JSON.stringify(position))
    if (changed.length === 0 && producer.bytes === 0 && !this.#transaction!.open) return
    await producer.room(kill)
    this.#write(producer, changed)
    await producer.settled(kill)
    await this.#transaction!.commit()
    for (const [partition, position] of changed) this.#written.set(partition, JSON.stringify(position))
  }

  /** Gives up an open transaction, so that readers need not wait until it times out. */
  async close(): Promise<void> {
    this.#closing = true
    try {
      await this.#transaction?.abort()
    } catch (error) {
      // The next task of this id aborts it, or the broker when it times out.
      this.#context.log.debug({ err: error }, `The open transaction of ${this.id} could not be aborted`)
    }
  }

  #write(producer: Producer, changed: readonly (readonly [string, Json])[]): void {
    const topics = this.#topics!
    const nowMs = performance.now()
    for (const one of offsetRecords(this.#topic, Object.fromEntries(changed), this.#context, topics.partitions(this.#topic))) {
      const size = recordBytesMax(one.key, one.value, one.headers)
      producer.append(producer.lane(this.#topic, one.partition), one, size, Date.now(), nowMs)
    }
    producer.send()
  }
}
