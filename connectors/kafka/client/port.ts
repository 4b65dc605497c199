/**
 * The narrow port through which the Kafka ends speak to a cluster. Behind it, kafkajs keeps connections, TLS, SASL and the request queue;
 * requests and record sets on the hot path are ours. Everything asynchronous rejects with a KafkaError, a RetriableError (connection lost,
 * time-out), or a ConfigError where authentication or the address is wrong.
 */
export interface KafkaClient extends AsyncDisposable {
  /** The cluster's id, for telling two clusters apart; null: the broker gives none. */
  clusterId(): Promise<string | null>
  /**
   * Topics by name; null: all. A topic that does not exist is left out; never creates one. Answers from memory while that is younger than
   * `maxAgeMs` (default 300,000, metadata.max.age.ms); 0 asks the cluster.
   */
  topics(names: readonly string[] | null, maxAgeMs?: number): Promise<ReadonlyMap<string, TopicMetadata>>
  /** Asks the cluster for the ids of topics: one that was deleted and made anew has another. Left out: unknown topics, all of brokers before 3.0. */
  topicIds(names: readonly string[]): Promise<ReadonlyMap<string, string>>
  /**
   * One round over all leaders at once; resolves when the first of them answers with records, errors or its wait over, the others' answers
   * come with a later call. Partitions whose leader is moving are left out and come back by themselves. `signal` ends the wait early.
   */
  fetch(positions: readonly FetchPosition[], limits: FetchLimits, signal: AbortSignal): Promise<readonly FetchedPartition[]>
  /** Sends each record set to its partition's leader, one request a broker; an answer for each, in the order given. Never tries again. */
  produce(sets: readonly ProduceSet[], options: ProduceOptions): Promise<readonly ProducedSet[]>
  /** `timestamp` -2: the first offset, -1: the end (the last stable one with `readCommitted`), else the first record at or after it (offset -1: none). */
  offsetsAt(
    partitions: readonly (TopicPartition & { readonly timestamp: number })[],
    readCommitted: boolean,
  ): Promise<readonly (TopicPartition & { readonly offset: number })[]>
  readonly groups: GroupRequests
  readonly transactions: TransactionRequests
  readonly admin: AdminRequests
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface TopicMetadata {
  readonly name: string
  readonly internal: boolean
  /** By partition number, without gaps. `leader` is a broker's id; -1: none at the moment. */
  readonly partitions: readonly { readonly partition: number; readonly leader: number }[]
}

export interface FetchPosition extends TopicPartition {
  readonly offset: number
}

export interface FetchLimits {
  readonly maxWaitMs: number
  readonly minBytes: number
  /** Advisory: one record batch larger than this still comes whole. */
  readonly maxBytes: number
  readonly partitionMaxBytes: number
  readonly readCommitted: boolean
}

export interface FetchedPartition extends TopicPartition {
  /** The position that was asked for. */
  readonly offset: number
  /** 0: none. Else the protocol's error code (1: offset out of range, 3: unknown topic, 29: not authorised ...). */
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** With `readCommitted`: where aborted transactions begin in what was fetched. */
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
  /** Record batches, the last one possibly cut short. Belongs to the caller. */
  readonly records: Buffer
}

export interface ProduceSet extends TopicPartition {
  /** One record batch (or several, whole). */
  readonly records: Buffer
}

export interface ProduceOptions {
  readonly acks: -1 | 0 | 1
  readonly timeoutMs: number
  readonly transactionalId: string | null
}

export interface ProducedSet extends TopicPartition {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly baseOffset: number
}

/** A member's place in a group; `generation` -1 and `member` '' speak for no member (offsets of a group without members). */
export interface GroupMember {
  readonly group: string
  readonly generation: number
  readonly member: string
}

export interface JoinedGroup extends GroupMember {
  readonly leader: boolean
  readonly protocol: string
  /** Filled for the leader alone. */
  readonly members: readonly { readonly id: string; readonly metadata: Buffer }[]
}

/** Consumer group calls; each finds the group's coordinator, and finds it anew after a NOT_COORDINATOR. */
export interface GroupRequests {
  join(request: {
    readonly group: string
    readonly member: string
    readonly sessionTimeoutMs: number
    readonly rebalanceTimeoutMs: number
    readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[]
  }): Promise<JoinedGroup>
  /** Resolves to this member's assignment. */
  sync(member: GroupMember, assignments: readonly { readonly member: string; readonly assignment: Buffer }[]): Promise<Buffer>
  heartbeat(member: GroupMember): Promise<void>
  leave(member: GroupMember): Promise<void>
  commit(member: GroupMember, offsets: readonly CommittedOffset[]): Promise<void>
  /** Partitions without a committed offset are left out; null: all that the group has. */
  committed(group: string, partitions: readonly TopicPartition[] | null): Promise<readonly CommittedOffset[]>
  /** Forgets committed offsets of a group without members (OffsetDelete). */
  forget(group: string, partitions: readonly TopicPartition[]): Promise<void>
}

export interface CommittedOffset extends TopicPartition {
  /** The next one to read. */
  readonly offset: number
  readonly metadata: string
}

export interface ProducerIdentity {
  readonly producerId: bigint
  readonly epoch: number
}

/** KIP-98. Calls with an identity of an older epoch reject with a FencedError. */
export interface TransactionRequests {
  /** null: an idempotent producer without transactions. With an id: fences older producers of it and ends what they left open. */
  identify(transactionalId: string | null, timeoutMs: number): Promise<ProducerIdentity>
  addPartitions(transactionalId: string, identity: ProducerIdentity, partitions: readonly TopicPartition[]): Promise<void>
  end(transactionalId: string, identity: ProducerIdentity, commit: boolean): Promise<void>
}

export interface AdminRequests {
  /** Rejects with a KafkaError per topic that fails; a topic that exists already is no failure (`created` lists the new ones). */
  create(topics: readonly NewTopic[]): Promise<{ readonly created: readonly string[] }>
  /** A topic's settings; undefined: no such topic. */
  config(topic: string): Promise<Readonly<Record<string, string>> | undefined>
  /** Lowers the log's start (DeleteRecords): for tests of deleted data. */
  deleteBefore(positions: readonly FetchPosition[]): Promise<void>
  /** Raises a topic's number of partitions. */
  grow(topic: string, partitions: number): Promise<void>
}

export interface NewTopic {
  readonly name: string
  /** -1: the broker's default. */
  readonly partitions: number
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string>>
}
