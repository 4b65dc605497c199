import type { Cluster, TopicAnswer } from './cluster.ts'
import { movedCodes } from './error-codes.ts'
import { refusal } from './kafka-error.ts'
import type { TopicMetadata } from './port.ts'

interface Known {
  readonly topic: TopicMetadata
  readonly atMs: number
  stale: boolean
}

/** What is known of topics and their leaders; asks the cluster where it knows too little or what it knows turned out wrong. */
export class TopicCache {
  readonly #cluster: Cluster
  #known = new Map<string, Known>()
  #denied = new Map<string, number>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** As KafkaClient.topics. */
  async topics(names: readonly string[] | null, maxAgeMs: number): Promise<ReadonlyMap<string, TopicMetadata>> {
    if (names === null) {
      const found = await this.#ask(null)
      return new Map(found.map((topic) => [topic.name, topic]))
    }
    const oldest = performance.now() - maxAgeMs
    const missing = names.filter((name) => !this.#isFresh(this.#known.get(name), oldest))
    if (missing.length > 0) await this.#ask([...new Set(missing)])
    return new Map(names.flatMap((name) => this.#known.get(name)?.topic ?? []).map((topic) => [topic.name, topic]))
  }

  /** The leader as last heard; -1: none; undefined: no such topic or partition is known. */
  leader(topic: string, partition: number): number | undefined {
    return this.#known.get(topic)?.topic.partitions[partition]?.leader
  }

  /** Why a topic without a known leader is unknown, as an error code: 3 it is not there, 29 it may not be seen. */
  whyUnknown(topic: string): number {
    return this.#denied.get(topic) ?? 3
  }

  /** What is known of the topic is wrong: the next look asks the cluster. */
  distrust(topic: string): void {
    const known = this.#known.get(topic)
    if (known) known.stale = true
  }

  /** Asks about those of the topics that are unknown, too old or distrusted. Topics that may not be seen stay unknown. */
  async refresh(names: Iterable<string>): Promise<void> {
    const oldest = performance.now() - this.#cluster.settings.metadataMaxAgeMs
    const missing = [...new Set(names)].filter((name) => !this.#isFresh(this.#known.get(name), oldest))
    if (missing.length > 0) this.#learn(await this.#cluster.describe(missing), missing)
  }

  #isFresh(known: Known | undefined, oldest: number): boolean {
    return known !== undefined && !known.stale && known.atMs > oldest
  }

  async #ask(names: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    const answers = await this.#cluster.describe(names)
    this.#learn(answers, names ?? [...this.#known.keys()])
    for (const { errorCode, name } of answers) {
      // 3: no such topic. What only moves is known well enough.
      if (errorCode !== 0 && errorCode !== 3 && !movedCodes.has(errorCode)) throw refusal(errorCode, `to describe topic "${name}"`)
    }
    return answers.filter(isTopic).map(toMetadata)
  }

  #learn(answers: readonly TopicAnswer[], asked: readonly string[]): void {
    const atMs = performance.now()
    for (const name of asked) {
      this.#known.delete(name)
      this.#denied.delete(name)
    }
    for (const { name, errorCode } of answers) if (errorCode !== 0 && !movedCodes.has(errorCode)) this.#denied.set(name, errorCode)
    for (const answer of answers.filter(isTopic)) this.#known.set(answer.name, { topic: toMetadata(answer), atMs, stale: false })
  }
}

function isTopic({ errorCode, partitions }: TopicAnswer): boolean {
  return errorCode === 0 || (movedCodes.has(errorCode) && partitions.length > 0)
}

function toMetadata({ name, internal, partitions }: TopicAnswer): TopicMetadata {
  return { name, internal, partitions: partitions.toSorted((a, b) => a.partition - b.partition) }
}
