import { definePlugin, source } from '../../core/index.ts'
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
      alterOffsets: async (offsets, config, context) => (await import('./source/alter.ts')).alterGroup(offsets, config, context),
    }),
  ],
})
