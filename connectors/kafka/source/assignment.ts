import type { TopicPartition } from '../client/port.ts'

/**
 * What members of a consumer group tell each other, in the bytes of Java's `ConsumerProtocol`, and who gets which partitions. So foreign
 * consumers may share a group with our tasks, whoever leads it.
 */
export const protocolType = 'consumer'

/** Names of the ways to deal out partitions, as members vote for them. */
export type Assignor = 'range' | 'roundrobin'

export interface Member {
  readonly id: string
  readonly topics: readonly string[]
}

/** Version 0: every later one adds what only sticky and rack-aware assignors read. */
export function encodeSubscription(topics: readonly string[]): Buffer {
  const parts = [int16(0), int32(topics.length), ...[...topics].sort().map(text), int32(-1)]
  return Buffer.concat(parts)
}

/** The topics of a subscription of any version: what comes after them is passed over, as the format asks of readers. */
export function decodeSubscription(bytes: Buffer): readonly string[] {
  const reader = new Reader(bytes)
  reader.int16()
  return reader.list(() => reader.text())
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
  const parts = [...byTopic].map(([topic, own]) =>
    Buffer.concat([text(topic), int32(own.length), ...own.map(({ partition }) => int32(partition))]),
  )
  return Buffer.concat([int16(0), int32(parts.length), ...parts, int32(-1)])
}

/** No bytes are no partitions: a leader may leave a member out. */
export function decodeAssignment(bytes: Buffer): readonly TopicPartition[] {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  reader.int16()
  return reader
    .list(() => {
      const topic = reader.text()
      return reader.list(() => ({ topic, partition: reader.int32() }))
    })
    .flat()
}

/**
 * Deals partitions to members as Java's RangeAssignor (without racks) and RoundRobinAssignor do. `counts` has the number of partitions of
 * every topic that exists. Every member is in the answer.
 */
export function assign(
  assignor: Assignor,
  members: readonly Member[],
  counts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly TopicPartition[]> {
  const shares = new Map<string, TopicPartition[]>(members.map(({ id }) => [id, []]))
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const topics = [...new Set(members.flatMap((member) => member.topics))].sort().filter((topic) => counts.has(topic))
  if (assignor === 'range') for (const topic of topics) rangeOf(topic, counts.get(topic)!, sorted, shares)
  else roundRobin(topics, counts, sorted, shares)
  return shares
}

function rangeOf(topic: string, count: number, sorted: readonly Member[], shares: ReadonlyMap<string, TopicPartition[]>): void {
  const takers = sorted.filter((member) => member.topics.includes(topic))
  const each = Math.floor(count / takers.length)
  const more = count % takers.length
  let partition = 0
  for (const [index, { id }] of takers.entries()) {
    const end = partition + each + (index < more ? 1 : 0)
    for (; partition < end; partition++) shares.get(id)!.push({ topic, partition })
  }
}

function roundRobin(
  topics: readonly string[],
  counts: ReadonlyMap<string, number>,
  sorted: readonly Member[],
  shares: ReadonlyMap<string, TopicPartition[]>,
): void {
  let turn = 0
  for (const topic of topics) {
    for (let partition = 0; partition < counts.get(topic)!; partition++) {
      // Some member takes the topic, or it would not be in the list.
      while (!sorted[turn % sorted.length]!.topics.includes(topic)) turn++
      shares.get(sorted[turn++ % sorted.length]!.id)!.push({ topic, partition })
    }
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([int16(bytes.length), bytes])
}

/** Reads what another member wrote: every length is checked against what is there. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#step(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#step(4))
  }

  text(): string {
    const length = this.int16()
    const from = this.#step(length)
    return this.#bytes.toString('utf8', from, from + length)
  }

  list<T>(read: () => T): T[] {
    const count = this.int32()
    if (count > this.#bytes.length) throw new RangeError(`A group member's message claims ${count} items in ${this.#bytes.length} bytes`)
    return Array.from({ length: Math.max(count, 0) }, read)
  }

  #step(length: number): number {
    const from = this.#at
    if (length < 0 || from + length > this.#bytes.length) throw new RangeError("A group member's message is cut short")
    this.#at = from + length
    return from
  }
}
