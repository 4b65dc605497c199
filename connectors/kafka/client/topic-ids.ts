import type { Api } from './apis.ts'
import type { Cluster } from './cluster.ts'
import { OldBrokerError } from './link.ts'
import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const describeWithIds: Api = { name: 'Metadata', key: 3, version: 12, compact: true }
/** What a topic of before KIP-516 has. */
const noId = '0'.repeat(32)

/**
 * The ids of those of the topics that exist, in hexadecimal digits: one that was deleted and made anew has another (KIP-516). Topics
 * without an id are left out; brokers before Kafka 3.0 give none.
 */
export async function topicIds(cluster: Cluster, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map()
  try {
    return read(await cluster.callAny(describeWithIds, () => request(names)))
  } catch (error) {
    if (error instanceof OldBrokerError) return new Map()
    throw error
  }
}

function request(names: readonly string[]): WireWriter {
  const body = new WireWriter().uvarint(names.length + 1)
  // An id of zero: by name.
  for (const name of names) body.int64(0).int64(0).compactString(name).uvarint(0)
  // No topic comes into being by it, and nobody asks what is allowed.
  return body.boolean(false).boolean(false).uvarint(0)
}

function read(answer: WireReader): ReadonlyMap<string, string> {
  answer.int32()
  answer.compactArray(() => {
    answer.int32()
    answer.compactString()
    answer.int32()
    answer.compactString()
    answer.tags()
  })
  answer.compactString()
  answer.int32()
  const topics = answer.compactArray(() => {
    const [errorCode, name, id] = [answer.int16(), answer.compactString(), answer.uuid()]
    answer.boolean()
    answer.compactArray(() => passPartition(answer))
    answer.int32()
    answer.tags()
    return { errorCode, name, id }
  })
  return new Map(topics.flatMap(({ errorCode, name, id }) => (errorCode === 3 || id === noId ? [] : [[name, id]])))
}

function passPartition(answer: WireReader): void {
  answer.int16()
  for (let number = 0; number < 3; number++) answer.int32()
  for (let list = 0; list < 3; list++) answer.compactArray(() => answer.int32())
  answer.tags()
}
