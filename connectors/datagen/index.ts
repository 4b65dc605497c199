import { definePlugin, source } from '../../core/index.ts'
import { datagenConfig } from './config.ts'
import { checkDatagenOffsets } from './offsets.ts'

export default definePlugin({
  name: 'datagen',
  version: '0.1.0',
  api: 1,
  sources: [
    source({
      class: 'io.millrace.connector.datagen.DatagenSourceConnector',
      aliases: ['datagen', 'DatagenSource', 'DatagenSourceConnector'],
      doc: 'Makes deterministic e-commerce events and rows: for tests, demonstrations and benchmarks.',
      config: datagenConfig,
      // Loaded where it runs: its tables of words are no use to the worker itself.
      create: async (config, context) => new (await import('./source.ts')).DatagenSourceTask(config, context),
      tasks: (config, max) => {
        const count = config.count < 0 ? max : Math.max(1, Math.min(max, config.count))
        return Array.from({ length: count }, () => ({ 'task.count': String(count) }))
      },
      checkOffsets: checkDatagenOffsets,
      sampling: { overlay: {} },
    }),
  ],
})
