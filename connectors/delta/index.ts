import { type ConfigIssue, definePlugin, sink } from '../../core/index.ts'
import { deltaConfig, deltaIssues } from './config.ts'
import { filesConfig, filesIssues, placeOf, withAliases } from './files/config.ts'
import { folderFault } from './folder.ts'
import { s3Address } from './s3/address.ts'
import type { S3Config } from './s3/config.ts'

/** Delta Lake tables and plain files in a local folder or an S3 store. The task and DuckDB are loaded when a task is made, not when the connector is listed. */
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
        return await placeIssues(config.path, config)
      },
      plan: async (records, config, context) => (await import('./look.ts')).lookAhead(records, config, context),
      async create(config, context) {
        const { DeltaSinkTask } = await import('./sink.ts')
        return new DeltaSinkTask(config, context)
      },
    }),
    sink({
      class: 'io.confluent.connect.s3.S3SinkConnector',
      aliases: ['files', 's3', 'S3Sink', 'S3SinkConnector'],
      doc:
        "Writes records to plain JSON-lines or Parquet files in a folder or an S3 store, without a table's log, under the keys and names of Confluent's S3 sink. " +
        'Each record once, by a journal beside the files.',
      config: filesConfig,
      async validate(config) {
        const faults = filesIssues(config)
        return faults.length > 0 ? faults : await placeIssues(placeOf(config)!, withAliases(config))
      },
      plan: async (records, config, context) => (await import('./files/look.ts')).lookAhead(records, config, context),
      async create(config, context) {
        const { FilesSinkTask } = await import('./files/sink.ts')
        return new FilesSinkTask(config, context)
      },
    }),
  ],
})

/** Whether the place can be written, asked of the disk or the store. */
async function placeIssues(path: string, config: S3Config): Promise<readonly ConfigIssue[]> {
  const fault = s3Address(path) ? await (await import('./s3/reachable.ts')).unreachable(path, config) : await folderFault(path)
  return fault === undefined ? [] : [{ key: 'path', value: path, message: fault }]
}
