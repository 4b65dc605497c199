import { definePlugin, sink } from '../../core/index.ts'
import { elasticsearchConfig } from './config.ts'

export default definePlugin({
  name: 'elasticsearch',
  version: '0.1.0',
  api: 1,
  sinks: [
    sink({
      class: 'io.confluent.connect.elasticsearch.ElasticsearchSinkConnector',
      aliases: ['elasticsearch', 'opensearch', 'ElasticsearchSink', 'ElasticsearchSinkConnector'],
      doc: 'Writes documents to Elasticsearch 7 to 9 and OpenSearch; what is repeated changes nothing.',
      config: elasticsearchConfig,
      create: async (config, context) => new (await import('./sink.ts')).ElasticsearchSinkTask(config, context),
      validate: async (config) => (await import('./validation.ts')).validateElasticsearch(config),
    }),
  ],
})
