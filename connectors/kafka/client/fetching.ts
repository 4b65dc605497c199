import { ConfigError } from '../../../core/index.ts'
import { apis } from './apis.ts'
import { byTopic, partitionName } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { movedCodes } from './error-codes.ts'
import { refusal } from './kafka-error.ts'
import type { FetchedPartition, FetchLimits, FetchPosition, TopicPartition } from './port.ts'
import type { TopicCache } from './topic-cache.ts'
import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** How long a round waits when no broker can be asked. Milliseconds. */
const idleMs = 200

/** Fetch requests to all leaders, at most one under way at a broker. */
export class Fetching {
  readonly #cluster: Cluster
  readonly #topics: TopicCache
  /** Brokers that have a request, or whose answer nobody has taken yet. */
  #busy = new Set<number>()
  #arrived: FetchedPartition[] = []
  #arrivedFrom = new Set<number>()
  /** Partitions without a leader, and until when they are not asked for. By partition, in `performance.now()`. */
  #resting = new Map<string, number>()
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(cluster: Cluster, topics: TopicCache) {
    this.#cluster = cluster
    this.#topics = topics
  }

  /** As KafkaClient.fetch. */
  async fetch(positions: readonly FetchPosition[], limits: FetchLimits, signal: AbortSignal): Promise<readonly FetchedPartition[]> {
    await this.#topics.refresh(new Set(positions.map(({ topic }) => topic)))
    const unknown: FetchedPartition[] = []
    const asked = new Map<number, FetchPosition[]>()
    const now = performance.now()
    for (const position of positions) {
      const name = partitionName(position)
      if ((this.#resting.get(name) ?? 0) > now) continue
      this.#resting.delete(name)
      const leader = this.#topics.leader(position.topic, position.partition)
      if (leader === undefined) {
        this.#topics.distrust(position.topic)
        unknown.push(nothing(position, this.#topics.whyUnknown(position.topic)))
      } else if (leader < 0) this.#rest(position)
      else if (!this.#busy.has(leader)) {
        const group = asked.get(leader)
        if (group) group.push(position)
        else asked.set(leader, [position])
      }
    }
    for (const [node, group] of asked) void this.#ask(node, group, limits)
    if (this.#arrived.length === 0 && this.#failure === undefined) await this.#wait(this.#busy.size === 0 || unknown.length > 0, signal)
    return [...this.#take(), ...unknown]
  }

  /** Ends a wait: for the client's end. */
  close(error: Error): void {
    this.#failure = error
    this.#wake?.()
  }

  async #ask(node: number, positions: readonly FetchPosition[], limits: FetchLimits): Promise<void> {
    this.#busy.add(node)
    try {
      const answer = await this.#cluster.call(node, 'fetch', apis.Fetch, fetchRequest(positions, limits), { waitMs: limits.maxWaitMs })
      this.#arrived.push(...this.#sift(readAnswer(answer, positions)))
      this.#arrivedFrom.add(node)
    } catch (error) {
      for (const { topic } of positions) this.#topics.distrust(topic)
      await this.#lost(node, positions, error as Error)
    }
    this.#wake?.()
  }

  /**
   * A broker that is lost does not stop the others: its partitions come back once the cluster has dealt them to another one. Only where no
   * broker at all tells about the cluster, or the settings are to blame, it is an error.
   */
  async #lost(node: number, positions: readonly FetchPosition[], error: Error): Promise<void> {
    const topics = new Set(positions.map(({ topic }) => topic))
    try {
      if (error instanceof ConfigError) throw error
      await this.#topics.refresh(topics)
      this.#cluster.log.debug({ err: error, broker: node, topics: [...topics] }, 'A fetch failed; its partitions are looked for anew')
      for (const topic of topics) this.#topics.distrust(topic)
      await this.#cluster.pause(idleMs)
    } catch (cause) {
      this.#failure ??= cause as Error
    }
    this.#busy.delete(node)
  }

  /** Without the partitions that are moving. */
  #sift(partitions: readonly FetchedPartition[]): readonly FetchedPartition[] {
    const still = partitions.filter(({ errorCode }) => !movedCodes.has(errorCode))
    for (const { topic, errorCode } of still) if (errorCode !== 0) this.#topics.distrust(topic)
    for (const partition of partitions) if (movedCodes.has(partition.errorCode)) this.#rest(partition)
    return still
  }

  /** Leaders are elected in milliseconds or seconds: asking without a pause would keep everybody busy. */
  #rest(partition: TopicPartition): void {
    this.#topics.distrust(partition.topic)
    this.#resting.set(partitionName(partition), performance.now() + this.#cluster.settings.retryMs)
  }

  async #wait(idle: boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#wake = wake
    signal.addEventListener('abort', wake)
    const timer = idle ? setTimeout(wake, idleMs) : undefined
    await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }

  #take(): readonly FetchedPartition[] {
    if (this.#failure && this.#arrived.length === 0) {
      const failure = this.#failure
      if (!this.#cluster.disposed) this.#failure = undefined
      throw failure
    }
    const arrived = this.#arrived
    this.#arrived = []
    for (const node of this.#arrivedFrom) this.#busy.delete(node)
    this.#arrivedFrom.clear()
    return arrived
  }
}

function nothing(position: FetchPosition, errorCode: number): FetchedPartition {
  const { topic, partition, offset } = position
  const records = Buffer.alloc(0)
  return { topic, partition, offset, errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, aborted: [], records }
}

/** Fetch v11, without a fetch session: each request names all its partitions. */
function fetchRequest(positions: readonly FetchPosition[], limits: FetchLimits): WireWriter {
  const body = new WireWriter(256 + positions.length * 40)
  body.int32(-1).int32(limits.maxWaitMs).int32(limits.minBytes).int32(limits.maxBytes)
  body.int8(limits.readCommitted ? 1 : 0)
  body.int32(0).int32(-1)
  body.array(byTopic(positions), ({ topic, items }) =>
    body
      .string(topic)
      .array(items, ({ partition, offset }) => body.int32(partition).int32(-1).int64(offset).int64(-1).int32(limits.partitionMaxBytes)),
  )
  return body.array([], () => {}).string('')
}

function readAnswer(answer: WireReader, positions: readonly FetchPosition[]): readonly FetchedPartition[] {
  answer.int32()
  const errorCode = answer.int16()
  if (errorCode !== 0) throw refusal(errorCode, 'a fetch')
  answer.int32()
  const asked = new Map(positions.map((position) => [partitionName(position), position.offset]))
  return answer
    .array(() => {
      const topic = answer.string()
      return answer.array((): FetchedPartition => {
        const partition = answer.int32()
        const code = answer.int16()
        const highWatermark = answer.int64()
        const lastStableOffset = answer.int64()
        const logStartOffset = answer.int64()
        const aborted = answer.array(() => ({ producerId: answer.bigint(), firstOffset: answer.int64() }))
        answer.int32()
        const records = answer.bytes()
        const offset = asked.get(partitionName({ topic, partition })) ?? -1
        return { topic, partition, offset, errorCode: code, highWatermark, lastStableOffset, logStartOffset, aborted, records }
      })
    })
    .flat()
}
