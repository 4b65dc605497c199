import type { CommittedOffset, TopicPartition } from '../client/port.ts'

/** How a task comes to its partitions: as a member of a consumer group, or dealt to it by number. */
export interface PartitionShare extends AsyncDisposable {
  /** True: the partitions may change. The task hands over what it has in flight, then calls `take`. */
  readonly due: boolean
  /** Why this task may no longer work with its partitions at all; undefined: it may. */
  readonly failure: Error | undefined
  /** The task's partitions from now on. What is in flight of the old ones is settled. May take as long as a rebalance does. */
  take(): Promise<readonly TopicPartition[]>
  /** Tells the group where this task stands. Rejects with a FencedError where the partitions went to others. */
  commit(offsets: readonly CommittedOffset[]): Promise<void>
}

/** Called when `due` or `failure` changed: a waiting poll returns. */
export type ShareListener = () => void
