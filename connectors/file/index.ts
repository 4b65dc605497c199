import { stat } from 'node:fs/promises'
import { definePlugin, sink, source, type ConfigIssue } from '../../core/index.ts'
import { fileSinkConfig, fileSourceConfig } from './config.ts'
import { checkFileOffsets } from './offsets.ts'

export default definePlugin({
  name: 'file',
  version: '0.1.0',
  api: 1,
  sources: [
    source({
      class: 'org.apache.kafka.connect.file.FileStreamSourceConnector',
      aliases: ['file', 'FileStreamSource', 'FileStreamSourceConnector'],
      doc: 'Follows a file, a record for each line.',
      config: fileSourceConfig,
      create: async (config, context) => new (await import('./source.ts')).FileSourceTask(config, context),
      validate: ({ file }) => regularFile(file),
      checkOffsets: checkFileOffsets,
      sampling: { overlay: {} },
    }),
  ],
  sinks: [
    sink({
      class: 'org.apache.kafka.connect.file.FileStreamSinkConnector',
      aliases: ['file', 'FileStreamSink', 'FileStreamSinkConnector'],
      doc: 'Appends a line for each record to a file, exactly once.',
      config: fileSinkConfig,
      create: async (config, context) => new (await import('./sink.ts')).FileSinkTask(config, context),
      validate: ({ file }) => regularFile(file),
    }),
  ],
})

/** A file that is not there may come, or be created. */
async function regularFile(path: string): Promise<readonly ConfigIssue[]> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.isFile()) return []
  const kind = found.isDirectory() ? 'a directory' : 'a pipe, socket or device'
  return [{ key: 'file', value: path, message: `Invalid value ${path} for configuration file: it is ${kind}, not a regular file` }]
}
