import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, RetriableError, type Logger } from '../../../core/index.ts'
import type { KafkaClient, NewTopic, TopicMetadata } from '../client/port.ts'
import { newTopic, type TopicGroup } from './topic-creation.ts'

export interface TopicsSettings {
  /** False: a topic that does not exist is an error. */
  readonly create: boolean
  readonly groups: readonly TopicGroup[]
}

/** How long a new topic may take until every partition has a leader; milliseconds. */
const leadersMs = 30_000
/** Least time between two looks at the leaders of one topic; milliseconds. */
const refreshMs = 100

/** The topics that are written: their partitions and leaders, and their creation when they are missing. */
export class Topics {
  readonly #client: KafkaClient
  readonly #settings: TopicsSettings
  readonly #log: Logger
  readonly #known = new Map<string, TopicMetadata>()
  readonly #refreshing = new Map<string, Promise<void>>()

  constructor(client: KafkaClient, settings: TopicsSettings, log: Logger) {
    this.#client = client
    this.#settings = settings
    this.#log = log
  }

  /** Partitions of a topic that was `need`ed. */
  partitions(topic: string): number {
    return this.#known.get(topic)!.partitions.length
  }

  /** The leader's broker id; -1: none known now. */
  leader(topic: string, partition: number): number {
    return this.#known.get(topic)?.partitions[partition]?.leader ?? -1
  }

  /**
   * Resolves once all of them exist; creates the missing ones. Rejects with a ConfigError that names a topic that is missing and may not be
   * created, a RetriableError where the cluster does not get it ready in time.
   */
  async need(names: readonly string[], kill: AbortSignal): Promise<void> {
    const found = await this.#client.topics(names)
    for (const topic of found.values()) this.#known.set(topic.name, topic)
    if (found.size === names.length) return
    const missing = names.filter((name) => !found.has(name))
    if (missing.length === 0) return
    await this.#create(
      missing.map((name) => newTopic(name, this.#settings.groups)),
      this.#settings.create,
      kill,
    )
  }

  /** As `need`, for a topic of the sink's own, which is created in this way whatever the connector's topics are. */
  async ensure(topic: NewTopic, kill: AbortSignal): Promise<'created' | 'existed'> {
    return (await this.#create([topic], true, kill)) ? 'created' : 'existed'
  }

  /** Creates those that are missing and waits until each partition has a leader; one that another created meanwhile is fine. False: none was missing. */
  async #create(topics: readonly NewTopic[], allowed: boolean, kill: AbortSignal): Promise<boolean> {
    // The cluster may know them by now: what the client remembers is minutes old.
    const fresh = await this.#client.topics(
      topics.map(({ name }) => name),
      0,
    )
    for (const topic of fresh.values()) this.#known.set(topic.name, topic)
    const missing = topics.filter(({ name }) => !fresh.has(name))
    if (missing.length === 0) return false
    if (!allowed) throw missingTopic(missing[0]!.name)
    const { created } = await this.#client.admin.create(missing)
    for (const { name, partitions, replicationFactor, config } of missing) {
      if (created.includes(name)) this.#log.info({ topic: name, partitions, replicationFactor, config }, `Created topic ${name}`)
    }
    await this.#ready(
      missing.map(({ name }) => name),
      kill,
    )
    return true
  }

  /** Asks the cluster who leads the partitions of a topic now; one question at a time, its failure is the next attempt's. */
  refresh(topic: string): Promise<void> {
    const running = this.#refreshing.get(topic)
    if (running) return running
    const asking = this.#client
      .topics([topic], 0)
      .then((found) => {
        const metadata = found.get(topic)
        if (metadata) this.#known.set(topic, metadata)
      })
      .catch((error: unknown) => this.#log.debug({ err: error, topic }, `The leaders of topic ${topic} could not be looked up`))
      .then(() => sleep(refreshMs, undefined, { ref: false }))
      .finally(() => this.#refreshing.delete(topic))
    this.#refreshing.set(topic, asking)
    return asking
  }

  async #ready(names: readonly string[], kill: AbortSignal): Promise<void> {
    const until = performance.now() + leadersMs
    for (let waitMs = 20; ; waitMs = Math.min(waitMs * 2, 500)) {
      const found = await this.#client.topics(names, 0)
      for (const topic of found.values()) this.#known.set(topic.name, topic)
      const waiting = names.find((name) => {
        const metadata = found.get(name)
        return metadata === undefined || metadata.partitions.length === 0 || metadata.partitions.some(({ leader }) => leader < 0)
      })
      if (waiting === undefined) return
      if (performance.now() > until) throw new RetriableError(`Topic ${waiting} was created, but has no leaders after ${leadersMs} ms`)
      await sleep(waitMs, undefined, { signal: kill })
    }
  }
}

function missingTopic(topic: string): ConfigError {
  return new ConfigError([
    {
      key: 'topic.creation.enable',
      value: 'false',
      message: `Topic ${topic} does not exist, and the worker may not create it (topic.creation.enable=false): create it (kafka-topics.sh --create --topic ${topic}), or set topic.creation.enable=true`,
    },
  ])
}
