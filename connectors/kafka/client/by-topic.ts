import type { TopicPartition } from './port.ts'

/** Kafka's requests list partitions under their topics: the same things by topic, in the order of their first appearance. */
export function byTopic<T extends TopicPartition>(
  items: readonly T[],
): readonly { readonly topic: string; readonly items: readonly T[] }[] {
  return [...Map.groupBy(items, ({ topic }) => topic)].map(([topic, group]) => ({ topic, items: group }))
}

/** A text that stands for a partition in maps. Topics have no slash in their names. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
