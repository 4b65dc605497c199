import type { ConfigIssue } from '../../contract/errors.ts'
import { clientConfig, type WorkerClients } from '../client-config.ts'
import type { Ends, RawConfig } from '../ends.ts'
import type { PartSpec } from '../protocol.ts'
import type { Registry } from '../registry.ts'

/** What a host needs to write dead letters to a topic: the Kafka sink, and a converter that leaves bytes as they are. */
export interface LetterTopicSpec {
  readonly topic: string
  readonly contextHeaders: boolean
  readonly sink: PartSpec
  readonly bytes: PartSpec
}

const topicKey = 'errors.deadletterqueue.topic.name'

/**
 * Where a connector names a dead letter topic: how it is written. The client's settings are the worker's and the connector's
 * `producer.override.*`, as in Connect; where the worker has no Kafka, the address of the connector's own Kafka end. null: no topic is named.
 */
export function letterTopicOf(
  raw: RawConfig,
  ends: Ends,
  registry: Registry,
  clients: WorkerClients,
): LetterTopicSpec | { readonly issue: ConfigIssue } | null {
  const topic = raw[topicKey]?.trim() ?? ''
  if (topic === '') return null
  const sink = registry.sink('kafka')
  const bytes = registry.converter('ByteArrayConverter')
  const client = { ...addressOf(ends), ...clientConfig('producer', raw, clients) }
  if (!sink || !bytes || client['bootstrap.servers'] === undefined) {
    const message = `Dead letters cannot go to the topic ${topic}: this worker has no Kafka. Set "bootstrap.servers" in its settings, or name a folder with "errors.deadletterqueue.path" and leave "${topicKey}" out`
    return { issue: { key: topicKey, value: raw[topicKey] ?? null, message } }
  }
  const replication = raw['errors.deadletterqueue.topic.replication.factor']?.trim() ?? '3'
  const creation = { 'topic.creation.default.partitions': '1', 'topic.creation.default.replication.factor': replication }
  return {
    topic,
    contextHeaders: raw['errors.deadletterqueue.context.headers.enable']?.trim().toLowerCase() === 'true',
    sink: {
      module: sink.module,
      class: sink.class,
      config: {
        ...client,
        name: raw['name'] ?? '',
        'client.id': `connector-dlq-producer-${raw['name'] ?? ''}`,
        'topic.creation': JSON.stringify(creation),
        'exactly.once.support': 'requested',
      },
    },
    bytes: { module: bytes.module, class: bytes.class, config: {} },
  }
}

const address = /^(bootstrap\.servers|client\.dns\.lookup|security\.|sasl\.|ssl\.)/

/** The Kafka of the connector's own end. */
function addressOf({ source, sourceConfig, sink, sinkConfig }: Ends): RawConfig {
  const config = source.part.client ? sourceConfig : sink.part.client ? sinkConfig : {}
  return Object.fromEntries(Object.entries(config).filter(([key]) => address.test(key)))
}
