import { RetriableError, type Logger } from '../../../core/index.ts'
import { Admin } from './admin.ts'
import { Cluster } from './cluster.ts'
import { Coordination } from './coordination.ts'
import { Fetching } from './fetching.ts'
import { Groups } from './groups.ts'
import { offsetsAt } from './offset-lookup.ts'
import type { FetchLimits, FetchPosition, KafkaClient, ProduceOptions, ProduceSet, TopicPartition } from './port.ts'
import { Producing } from './producing.ts'
import type { ClientSettings } from './settings.ts'
import { TopicCache } from './topic-cache.ts'
import { topicIds } from './topic-ids.ts'
import { Transactions } from './transactions.ts'

/**
 * Connects to a cluster and finds its brokers. Rejects with a ConfigError where the address, TLS or the login is wrong, with a
 * RetriableError where no broker answers (now). The caller disposes of the client, which closes every socket and timer at once.
 */
export async function openClient(settings: ClientSettings, log: Logger): Promise<KafkaClient> {
  const cluster = new Cluster(settings, log)
  for (const warning of settings.warnings) log.warn({}, warning)
  try {
    await cluster.describe([])
  } catch (error) {
    cluster[Symbol.dispose]()
    throw error
  }
  return new PortClient(cluster)
}

class PortClient implements KafkaClient {
  readonly #cluster: Cluster
  readonly #topics: TopicCache
  readonly #fetching: Fetching
  readonly #producing: Producing
  readonly groups: Groups
  readonly transactions: Transactions
  readonly admin: Admin

  constructor(cluster: Cluster) {
    const coordination = new Coordination(cluster)
    this.#cluster = cluster
    this.#topics = new TopicCache(cluster)
    this.#fetching = new Fetching(cluster, this.#topics)
    this.#producing = new Producing(cluster, this.#topics)
    this.groups = new Groups(coordination)
    this.transactions = new Transactions(cluster, coordination)
    this.admin = new Admin(cluster, this.#topics)
  }

  clusterId() {
    return Promise.resolve(this.#cluster.view.clusterId)
  }

  topics(names: readonly string[] | null, maxAgeMs: number = this.#cluster.settings.metadataMaxAgeMs) {
    return this.#topics.topics(names, maxAgeMs)
  }

  topicIds(names: readonly string[]) {
    return topicIds(this.#cluster, names)
  }

  fetch(positions: readonly FetchPosition[], limits: FetchLimits, signal: AbortSignal) {
    return this.#fetching.fetch(positions, limits, signal)
  }

  produce(sets: readonly ProduceSet[], options: ProduceOptions) {
    return this.#producing.produce(sets, options)
  }

  offsetsAt(partitions: readonly (TopicPartition & { readonly timestamp: number })[], readCommitted: boolean) {
    return offsetsAt(this.#cluster, this.#topics, partitions, readCommitted)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#cluster[Symbol.dispose]()
    this.#fetching.close(new RetriableError('The Kafka client is closed'))
    return Promise.resolve()
  }
}
