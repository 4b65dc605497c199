import { definePlugin, sink } from '../../core/index.ts'
import { deltaConfig, deltaIssues } from './config.ts'
import { folderFault } from './folder.ts'
import { s3Address } from './s3/address.ts'

/** Delta Lake tables in a local folder or an S3 store. The task and DuckDB are loaded when a task is made, not when the connector is listed. */
export default definePlugin({
  name: 'delta',
  version: '0.1.0',
  api: 1,
  sinks: [
    sink({
      class: 'io.millrace.connector.delta.DeltaSinkConnector',
      aliases: ['delta', 'DeltaSink', 'DeltaSinkConnector'],
      doc:
        'Writes records to Delta Lake tables, as a change log or as a mirror of the source. Exactly once for records that carry their place at the source ' +
        '(Postgres, Kafka, files); at least once for those that do not.',
      config: deltaConfig,
      // A mirror that misses a TRUNCATE is none; Debezium's own default passes over it.
      sourceDefaults: { 'skipped.operations': 'none' },
      async validate(config) {
        const faults = deltaIssues(config)
        if (faults.length > 0) return faults
        const fault = s3Address(config.path)
          ? await (await import('./s3/reachable.ts')).unreachable(config.path, config)
          : await folderFault(config.path)
        return fault === undefined ? [] : [{ key: 'path', value: config.path, message: fault }]
      },
      plan: async (records, config, context) => (await import('./look.ts')).lookAhead(records, config, context),
      async create(config, context) {
        const { DeltaSinkTask } = await import('./sink.ts')
        return new DeltaSinkTask(config, context)
      },
    }),
  ],
})
