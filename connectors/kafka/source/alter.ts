import type { Logger, Offsets } from '../../../core/index.ts'
import { openClient } from '../client/open.ts'
import type { CommittedOffset, TopicPartition } from '../client/port.ts'
import { clientSettings } from '../config/client-settings.ts'
import { commitMarker, partitionOf, positionOf } from './position.ts'
import { groupOf, subscriptionOf, type KafkaSourceConfig } from './settings.ts'

/**
 * Does to the consumer group what a person did to the connector's positions: sets them, or forgets them (null). A group of the connector's
 * own is forgotten whole; of one that `group.id` names only the topics that the connector reads. Rejects where the group has members.
 */
export async function alterGroup(
  offsets: Offsets | null,
  config: KafkaSourceConfig,
  { connector, log }: { readonly connector: string; readonly log: Logger },
): Promise<void> {
  const group = groupOf(config, connector)
  await using client = await openClient(clientSettings(config), log)
  try {
    if (offsets === null) {
      const subscription = subscriptionOf(config)
      const all = await client.groups.committed(group, null)
      const own = config['group.id'] ? all.filter(({ topic }) => subscription.includes(topic)) : all
      if (own.length > 0) await client.groups.forget(group, own)
      return
    }
    const set: CommittedOffset[] = []
    const forgotten: TopicPartition[] = []
    for (const [key, saved] of Object.entries(offsets)) {
      const place = partitionOf(key)
      if (place === undefined) continue
      if (saved === null) forgotten.push(place)
      else set.push({ ...place, offset: positionOf(key, saved).offset, metadata: commitMarker })
    }
    if (set.length > 0) await client.groups.commit({ group, generation: -1, member: '' }, set)
    if (forgotten.length > 0) await client.groups.forget(group, forgotten)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `The offsets of consumer group ${group} could not be changed: ${why}. While the group has members (another consumer that uses it?) Kafka refuses.`,
      { cause },
    )
  }
}
