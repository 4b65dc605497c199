import type { ConfigIssue } from '../contract/errors.ts'
import type { RawConfig } from './ends.ts'

/** The worker's settings that concern Kafka: what its connectors' clients inherit, and what it allows them to change. */
export type WorkerClients = RawConfig

type Client = 'consumer' | 'producer'

/** Settings of the worker itself that every client takes. */
const inherited = /^(bootstrap\.servers|client\.dns\.lookup|security\.|sasl\.|ssl\.)/

/**
 * What lies beneath the keys of an end that holds a Kafka client, as in Connect (KIP-458): the worker's own client settings, those under
 * `consumer.` or `producer.`, then the connector's `consumer.override.` or `producer.override.`.
 */
export function clientConfig(client: Client, raw: RawConfig, worker: WorkerClients): RawConfig {
  const own = Object.fromEntries(Object.entries(worker).filter(([key]) => inherited.test(key)))
  const keys = { ...own, ...keysUnder(`${client}.`, worker), ...keysUnder(`${client}.override.`, raw) }
  return client === 'producer' ? { ...keys, ...writing(raw, worker) } : keys
}

/** Whether what a connector writes to Kafka shall be there exactly once: it requires it, or is a source connector of a worker that offers it. */
export function exactlyOnce(type: 'source' | 'sink', raw: RawConfig, worker: WorkerClients): 'required' | 'requested' {
  const offered = type === 'source' && worker['exactly.once.source.support']?.trim().toLowerCase() === 'enabled'
  return offered || raw['exactly.once.support']?.trim().toLowerCase() === 'required' ? 'required' : 'requested'
}

/** Settings of writing to Kafka that Connect keeps among a connector's or the worker's own keys. */
function writing(raw: RawConfig, worker: WorkerClients): RawConfig {
  const topics = Object.entries(raw).filter(([key]) => key.startsWith('topic.creation.'))
  const given: Record<string, string | undefined> = {
    'offsets.storage.topic': raw['offsets.storage.topic'] ?? worker['offset.storage.topic'],
    'topic.creation': topics.length === 0 ? undefined : JSON.stringify(Object.fromEntries(topics)),
    'topic.creation.enable': worker['topic.creation.enable'],
    'transactional.id.prefix': worker['group.id'],
  }
  const known = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return Object.fromEntries(known)
}

/**
 * Client keys that a connector may override where the worker sets no list of its own: what changes speed, memory and reading position.
 * Addresses, credentials, trust and code (serializers, interceptors, reporters) are the operator's (CVE-2023-25194, KIP-1188).
 */
export const overridable: readonly string[] = [
  'acks',
  'allow.auto.create.topics',
  'auto.offset.reset',
  'batch.size',
  'buffer.memory',
  'check.crcs',
  'client.id',
  'client.rack',
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.type',
  'compression.zstd.level',
  'default.api.timeout.ms',
  'delivery.timeout.ms',
  'enable.idempotence',
  'fetch.max.bytes',
  'fetch.max.wait.ms',
  'fetch.min.bytes',
  'group.id',
  'group.instance.id',
  'heartbeat.interval.ms',
  'isolation.level',
  'linger.ms',
  'max.block.ms',
  'max.in.flight.requests.per.connection',
  'max.partition.fetch.bytes',
  'max.poll.interval.ms',
  'max.poll.records',
  'max.request.size',
  'metadata.max.age.ms',
  'partition.assignment.strategy',
  'partitioner.class',
  'receive.buffer.bytes',
  'reconnect.backoff.max.ms',
  'reconnect.backoff.ms',
  'request.timeout.ms',
  'retries',
  'retry.backoff.max.ms',
  'retry.backoff.ms',
  'send.buffer.bytes',
  'session.timeout.ms',
  'transaction.timeout.ms',
]

const principal = ['security.protocol', 'sasl.jaas.config', 'sasl.mechanism']

/** Overrides that the worker's `connector.client.config.override.policy` does not let a connector make. */
export function overrideFaults(raw: RawConfig, worker: WorkerClients): readonly ConfigIssue[] {
  const policy = (worker['connector.client.config.override.policy'] ?? 'Allowlist').replace(
    /^.*\.|ConnectorClientConfigOverridePolicy$/g,
    '',
  )
  const allowed = allowedKeys(policy.toLowerCase(), worker)
  if (allowed === undefined) return []
  return Object.entries(raw).flatMap(([key, value]): readonly ConfigIssue[] => {
    const name = /^(?:producer|consumer|admin)\.override\.(.+)$/.exec(key)?.[1]
    if (name === undefined || allowed.has(name)) return []
    const way =
      'The worker allows it with connector.client.config.override.policy=All, or by naming it in connector.client.config.override.allowlist'
    const message = `The '${policy}' policy does not allow '${name}' to be overridden in the connector configuration. ${way}.`
    return [{ key, value: /pass|secret|jaas|token/i.test(name) ? '[hidden]' : value, message }]
  })
}

/** undefined: all. */
function allowedKeys(policy: string, worker: WorkerClients): ReadonlySet<string> | undefined {
  switch (policy) {
    case 'all':
      return undefined
    case 'none':
      return new Set()
    case 'principal':
      return new Set(principal)
    default: {
      const listed = worker['connector.client.config.override.allowlist']
      return new Set(listed === undefined ? overridable : listed.split(',').map((key) => key.trim()))
    }
  }
}

function keysUnder(prefix: string, config: RawConfig): RawConfig {
  const entries = Object.entries(config).filter(([key]) => key.startsWith(prefix) && !key.startsWith(`${prefix}override.`))
  return Object.fromEntries(entries.map(([key, value]) => [key.slice(prefix.length), value]))
}
