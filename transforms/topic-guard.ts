import { DataError } from '../core/index.ts'

/** What Kafka has against a topic's name (`org.apache.kafka.common.internals.Topic`); undefined: nothing. */
export function topicFault(topic: string): string | undefined {
  if (topic === '') return 'it is empty'
  if (topic === '.' || topic === '..') return `it is "${topic}"`
  if (topic.length > topicCharsMax) return `it has ${topic.length} characters; ${topicCharsMax} are the most`
  const wrong = /[^a-zA-Z0-9._-]/.exec(topic)
  return wrong === null ? undefined : `it has the character ${JSON.stringify(wrong[0])}; letters, digits, ".", "_" and "-" are allowed`
}

/** Kafka's longest name. */
const topicCharsMax = 249

/**
 * Lets names through that Kafka takes, that `allowed` takes, and of which there are no more than `most` different ones: names that come from
 * data could otherwise fill a cluster. Throws a DataError for the others, `by` saying whose they are.
 */
export function topicGuard(by: string, most: number, allowed?: (topic: string) => boolean): (topic: string) => string {
  const seen = new Set<string>()
  return (topic) => {
    if (seen.has(topic)) return topic
    const fault = topicFault(topic)
    if (fault !== undefined)
      throw new DataError(`${by} makes the topic ${JSON.stringify(topic.slice(0, 300))}, which is no name for one: ${fault}`)
    if (allowed?.(topic) === false) throw new DataError(`${by} makes the topic "${topic}", which topics.allowed does not match`)
    if (seen.size >= most) {
      throw new DataError(`${by} would make the topic "${topic}" beside ${most} others; raise topics.max if there are to be more`)
    }
    seen.add(topic)
    return topic
  }
}
