import type { Logger } from '../../../core/index.ts'
import type { KafkaClient, ProducerIdentity } from '../client/port.ts'
import type { Lane, LaneSettings, RecordSet } from './lane.ts'
import type { Topics } from './topics.ts'

export interface ProducerSettings extends LaneSettings {
  readonly requestTimeoutMs: number
  readonly deliveryTimeoutMs: number
  readonly lingerMs: number
  readonly batchBytes: number
  readonly requestBytesMax: number
  readonly memoryBytes: number
  readonly retries: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

export interface ProducerParts {
  readonly client: KafkaClient
  readonly topics: Topics
  readonly settings: ProducerSettings
  /** null: without idempotence, then one set of a partition is under way at a time, so that order is kept all the same. */
  readonly identity: ProducerIdentity | null
  readonly transactionalId: string | null
  /** A partition enters the transaction before anything is written to it; absent: no transactions. */
  readonly admission?: Admission
  /** Settles a set of one record that the broker refuses: resolved, the work goes on without it. */
  refuse(set: RecordSet, lane: Lane, error: Error): Promise<void>
  /** A sign of life while the broker does not answer. */
  alive(): void
  readonly log: Logger
}

export interface Admission {
  has(lane: Lane): boolean
  add(lanes: readonly Lane[]): Promise<void>
}
