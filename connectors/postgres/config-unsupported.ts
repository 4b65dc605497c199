import { defineConfig } from '../../core/index.ts'

const signals = 'signals and incremental snapshots are not built yet; snapshot.mode=always at a restart reads the tables again'
const javaOnly = 'it names a Java class, which cannot run here'

/** Keys that Debezium knows and that would change what is captured: giving one is an error that says so. */
export const unsupportedKeys = defineConfig({
  'signal.data.collection': { type: 'string', doc: 'Table for signals.', unsupported: signals },
  'signal.kafka.topic': { type: 'string', doc: 'Topic for signals.', unsupported: signals },
  'signal.kafka.bootstrap.servers': { type: 'string', doc: 'Brokers for signals.', unsupported: signals },
  'snapshot.mode.custom.name': { type: 'string', doc: 'Class of a snapshotter.', unsupported: javaOnly },
  'snapshot.query.mode.custom.name': { type: 'string', doc: 'Class of a snapshot query.', unsupported: javaOnly },
  'snapshot.locking.mode.custom.name': { type: 'string', doc: 'Class of a snapshot lock.', unsupported: javaOnly },
  converters: { type: 'list', doc: 'Custom converters.', unsupported: `${javaOnly}; use a transform` },
  'post.processors': { type: 'list', doc: 'Post processors.', unsupported: `${javaOnly}; use a transform` },
  'database.sslfactory': { type: 'string', doc: 'Class of a socket factory.', unsupported: javaOnly },
  'topic.naming.strategy': { type: 'string', doc: 'Class that names topics.', unsupported: `${javaOnly}; use a RegexRouter transform` },
  'sourceinfo.struct.maker': { type: 'string', doc: 'Class that makes the source block.', unsupported: javaOnly },
  'column.propagate.source.type': {
    type: 'list',
    doc: 'Columns whose types go into schema parameters.',
    unsupported: 'source types are not put into schema parameters',
  },
  'datatype.propagate.source.type': {
    type: 'list',
    doc: 'Types that go into schema parameters.',
    unsupported: 'source types are not put into schema parameters',
  },
  'slot.stream.params': {
    type: 'string',
    doc: 'Options of the decoding plug-in.',
    unsupported: 'pgoutput gets the options that the decoder can read, and no others',
  },
  'notification.enabled.channels': {
    type: 'list',
    doc: 'Channels for notifications.',
    unsupported: 'notifications are not built; GET /api/v1 shows the progress',
  },
})
