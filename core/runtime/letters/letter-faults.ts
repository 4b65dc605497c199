import type { ConfigIssue } from '../../contract/errors.ts'
import type { WorkerClients } from '../client-config.ts'
import type { Ends, RawConfig } from '../ends.ts'
import type { Registry } from '../registry.ts'
import { letterTopicOf } from './letter-topic.ts'

const topicKey = 'errors.deadletterqueue.topic.name'

/** What is wrong with where the dead letters of a config go, in Connect's words where Connect has some. */
export async function letterFaults(
  raw: RawConfig,
  ends: Ends,
  registry: Registry,
  clients: WorkerClients,
): Promise<readonly ConfigIssue[]> {
  const spec = letterTopicOf(raw, ends, registry, clients)
  if (spec === null) return []
  if ('issue' in spec) return [spec.issue]
  return ends.source.part.client === 'consumer' ? readsItself(spec.topic, ends) : []
}

/** A connector that reads its own dead letters would never come to an end. */
async function readsItself(topic: string, { type, source, sourceConfig }: Ends): Promise<readonly ConfigIssue[]> {
  const prefix = type === 'sink' && sourceConfig['topics'] === undefined ? 'source.' : ''
  const regex = sourceConfig['topics.regex']?.trim() ?? ''
  const topics = (sourceConfig['topics'] ?? '').split(',').map((one) => one.trim())
  if (topics.includes(topic)) {
    const message = `The DLQ topic '${topic}' may not be included in the list of topics ('topics=[${topics.join(', ')}]') consumed by the connector`
    return [{ key: `${prefix}topics`, value: sourceConfig['topics'] ?? null, message }]
  }
  if (regex === '' || !Object.hasOwn(source.part.config, 'topics.regex') || !(await matches(regex, topic))) return []
  const message = `The DLQ topic '${topic}' may not be matched by the regex matching the topics ('topics.regex=${regex}') consumed by the connector`
  return [{ key: `${prefix}topics.regex`, value: regex, message }]
}

/** Loaded only here: few configs have both. A pattern that does not compile is the source's to tell. */
async function matches(regex: string, topic: string): Promise<boolean> {
  const { RE2JS } = await import('re2js')
  try {
    return RE2JS.matches(regex, topic)
  } catch {
    return false
  }
}

/** Keys of dead letters that are known and yet do nothing in this config. */
export function idleLetterKeys(given: Readonly<Record<string, string | null>>): readonly ConfigIssue[] {
  const idle = (keys: readonly string[], why: string) =>
    keys.flatMap((key) => (given[key] === undefined ? [] : [{ key, message: `The config key "${key}" has no effect: ${why}` }]))
  if (given[topicKey]?.trim()) {
    const folder = ['errors.deadletterqueue.path', 'errors.deadletterqueue.file.max.bytes']
    return [...idle(folder, `dead letters go to the topic in ${topicKey}`), ...tolerantOnly(given)]
  }
  const topic = ['errors.deadletterqueue.topic.replication.factor', 'errors.deadletterqueue.context.headers.enable']
  return idle(topic, `dead letters go to a folder, as ${topicKey} names no topic`)
}

function tolerantOnly(given: Readonly<Record<string, string | null>>): readonly ConfigIssue[] {
  if (given['errors.tolerance']?.trim().toLowerCase() === 'all') return []
  const message = `The config key "${topicKey}" has no effect: without errors.tolerance=all the first record that cannot pass stops the task`
  return [{ key: topicKey, message }]
}
