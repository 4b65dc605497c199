import { definePlugin, sink } from '../../core/index.ts'
import { httpConfig, httpIssues } from './config.ts'

/** Any HTTP API as a sink. The task is loaded when one is made. */
export default definePlugin({
  name: 'http',
  version: '0.1.0',
  api: 1,
  sinks: [
    sink({
      class: 'io.millrace.connector.http.HttpSinkConnector',
      aliases: ['http', 'HttpSink', 'HttpSinkConnector'],
      doc:
        'Sends records by HTTP, each by itself or in batches; URL, headers and body from templates. At least once. 429 and 5xx are waited out, other ' +
        'answers of 4xx reject the records that they are about.',
      config: httpConfig,
      validate: (config) => Promise.resolve(httpIssues(config)),
      async create(config, context) {
        const { HttpSinkTask } = await import('./sink.ts')
        return new HttpSinkTask(config, context)
      },
    }),
  ],
})
