import { partitionKey, type Json, type Offsets } from '../../../core/index.ts'
import type { TopicPartition } from '../client/port.ts'

/** Tells group offsets that we wrote from those that a person set with Kafka's tools, or that another consumer of the group wrote. */
export const commitMarker = 'millrace'

/** The metadata of an offset that we commit: our marker, and the id of the topic that it counts in. */
export function commitMetadata(topicId: string | undefined): string {
  return topicId === undefined ? commitMarker : `${commitMarker} ${topicId}`
}

/** Whether an offset of the group is ours, and the id of its topic. */
export function readMetadata(metadata: string | null): { readonly ours: boolean; readonly topicId: string | undefined } {
  const [marker, topicId] = (metadata ?? '').split(' ')
  return marker === commitMarker ? { ours: true, topicId } : { ours: false, topicId: undefined }
}

/** What the runtime keeps of a partition: the next offset to read and, in a bounded run, where it ends. */
export interface Position {
  readonly offset: number
  readonly end?: { readonly offset: number; readonly setting: string }
  /** Of the topic that the offset counts in; undefined: unknown, or a person set the offset. */
  readonly topicId?: string | undefined
}

/** The key of a Kafka partition in `Offsets`; Connect shows the same two members. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return partitionKey({ kafka_topic: topic, kafka_partition: partition })
}

/** The Kafka partition that a key of `Offsets` names, its members in any order; undefined: it is none of ours. */
export function partitionOf(key: string): TopicPartition | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(key)
  } catch {
    return undefined // Another source's key, in a format of its own.
  }
  if (typeof parsed !== 'object' || parsed === null || Object.keys(parsed).length !== 2) return undefined
  const { kafka_topic: topic, kafka_partition: partition } = parsed as Record<string, unknown>
  if (typeof topic !== 'string' || !Number.isSafeInteger(partition) || (partition as number) < 0) return undefined
  return { topic, partition: partition as number }
}

/** A position as it is saved. */
export function positionJson({ offset, end, topicId }: Position): Json {
  const position: Record<string, Json> = { kafka_offset: offset }
  if (end !== undefined) Object.assign(position, { kafka_end: end.offset, kafka_end_of: end.setting })
  if (topicId !== undefined) position['#topic'] = topicId
  return position
}

/** Reads what `positionJson` wrote, or a person. Throws a TypeError for what is no position. */
export function positionOf(key: string, saved: Json): Position {
  const { kafka_offset: offset, kafka_end: end, kafka_end_of: setting, '#topic': id } = saved as Record<string, Json | undefined>
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) {
    throw new TypeError(`The position of ${key} must be {"kafka_offset": n} with n a non-negative integer, not ${JSON.stringify(saved)}`)
  }
  const topic = typeof id === 'string' ? { topicId: id } : {}
  if (typeof end !== 'number' || typeof setting !== 'string') return { offset: offset as number, ...topic }
  return { offset: offset as number, end: { offset: end, setting }, ...topic }
}

/** Saved positions by key in our own spelling. Positions that are null (reset) are left out. */
export function positionsOf(offsets: Offsets | undefined): ReadonlyMap<string, Position> {
  const positions = new Map<string, Position>()
  for (const [key, saved] of Object.entries(offsets ?? {})) {
    const place = partitionOf(key)
    if (place !== undefined && saved !== null) positions.set(keyOf(place), positionOf(key, saved))
  }
  return positions
}

/** Refuses positions that the Kafka source could not have written. Throws a TypeError that names the entry. */
export function checkKafkaOffsets(offsets: Offsets): void {
  for (const [key, saved] of Object.entries(offsets)) {
    if (partitionOf(key) === undefined) {
      throw new TypeError(`Source partition ${key} is not one of Kafka; it looks like {"kafka_topic":"orders","kafka_partition":0}`)
    }
    if (saved !== null) positionOf(key, saved)
  }
}
