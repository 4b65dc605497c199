import { defineConfig, type ConfigIssue } from '../../core/index.ts'

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
  'skip.messages.without.change': {
    type: 'boolean',
    doc: 'Leave out updates that change nothing in the captured columns.',
    unsupported: 'every update makes a record',
  },
  'money.fraction.digits': {
    type: 'int',
    doc: 'Fraction digits of money.',
    unsupported: 'money is read with the two digits that lc_monetary=C gives it',
  },
  'snapshot.isolation.mode': {
    type: 'string',
    doc: 'Isolation of the snapshot.',
    unsupported: "a snapshot always reads in repeatable read, at the slot's own point",
  },
  'snapshot.query.mode': { type: 'string', doc: 'How the snapshot queries.', unsupported: 'a snapshot always reads whole tables' },
  'notification.enabled.channels': {
    type: 'list',
    doc: 'Channels for notifications.',
    unsupported: 'notifications are not built; GET /api/v1 shows the progress',
  },
})

const masks = 'columns are not masked, hashed or cut here; leave them out with column.exclude.list, or use the MaskField transform'

/** Families of keys whose names carry a value: ignoring one would let through what it is meant to hide. */
const unsupportedFamilies: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^column\.mask\.with\.\d+\.chars$/, masks],
  [/^column\.mask\.hash(\.v2)?\..+\.with\.salt\..+$/, masks],
  [/^column\.truncate\.to\.\d+\.chars$/, masks],
  [/^snapshot\.select\.statement\.overrides\..+$/, 'a snapshot always reads whole tables'],
  [
    /^database\.(?!hostname$|port$|user$|password$|dbname$|ssl|tcpKeepAlive$|initial\.statements$|query\.timeout\.ms$).+$/,
    'settings of the JDBC driver mean nothing here',
  ],
]

/** Faults of keys that no definition can list. */
export function familyIssues(given: Readonly<Record<string, string>>): readonly ConfigIssue[] {
  return Object.entries(given).flatMap(([key, value]) => {
    const family = unsupportedFamilies.find(([pattern]) => pattern.test(key))
    return family === undefined ? [] : [{ key, value, message: `Configuration ${key} is not supported: ${family[1]}` }]
  })
}
