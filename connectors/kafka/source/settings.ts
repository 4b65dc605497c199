import type { ConfigOf } from '../../../core/index.ts'
import type { AssemblyLimits } from './assembly.ts'
import { assignorsOf, type kafkaSourceConfig } from './config.ts'
import type { Dealing } from './dealt-share.ts'
import type { FetchSettings } from './fetcher.ts'
import type { MembershipSettings } from './membership.ts'
import { parsePlace } from './place.ts'
import type { StartSettings } from './starts.ts'
import { Subscription } from './subscription.ts'

export type KafkaSourceConfig = ConfigOf<typeof kafkaSourceConfig>

/** Most bytes that a task reads ahead, whatever a broker's answer may hold: enough that fetching never waits for the pipeline, or it for fetching. */
const queueBytesMax = 8 << 20

/** A connector's config as the parts of the source take it. */
export interface KafkaSourceSettings {
  readonly subscription: Subscription
  readonly membership: MembershipSettings
  /** Partitions are dealt by number; undefined: the group deals. */
  readonly dealing: Omit<Dealing, 'task'> | undefined
  readonly starts: StartSettings
  readonly bounded: boolean
  readonly lossGoesOn: boolean
  readonly fetch: FetchSettings
  readonly batch: AssemblyLimits
}

/** The consumer group of a connector: Kafka Connect's name for it, unless the config has another. */
export function groupOf(config: KafkaSourceConfig, connector: string): string {
  return config['group.id'] || `connect-${connector}`
}

export function subscriptionOf(config: KafkaSourceConfig): Subscription {
  const pattern = config['topics.regex']
  return new Subscription(config.topics ?? [], pattern === '' ? undefined : pattern)
}

export function sourceSettings(config: KafkaSourceConfig, connector: string): KafkaSourceSettings {
  const group = groupOf(config, connector)
  const exact = config['exactly.once.support']?.toLowerCase() === 'required'
  const reset = config['auto.offset.reset'].toLowerCase() as 'earliest' | 'latest' | 'none'
  const end = config.end
  const bounded = end !== undefined
  const readCommitted = config['isolation.level'].toLowerCase() === 'read_committed'
  const dealt = exact || bounded || config.assignment.toLowerCase() === 'static'
  const metadataMaxAgeMs = config['metadata.max.age.ms']
  return {
    subscription: subscriptionOf(config),
    membership: {
      group,
      assignors: assignorsOf(config['partition.assignment.strategy']),
      sessionTimeoutMs: config['session.timeout.ms'],
      heartbeatMs: config['heartbeat.interval.ms'],
      rebalanceTimeoutMs: config['max.poll.interval.ms'],
      metadataMaxAgeMs,
    },
    dealing: dealt ? { group, tasks: config['task.count'], metadataMaxAgeMs: bounded ? undefined : metadataMaxAgeMs } : undefined,
    starts: {
      group,
      start: config.start === undefined ? { kind: reset } : parsePlace(config.start),
      reset,
      end: end === undefined ? undefined : { place: parsePlace(end), setting: end },
      readCommitted,
      exact,
    },
    bounded,
    lossGoesOn: config['errors.data.loss'].toLowerCase() === 'continue',
    fetch: {
      maxWaitMs: config['fetch.max.wait.ms'],
      minBytes: config['fetch.min.bytes'],
      maxBytes: config['fetch.max.bytes'],
      partitionMaxBytes: config['max.partition.fetch.bytes'],
      readCommitted,
      queueMaxBytes: Math.min(config['fetch.max.bytes'], queueBytesMax),
      decode: {
        checkCrc: config['check.crcs'],
        limits: { batchMaxBytes: config['decompression.max.bytes'], ratioMax: config['decompression.max.ratio'] },
      },
    },
    batch: { records: config['max.poll.records'], bytes: config['batch.max.bytes'] },
  }
}
