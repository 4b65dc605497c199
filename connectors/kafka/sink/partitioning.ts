import { DataError, type ConnectRecord, type Origin } from '../../../core/index.ts'
import { partitionOf } from '../records/murmur2.ts'

export interface PartitioningSettings {
  /** `default`: by key, else sticky (KIP-480, KIP-794); `round-robin`: one after the other, whatever the key. */
  readonly way: 'default' | 'round-robin'
  readonly ignoreKeys: boolean
  /** Bytes after which records without a key go to another partition. */
  readonly stickyBytes: number
}

/** Most source partitions whose topic is remembered; beyond, the memory starts anew. */
const homesMax = 10_000

/**
 * Chooses partitions as Kafka Connect with Java's default producer does: a record that names its partition keeps it, else its key decides
 * (murmur2), else it sticks to one partition until that has had a batch. A record that a transform sent to another topic than the one that
 * it was read from names a partition of the other one, so that does not count.
 */
export class Partitioning {
  readonly #settings: PartitioningSettings
  readonly #sticky = new Map<string, { partition: number; bytes: number }>()
  readonly #homes = new Map<string, string | null>()

  constructor(settings: PartitioningSettings) {
    this.#settings = settings
  }

  /**
   * The partition, of `count`, for a record with this key; `bytes` is its size. Throws a DataError where the record itself (not the topic
   * it was read from) names a partition that the topic does not have.
   */
  choose(record: ConnectRecord, key: Uint8Array | null, count: number, bytes: number): number {
    if (record.partition !== null) {
      const kept = this.#kept(record, record.partition, count)
      if (kept !== undefined) return kept
    }
    if (this.#settings.way === 'default' && key !== null && !this.#settings.ignoreKeys) return partitionOf(key, count)
    return this.#stuck(record.topic, count, this.#settings.way === 'default' ? bytes : this.#settings.stickyBytes)
  }

  #kept(record: ConnectRecord, partition: number, count: number): number | undefined {
    const home = this.#home(record.origin)
    if (home !== null && home !== record.topic) return undefined
    if (partition >= 0 && partition < count) return partition
    if (home !== null) return undefined
    throw new DataError(`The record asks for partition ${partition} of topic ${record.topic}, which has ${count} (0 to ${count - 1})`)
  }

  #stuck(topic: string, count: number, bytes: number): number {
    const at = this.#sticky.get(topic)
    if (at === undefined) {
      const partition = Math.floor(Math.random() * count)
      this.#sticky.set(topic, { partition, bytes })
      return partition
    }
    if (at.bytes >= this.#settings.stickyBytes || at.partition >= count) {
      at.partition = (at.partition + 1) % count
      at.bytes = 0
    }
    at.bytes += bytes
    return at.partition
  }

  /** The Kafka topic that the record was read from; null: it comes from elsewhere. */
  #home(origin: Origin | null): string | null {
    if (origin === null) return null
    const known = this.#homes.get(origin.partition)
    if (known !== undefined) return known
    if (this.#homes.size >= homesMax) this.#homes.clear()
    const topic = homeTopic(origin.partition)
    this.#homes.set(origin.partition, topic)
    return topic
  }
}

function homeTopic(partition: string): string | null {
  if (!partition.includes('kafka_topic')) return null
  try {
    const { kafka_topic: topic } = JSON.parse(partition) as { kafka_topic?: unknown }
    return typeof topic === 'string' ? topic : null
  } catch {
    // A source may name its partitions as it likes; only Kafka's have this form.
    return null
  }
}
