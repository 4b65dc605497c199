import {
  converter,
  defineConfig,
  definePlugin,
  idle,
  predicate,
  sink,
  source,
  transform,
  type Json,
  type SinkTask,
  type SourceTask,
} from '../../core/index.ts'
import { Registry } from '../../core/runtime/registry.ts'

const fileConfig = defineConfig({
  topic: { type: 'string', required: true, importance: 'high', doc: 'Topic of the lines.' },
  file: { type: 'string', importance: 'high', doc: 'File to read.' },
  password: { type: 'password', doc: 'Opens the file.' },
  'batch.size': { type: 'int', default: 2000, min: 1, group: 'Tuning', width: 'short', doc: 'Lines in a batch.' },
  encryption: { type: 'string', doc: 'Key management.', unsupported: 'files are read as they are' },
  strict: { type: 'boolean', default: false, doc: 'Asks the file before it starts.' },
})

/** Never has anything to read. */
const quiet: SourceTask = {
  open: async () => {},
  poll: async (signal) => {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    return idle
  },
  [Symbol.asyncDispose]: async () => {},
}

const swallowing: SinkTask = { put: async () => {}, [Symbol.asyncDispose]: async () => {} }

/** Plugins that need nothing of the outside. Their names and texts are those of Kafka's own file connectors, as far as tests look at them. */
export const fixtures = definePlugin({
  name: 'rest-fixtures',
  version: '4.3.1',
  api: 1,
  sources: [
    source({
      class: 'org.apache.kafka.connect.file.FileStreamSourceConnector',
      aliases: ['file'],
      config: fileConfig,
      create: () => quiet,
      validate: async (config) =>
        config.strict
          ? [{ key: 'file', value: config.file ?? null, message: `File ${config.file} of ${config.password} cannot be read` }]
          : [],
      checkOffsets: (offsets) => {
        for (const position of Object.values(offsets) as (Json & { readonly position?: unknown })[]) {
          if (position !== null && typeof position.position !== 'number') throw new Error('"position" must be a number')
        }
      },
    }),
    source({
      class: 'org.example.KafkaSource',
      aliases: ['kafka'],
      config: defineConfig({}),
      create: () => quiet,
    }),
  ],
  sinks: [
    sink({
      class: 'org.apache.kafka.connect.file.FileStreamSinkConnector',
      aliases: ['file'],
      config: defineConfig({ file: { type: 'string', default: null, importance: 'high', doc: 'File to write.' } }),
      create: () => swallowing,
    }),
    sink({
      class: 'org.example.KafkaSink',
      aliases: ['kafka'],
      config: defineConfig({}),
      create: () => swallowing,
    }),
    sink({
      class: 'io.millrace.connector.delta.DeltaSinkConnector',
      aliases: ['delta'],
      config: defineConfig({
        path: { type: 'string', required: true, importance: 'high', doc: 'Folder of the lake.' },
        mode: { type: 'string', default: 'append', oneOf: ['append', 'upsert'], doc: 'How tables are written.' },
        secret: { type: 'password', doc: 'Key of the store.' },
      }),
      create: () => swallowing,
    }),
  ],
  transforms: [
    transform({
      class: 'org.apache.kafka.connect.transforms.RegexRouter',
      config: defineConfig({
        regex: { type: 'string', required: true, importance: 'high', doc: 'What to match.' },
        replacement: { type: 'string', required: true, importance: 'high', doc: 'What to put there.' },
      }),
      create: ({ regex }) => {
        if (regex.includes('(?=')) throw new Error('look-ahead is not supported')
        return { apply: (record) => record }
      },
    }),
    transform({
      class: 'org.apache.kafka.connect.transforms.InsertField$Value',
      config: defineConfig({ 'static.field': { type: 'string', doc: 'Name of the field.' } }),
      create: () => ({ apply: (record) => record }),
    }),
  ],
  predicates: [
    predicate({
      class: 'org.apache.kafka.connect.transforms.predicates.TopicNameMatches',
      config: defineConfig({ pattern: { type: 'string', required: true, doc: 'What the whole topic must match.' } }),
      create: () => ({ test: () => true }),
    }),
  ],
  converters: [
    converter({
      class: 'org.apache.kafka.connect.json.JsonConverter',
      config: defineConfig({ 'schemas.enable': { type: 'boolean', default: true, doc: 'Whether schemas are in the JSON.' } }),
      create: () => ({ serialize: () => null, deserialize: () => ({ schema: null, value: null }) }),
    }),
  ],
})

export default fixtures

export const registry = new Registry([{ specifier: import.meta.url, plugin: fixtures }])
/** A worker without Kafka: the other end must be named. */
export const registryWithoutKafka = new Registry([
  {
    specifier: import.meta.url,
    plugin: {
      ...fixtures,
      sources: fixtures.sources!.filter((one) => !one.class.includes('Kafka')),
      sinks: fixtures.sinks!.filter((one) => !one.class.includes('KafkaSink')),
    },
  },
])
