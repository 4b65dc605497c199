import type { ConfigIssue } from '../../contract/errors.ts'
import { clientConfig, type WorkerClients } from '../client-config.ts'
import type { Ends, RawConfig } from '../ends.ts'
import type { PartSpec } from '../protocol.ts'
import type { Registry } from '../registry.ts'

/** What a host needs to write dead letters to a topic and to read them: Kafka's ends, and a converter that leaves bytes as they are. */
export interface LetterTopicSpec {
  readonly topic: string
  readonly contextHeaders: boolean
  readonly sink: PartSpec
  readonly bytes: PartSpec
  /** The Kafka source, which reads them again; null: this worker has none. */
  readonly source: PartSpec | null
  /** The topic of letters that do not name theirs: the only one that the connector reads; null: there is no such. */
  readonly onlyTopic: string | null
}

/** A letter may be this large, in bytes: one that was too large for its topic, and its headers, must still find room. A topic that exists keeps its own bound. */
const letterBytesMax = 16 * 1024 * 1024

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
  const source = registry.source('kafka')
  const bytes = registry.converter('ByteArrayConverter')
  const client = { ...addressOf(ends), ...clientConfig('producer', raw, clients) }
  if (!sink || !bytes || client['bootstrap.servers'] === undefined) {
    const message = `Dead letters cannot go to the topic ${topic}: this worker has no Kafka. Set "bootstrap.servers" in its settings, or name a folder with "errors.deadletterqueue.path" and leave "${topicKey}" out`
    return { issue: { key: topicKey, value: raw[topicKey] ?? null, message } }
  }
  const replication = raw['errors.deadletterqueue.topic.replication.factor']?.trim() ?? '3'
  const requestBytes = Math.max(letterBytesMax, Number(client['max.request.size'] ?? 0))
  const creation = {
    'topic.creation.default.partitions': '1',
    'topic.creation.default.replication.factor': replication,
    'topic.creation.default.max.message.bytes': String(requestBytes),
  }
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
        'max.request.size': String(requestBytes),
        'topic.creation': JSON.stringify(creation),
        'exactly.once.support': 'requested',
      },
    },
    bytes: { module: bytes.module, class: bytes.class, config: {} },
    source: source
      ? {
          module: source.module,
          class: source.class,
          config: {
            ...addressOf(ends),
            ...clientConfig('consumer', raw, clients),
            name: raw['name'] ?? '',
            topics: topic,
            assignment: 'static',
            'errors.data.loss': 'continue',
          },
        }
      : null,
    onlyTopic: onlyTopicOf(ends),
  }
}

function onlyTopicOf({ sourceConfig }: Ends): string | null {
  const topics = (sourceConfig['topics'] ?? '').split(',').flatMap((topic) => (topic.trim() === '' ? [] : [topic.trim()]))
  return topics.length === 1 ? topics[0]! : null
}

const address = /^(bootstrap\.servers|client\.dns\.lookup|security\.|sasl\.|ssl\.)/

/** The Kafka of the connector's own end. */
function addressOf({ source, sourceConfig, sink, sinkConfig }: Ends): RawConfig {
  const config = source.part.client ? sourceConfig : sink.part.client ? sinkConfig : {}
  return Object.fromEntries(Object.entries(config).filter(([key]) => address.test(key)))
}
