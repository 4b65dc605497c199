import { RetriableError } from '../../../core/index.ts'
import { apis } from './apis.ts'
import { byTopic, partitionName } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { movedCodes } from './error-codes.ts'
import { refusal } from './kafka-error.ts'
import type { TopicPartition } from './port.ts'
import type { TopicCache } from './topic-cache.ts'
import { WireWriter } from './wire-writer.ts'

type Asked = TopicPartition & { readonly timestamp: number }

/** As KafkaClient.offsetsAt. Leaders that moved are looked for anew until the time of a call is over. */
export async function offsetsAt(
  cluster: Cluster,
  topics: TopicCache,
  partitions: readonly Asked[],
  readCommitted: boolean,
): Promise<readonly (TopicPartition & { readonly offset: number })[]> {
  const end = performance.now() + cluster.settings.apiTimeoutMs
  const offsets = new Map<string, number>()
  for (;;) {
    const open = partitions.filter((one) => !offsets.has(partitionName(one)))
    if (open.length === 0)
      return partitions.map((one) => ({ topic: one.topic, partition: one.partition, offset: offsets.get(partitionName(one))! }))
    const failure = await askRound(cluster, topics, open, readCommitted, offsets)
    if (failure === undefined) continue
    if (cluster.disposed || performance.now() > end) throw failure
    await cluster.pause(cluster.settings.retryMs)
  }
}

/** One request to each leader; what failed in a way that may pass, if anything did. */
async function askRound(
  cluster: Cluster,
  topics: TopicCache,
  open: readonly Asked[],
  readCommitted: boolean,
  offsets: Map<string, number>,
) {
  await topics.refresh(open.map(({ topic }) => topic))
  let failure: Error | undefined
  const leaders = Map.groupBy(open, (one) => topics.leader(one.topic, one.partition))
  await Promise.all(
    [...leaders].map(async ([node, asked]) => {
      if (node === undefined || node < 0) {
        for (const { topic } of asked) topics.distrust(topic)
        const { topic, partition } = asked[0]!
        const error = refusal(node === undefined ? topics.whyUnknown(topic) : 5, `to tell an offset of ${topic}-${partition}`)
        if (!(error instanceof RetriableError)) throw error
        failure = error
        return
      }
      try {
        for (const { topic, partition, errorCode, offset } of await ask(cluster, node, asked, readCommitted)) {
          if (errorCode === 0) offsets.set(partitionName({ topic, partition }), offset)
          else {
            const error = refusal(errorCode, `to tell an offset of ${topic}-${partition}`)
            if (errorCode !== 3 && !movedCodes.has(errorCode)) throw error
            topics.distrust(topic)
            failure = error
          }
        }
      } catch (error) {
        if (!(error instanceof RetriableError)) throw error
        for (const { topic } of asked) topics.distrust(topic)
        failure = error
      }
    }),
  )
  return failure
}

/** ListOffsets v5. */
async function ask(cluster: Cluster, node: number, asked: readonly Asked[], readCommitted: boolean) {
  const body = new WireWriter().int32(-1).int8(readCommitted ? 1 : 0)
  body.array(byTopic(asked), ({ topic, items }) =>
    body.string(topic).array(items, ({ partition, timestamp }) => body.int32(partition).int32(-1).int64(timestamp)),
  )
  const answer = await cluster.call(node, 'control', apis.ListOffsets, body)
  answer.int32()
  return answer
    .array(() => {
      const topic = answer.string()
      return answer.array(() => {
        const partition = answer.int32()
        const errorCode = answer.int16()
        answer.int64()
        const offset = answer.int64()
        answer.int32()
        return { topic, partition, errorCode, offset }
      })
    })
    .flat()
}
