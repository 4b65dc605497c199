import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, FencedError, type Logger } from '../../../core/index.ts'
import type { CommittedOffset, JoinedGroup, KafkaClient, TopicPartition } from '../client/port.ts'
import { assign, decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, type Assignor } from './assignment.ts'
import { codeOf } from '../client/kafka-error.ts'
import { groupErrors } from './error-codes.ts'
import type { PartitionShare, ShareListener } from './share.ts'
import type { Subscription } from './subscription.ts'
import { lookRegularly } from './topic-look.ts'

export interface MembershipSettings {
  readonly group: string
  readonly assignors: readonly Assignor[]
  readonly sessionTimeoutMs: number
  readonly heartbeatMs: number
  /** How long the group waits for this member in a rebalance: it hands over what it has in flight meanwhile. */
  readonly rebalanceTimeoutMs: number
  readonly metadataMaxAgeMs: number
}

/** Longest time that leaving the group may take when the task ends. Milliseconds. */
const leaveMaxMs = 2_000

/** Wait between two attempts to join while the group is in motion. Milliseconds. */
const rejoinDelayMs = 100

/**
 * A member of a consumer group, by the classic protocol. A timer keeps it alive while the task writes, however long that takes. When the
 * group wants to deal anew, `due` says so; the member rejoins only when `take` is called, so the task can hand over first.
 */
export class Membership implements PartitionShare {
  readonly #client: KafkaClient
  readonly #subscription: Subscription
  readonly #settings: MembershipSettings
  readonly #log: Logger
  readonly #changed: ShareListener
  #place: JoinedGroup | undefined
  #memberId = ''
  #due = true
  #failure: Error | undefined
  #beatTimer: NodeJS.Timeout | undefined
  #lookTimer: NodeJS.Timeout | undefined
  #beating = false
  /** While a join is under way the group knows that we live, and beats would only hear of the rebalance that it is part of. */
  #joining = false
  #disposed = false
  /** What the topics looked like when the partitions were dealt; for the leader those of all members. */
  #watched: { readonly topics: readonly string[]; readonly known: string } = { topics: [], known: '' }

  constructor(client: KafkaClient, subscription: Subscription, settings: MembershipSettings, log: Logger, changed: ShareListener) {
    this.#client = client
    this.#subscription = subscription
    this.#settings = settings
    this.#log = log
    this.#changed = changed
  }

  get due(): boolean {
    return this.#due
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  async take(): Promise<readonly TopicPartition[]> {
    this.#joining = true
    try {
      for (;;) {
        if (this.#disposed) throw new FencedError('The task ended while it joined its consumer group')
        try {
          return await this.#joinOnce()
        } catch (error) {
          this.#due = true
          const code = codeOf(error)
          if (code === groupErrors.unknownMember || code === groupErrors.illegalGeneration) this.#memberId = ''
          else if (code === groupErrors.inconsistentProtocol) throw this.#strangers(error)
          else if (code !== groupErrors.rebalanceInProgress) throw error
          await sleep(rejoinDelayMs)
        }
      }
    } finally {
      this.#joining = false
    }
  }

  async commit(offsets: readonly CommittedOffset[]): Promise<void> {
    if (this.#place === undefined) return
    try {
      await this.#client.groups.commit(this.#place, offsets)
    } catch (error) {
      // A group that deals anew without us counts as lost, too: nobody but `take` could bring us back in, and nothing in flight is needed.
      throw isLost(error) || codeOf(error) === groupErrors.rebalanceInProgress ? this.#lost(error) : error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    clearInterval(this.#beatTimer)
    clearInterval(this.#lookTimer)
    const place = this.#place
    if (place === undefined) return
    this.#place = undefined
    const late = new AbortController()
    const leaving = this.#client.groups.leave(place).catch((error: unknown) => {
      // Without a word of ours the group finds out by itself when the session is over.
      this.#log.debug({ err: error, group: place.group }, 'The consumer group could not be left')
    })
    await Promise.race([leaving, sleep(leaveMaxMs, undefined, { signal: late.signal }).catch(() => {})])
    late.abort()
  }

  async #joinOnce(): Promise<readonly TopicPartition[]> {
    const { group, assignors, sessionTimeoutMs, rebalanceTimeoutMs } = this.#settings
    // From here on the group may know us; a change that comes now makes it due again.
    const own = [...(await this.#subscription.topics(this.#client, 0)).values()]
    const names = this.#subscription.names.length > 0 ? this.#subscription.names : own.map(({ name }) => name)
    const metadata = encodeSubscription(names)
    this.#due = false
    const place = await this.#client.groups.join({
      group,
      member: this.#memberId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocols: assignors.map((name) => ({ name, metadata })),
    })
    this.#memberId = place.member
    this.#place = place
    this.#watch({ topics: names, known: fingerprint(own) })
    const assignment = await this.#client.groups.sync(place, place.leader ? await this.#deal(place) : [])
    const partitions = decodeAssignment(assignment)
    this.#log.info(
      { group, generation: place.generation, leader: place.leader, partitions: partitions.length },
      `Joined consumer group ${group}: ${partitions.length} partitions`,
    )
    return partitions
  }

  /** The leader deals out the partitions of all topics that any member reads. */
  async #deal({ members, protocol }: JoinedGroup): Promise<readonly { readonly member: string; readonly assignment: Buffer }[]> {
    const readers = members.map(({ id, metadata }) => ({ id, topics: decodeSubscription(metadata) }))
    const topics = [...new Set(readers.flatMap((reader) => reader.topics))]
    const found = await this.#client.topics(topics, 0)
    this.#watch({ topics, known: fingerprint([...found.values()]) })
    const counts = new Map([...found.values()].map(({ name, partitions }) => [name, partitions.length]))
    const shares = assign(protocol === 'range' ? 'range' : 'roundrobin', readers, counts)
    return [...shares].map(([member, partitions]) => ({ member, assignment: encodeAssignment(partitions) }))
  }

  #watch(watched: { readonly topics: readonly string[]; readonly known: string }): void {
    this.#watched = watched
    const { heartbeatMs, metadataMaxAgeMs } = this.#settings
    if (this.#disposed) return
    this.#beatTimer ??= setInterval(() => void this.#beat(), heartbeatMs)
    this.#lookTimer ??= lookRegularly(
      metadataMaxAgeMs,
      () => this.#subscription.waits,
      () => void this.#look(),
    )
  }

  async #beat(): Promise<void> {
    const place = this.#place
    if (this.#beating || this.#joining || place === undefined || this.#failure) return
    this.#beating = true
    try {
      await this.#client.groups.heartbeat(place)
    } catch (error) {
      // An answer to the beat of an older generation says nothing.
      if (place !== this.#place || this.#joining || this.#disposed) return
      if (codeOf(error) === groupErrors.rebalanceInProgress) this.#becomeDue('Its consumer group deals anew')
      else if (isLost(error)) {
        this.#failure = this.#lost(error)
        this.#changed()
      } else this.#log.debug({ err: error, group: place.group }, 'A heartbeat to the consumer group failed; the next one follows')
    } finally {
      this.#beating = false
    }
  }

  /** New topics that match, and (for the leader, who deals) new partitions. */
  async #look(): Promise<void> {
    if (this.#due || this.#joining || this.#failure) return
    try {
      const before = this.#watched
      const mine = await this.#subscription.topics(this.#client, 0)
      const isNew = [...mine.keys()].some((name) => !before.topics.includes(name))
      const grew = this.#place?.leader && fingerprint([...(await this.#client.topics(before.topics, 0)).values()]) !== before.known
      if (before === this.#watched && !this.#joining && (isNew || grew)) this.#becomeDue('Topics or partitions changed')
    } catch (error) {
      this.#log.debug({ err: error }, 'The topics could not be looked up; the next look is due as usual')
    }
  }

  #becomeDue(why: string): void {
    if (this.#due) return
    this.#due = true
    this.#log.info({ group: this.#settings.group }, `${why}: what is in flight is handed over, then the task rejoins`)
    this.#changed()
  }

  #strangers(cause: unknown): ConfigError {
    const { group, assignors } = this.#settings
    const message = `Other members of consumer group ${group} know none of our ways to deal partitions (${assignors.join(', ')}): give those consumers RangeAssignor or RoundRobinAssignor in their partition.assignment.strategy, or this connector a group.id of its own`
    return new ConfigError([{ key: 'partition.assignment.strategy', value: assignors.join(','), message }], { cause })
  }

  #lost(cause: unknown): FencedError {
    const { group } = this.#settings
    return new FencedError(
      `Consumer group ${group} went on without this task, and its partitions may belong to others by now; it starts again from the committed offsets. ` +
        `Where this comes often, raise session.timeout.ms or max.poll.interval.ms.`,
      { cause },
    )
  }
}

function isLost(error: unknown): boolean {
  const code = codeOf(error)
  return code === groupErrors.unknownMember || code === groupErrors.illegalGeneration || code === groupErrors.fencedInstance
}

function fingerprint(topics: readonly { readonly name: string; readonly partitions: readonly unknown[] }[]): string {
  return topics
    .map(({ name, partitions }) => `${name}/${partitions.length}`)
    .sort()
    .join()
}
