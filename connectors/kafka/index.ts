import { definePlugin, sink, source } from '../../core/index.ts'
import { kafkaSinkConfig } from './sink/config.ts'
import { kafkaSourceConfig } from './source/config.ts'
import { checkKafkaOffsets } from './source/position.ts'

export default definePlugin({
  name: 'kafka',
  version: '0.1.0',
  api: 1,
  sources: [
    source({
      class: 'io.millrace.connector.kafka.KafkaSourceConnector',
      aliases: ['kafka', 'KafkaSource', 'KafkaSourceConnector'],
      doc: 'Reads topics of Kafka, as a consumer group.',
      config: kafkaSourceConfig,
      client: 'consumer',
      // Loaded where it runs: the client is no use to the worker itself.
      create: async (config, context) => (await import('./source/open-source.ts')).openSource(config, context),
      tasks: (_, max) => Array.from({ length: max }, () => ({ 'task.count': String(max) })),
      validate: async (config) => (await import('./source/validation.ts')).validateKafkaSource(config),
      checkOffsets: checkKafkaOffsets,
      // Dealt partitions need no membership, and the group is nobody's: it is never committed to, so Kafka keeps nothing of it.
      sampling: { overlay: { 'group.id': 'millrace-preview', assignment: 'static', end: 'latest' } },
      alterOffsets: async (offsets, config, context) => (await import('./source/alter.ts')).alterGroup(offsets, config, context),
    }),
  ],
  sinks: [
    sink({
      class: 'io.millrace.connector.kafka.KafkaSinkConnector',
      aliases: ['kafka', 'KafkaSink', 'KafkaSinkConnector'],
      doc: 'Writes to topics of Kafka, in order and without duplicates; exactly once with transactions.',
      config: kafkaSinkConfig,
      client: 'producer',
      // What an aborted transaction left in a topic would become valid in its copy.
      sourceDefaults: { 'isolation.level': 'read_committed' },
      create: async (config, context) => (await import('./sink/open-sink.ts')).openSink(config, context),
      validate: async (config, given) => (await import('./sink/validation.ts')).validateKafkaSink(config, given),
    }),
  ],
})
