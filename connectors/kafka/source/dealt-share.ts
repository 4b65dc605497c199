import type { Logger } from '../../../core/index.ts'
import type { CommittedOffset, KafkaClient, TopicPartition } from '../client/port.ts'
import type { PartitionShare, ShareListener } from './share.ts'
import type { Subscription } from './subscription.ts'
import { lookRegularly } from './topic-look.ts'

export interface Dealing {
  readonly group: string
  /** Number of this task, below `tasks`. */
  readonly task: number
  readonly tasks: number
  /** How often topics and partitions are looked up; undefined: only at the start. */
  readonly metadataMaxAgeMs: number | undefined
}

/** The task that a partition falls to. Rises with the partition, so that each topic is spread evenly; starts elsewhere for each topic. */
export function dealtTo({ topic, partition }: TopicPartition, tasks: number): number {
  let hash = 0
  for (const character of topic) hash = (Math.imul(hash, 31) + character.codePointAt(0)!) >>> 0
  return (hash + partition) % tasks
}

/**
 * Partitions dealt by number: the same task always has the same ones, whoever else lives. For sinks that keep the positions themselves, and
 * for bounded runs. The group sees the commits of a stranger, which Kafka takes as long as nobody is a member.
 */
export class DealtShare implements PartitionShare {
  readonly #client: KafkaClient
  readonly #subscription: Subscription
  readonly #dealing: Dealing
  readonly #log: Logger
  readonly #changed: ShareListener
  #timer: NodeJS.Timeout | undefined
  #known = ''
  #due = true
  #refused = false

  constructor(client: KafkaClient, subscription: Subscription, dealing: Dealing, log: Logger, changed: ShareListener) {
    this.#client = client
    this.#subscription = subscription
    this.#dealing = dealing
    this.#log = log
    this.#changed = changed
  }

  readonly failure = undefined

  get due(): boolean {
    return this.#due
  }

  async take(): Promise<readonly TopicPartition[]> {
    const own = await this.#own()
    this.#known = fingerprint(own)
    this.#due = false
    const { metadataMaxAgeMs } = this.#dealing
    if (metadataMaxAgeMs !== undefined) this.#timer ??= this.#looking(metadataMaxAgeMs)
    return own
  }

  /** Failing to is no fault of the data: the positions that count are elsewhere. */
  async commit(offsets: readonly CommittedOffset[]): Promise<void> {
    try {
      await this.#client.groups.commit({ group: this.#dealing.group, generation: -1, member: '' }, offsets)
      this.#refused = false
    } catch (error) {
      const fields = { err: error, group: this.#dealing.group }
      if (this.#refused) this.#log.debug(fields, 'The positions could not be shown to the consumer group')
      else {
        this.#log.warn(fields, `Kafka's tools will not show this connector's lag, its group takes no positions: ${String(error)}`)
      }
      this.#refused = true
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
  }

  #looking(maxAgeMs: number): NodeJS.Timeout {
    return lookRegularly(
      maxAgeMs,
      () => this.#subscription.waits,
      () => void this.#look(),
    )
  }

  async #own(): Promise<readonly TopicPartition[]> {
    const { task, tasks } = this.#dealing
    const topics = await this.#subscription.topics(this.#client, 0)
    const all = [...topics.values()].flatMap(({ name, partitions }) => partitions.map(({ partition }) => ({ topic: name, partition })))
    return all.filter((place) => dealtTo(place, tasks) === task)
  }

  async #look(): Promise<void> {
    try {
      if (this.#due || fingerprint(await this.#own()) === this.#known) return
      this.#due = true
      this.#changed()
    } catch (error) {
      this.#log.debug({ err: error }, 'The topics could not be looked up; the next look is due as usual')
    }
  }
}

function fingerprint(partitions: readonly TopicPartition[]): string {
  return partitions
    .map(({ topic, partition }) => `${topic}/${partition}`)
    .sort()
    .join()
}
