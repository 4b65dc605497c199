import { defineConfig, type ConfigIssue, type ConfigOf } from '../../../core/index.ts'
import type { ProducerSettings } from './producer-parts.ts'

const noCode = 'Java classes are not loaded; use key.converter, value.converter and header.converter'

/** Settings of the producer by the names that Java's client gives them. */
export const producerKeys = defineConfig({
  acks: {
    type: 'string',
    default: 'all',
    oneOf: ['all', '-1', '0', '1'],
    importance: 'high',
    doc: 'Whose copies a record needs before it counts as written: all replicas in sync (all, -1), the leader (1), nobody (0: records may be lost in silence).',
  },
  'compression.type': {
    type: 'string',
    oneOf: ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'producer'],
    importance: 'high',
    doc: 'Compression of record batches. Absent: none, and batches that are forwarded whole from another topic keep theirs.',
  },
  'compression.gzip.level': { type: 'int', min: -1, max: 9, importance: 'low', doc: 'Level of gzip.' },
  'compression.zstd.level': { type: 'int', min: -131072, max: 22, importance: 'low', doc: 'Level of zstd.' },
  'compression.lz4.level': { type: 'int', min: 1, max: 17, importance: 'low', doc: 'Taken as it is: lz4 is written at one level.' },
  'batch.size': {
    type: 'int',
    default: 262_144,
    min: 0,
    importance: 'medium',
    doc: 'Most bytes of a record batch before compression (a larger record has a batch of its own). Java has 16384; as nothing waits for a batch to fill up, a higher bound costs no time.',
  },
  'linger.ms': {
    type: 'long',
    default: 0,
    min: 0,
    importance: 'medium',
    doc: 'How long records wait for others to share a batch. With 0 they go at once; what arrives while requests are under way is gathered all the same.',
  },
  'buffer.memory': {
    type: 'long',
    default: 33_554_432,
    min: 65_536,
    importance: 'medium',
    doc: 'Bytes under way (before compression) beyond which the task waits for answers. One batch of the source may go over it.',
  },
  'max.request.size': {
    type: 'int',
    default: 1_048_576,
    min: 1024,
    importance: 'medium',
    doc: 'Most bytes of a request, and so of a record; a larger record is rejected.',
  },
  'max.in.flight.requests.per.connection': {
    type: 'int',
    default: 5,
    min: 1,
    importance: 'low',
    doc: 'Requests under way to one broker. The order of a partition is kept whatever it is.',
  },
  'enable.idempotence': {
    type: 'boolean',
    importance: 'low',
    doc: 'Retries double nothing (KIP-98). On unless acks, retries or max.in.flight.requests.per.connection exclude it.',
  },
  retries: {
    type: 'int',
    default: 2_147_483_647,
    min: 0,
    importance: 'low',
    doc: 'How often a batch is sent again after a passing failure.',
  },
  'retry.backoff.ms': { type: 'long', default: 100, min: 0, importance: 'low', doc: 'Wait before the first retry; it doubles.' },
  'retry.backoff.max.ms': { type: 'long', default: 1000, min: 0, importance: 'low', doc: 'Longest wait before a retry.' },
  'delivery.timeout.ms': {
    type: 'int',
    default: 120_000,
    min: 1,
    importance: 'medium',
    doc: 'How long records may be under way before the task says that Kafka does not take them. They stay queued, and the task tries on for errors.retry.timeout.',
  },
  'request.timeout.ms': {
    type: 'int',
    default: 30_000,
    min: 1,
    importance: 'medium',
    doc: 'How long a broker may take to answer a request.',
  },
  'transaction.timeout.ms': {
    type: 'int',
    default: 60_000,
    min: 1,
    importance: 'low',
    doc: 'How long a transaction may be open before the broker aborts it; longer than the time between two flushes.',
  },
  'partitioner.class': {
    type: 'string',
    importance: 'medium',
    check: partitionerFault,
    doc: 'Absent (or DefaultPartitioner): by the murmur2 of the key, else sticky, as in Java. RoundRobinPartitioner: in turn.',
  },
  'partitioner.ignore.keys': { type: 'boolean', default: false, importance: 'low', doc: 'Keys do not decide the partition.' },
  'partitioner.adaptive.partitioning.enable': {
    type: 'boolean',
    default: true,
    importance: 'low',
    doc: 'Taken as it is: records without a key go from partition to partition in turn, a batch each.',
  },
  'max.block.ms': { type: 'long', importance: 'low', doc: 'Taken as it is: delivery.timeout.ms bounds every wait.' },
  'transactional.id': {
    type: 'string',
    doc: 'Made of group.id, connector and task.',
    unsupported: 'transactional ids are made of the worker\'s group.id, the connector and the task; set "exactly.once.support": "required"',
  },
  'key.serializer': { type: 'string', doc: 'A Java class.', unsupported: noCode },
  'value.serializer': { type: 'string', doc: 'A Java class.', unsupported: noCode },
  'interceptor.classes': { type: 'string', doc: 'A Java class.', unsupported: noCode },
  'exactly.once.support': {
    type: 'string',
    default: 'requested',
    oneOf: ['requested', 'required'],
    importance: 'medium',
    doc: "required: records and positions are written in one transaction (KIP-618). Set by the worker from its own and the connector's key of this name.",
  },
  'offsets.storage.topic': {
    type: 'string',
    default: 'millrace-offsets',
    importance: 'low',
    doc: 'With exactly-once delivery: the topic of the positions. Created compacted.',
  },
  'transactional.id.prefix': {
    type: 'string',
    default: 'millrace',
    importance: 'low',
    doc: 'Set by the worker: begins the transactional ids.',
  },
  'topic.creation': { type: 'string', importance: 'low', doc: "Set by the worker: the connector's topic.creation.* keys as JSON." },
  'topic.creation.enable': { type: 'boolean', default: true, importance: 'low', doc: 'Whether missing topics are created.' },
})

/** Whether retries may not double; as in Java an explicit `true` wants the others to agree (`producerIssues`). */
export function isIdempotent(config: ConfigOf<typeof producerKeys>): boolean {
  return config['enable.idempotence'] ?? idempotenceConflicts(config).length === 0
}

/** Faults between keys that are fine one by one. */
export function producerIssues(config: ConfigOf<typeof producerKeys>): readonly ConfigIssue[] {
  const once = config['exactly.once.support'].toLowerCase() === 'required'
  const issues: ConfigIssue[] = []
  if (once && config['enable.idempotence'] === false) {
    issues.push({ key: 'enable.idempotence', value: 'false', message: 'Exactly-once delivery needs enable.idempotence=true' })
  }
  if (once || config['enable.idempotence'] === true) {
    const why = once ? 'exactly-once delivery' : 'enable.idempotence=true'
    issues.push(...idempotenceConflicts(config).map(([key, want]) => ({ key, message: `Must set ${key} to ${want} for ${why}` })))
  }
  const { 'delivery.timeout.ms': delivery, 'linger.ms': linger, 'request.timeout.ms': request } = config
  if (delivery < linger + request) {
    const message = `delivery.timeout.ms (${delivery}) should be equal to or larger than linger.ms + request.timeout.ms (${linger + request})`
    issues.push({ key: 'delivery.timeout.ms', value: String(delivery), message })
  }
  return issues
}

function idempotenceConflicts(config: ConfigOf<typeof producerKeys>): readonly (readonly [key: string, want: string])[] {
  const conflicts: (readonly [string, string])[] = []
  if (config.acks !== 'all' && config.acks !== '-1') conflicts.push(['acks', 'all'])
  if (config.retries === 0) conflicts.push(['retries', 'more than 0'])
  if (config['max.in.flight.requests.per.connection'] > 5) conflicts.push(['max.in.flight.requests.per.connection', 'at most 5'])
  return conflicts
}

/** The producer's bounds. */
export function producerSettings(config: ConfigOf<typeof producerKeys>): ProducerSettings {
  const compression = config['compression.type']?.toLowerCase() ?? 'none'
  const level =
    compression === 'gzip' ? config['compression.gzip.level'] : compression === 'zstd' ? config['compression.zstd.level'] : undefined
  return {
    acks: config.acks === '0' ? 0 : config.acks === '1' ? 1 : -1,
    build: {
      compression: compression === 'producer' ? 'none' : (compression as ProducerSettings['build']['compression']),
      ...(level === undefined ? {} : { level }),
    },
    transactional: config['exactly.once.support'].toLowerCase() === 'required',
    inFlightMax: config['max.in.flight.requests.per.connection'],
    requestTimeoutMs: config['request.timeout.ms'],
    deliveryTimeoutMs: config['delivery.timeout.ms'],
    lingerMs: config['linger.ms'],
    batchBytes: config['batch.size'],
    requestBytesMax: config['max.request.size'],
    memoryBytes: config['buffer.memory'],
    retries: config.retries,
    retryBackoffMs: config['retry.backoff.ms'],
    retryBackoffMaxMs: config['retry.backoff.max.ms'],
  }
}

/** The way that a partitioner's Java name stands for; undefined: there is none here. */
export function partitioningWay(name: string | undefined): 'default' | 'round-robin' | undefined {
  switch (name?.replace(/^.*\./, '')) {
    case undefined:
    case '':
    case 'DefaultPartitioner':
    case 'BuiltInPartitioner':
    case 'UniformStickyPartitioner':
      return 'default'
    case 'RoundRobinPartitioner':
      return 'round-robin'
    default:
      return undefined
  }
}

function partitionerFault(name: string): string | undefined {
  if (partitioningWay(name) !== undefined) return undefined
  return 'Java partitioners are not loaded; known are the default one and org.apache.kafka.clients.producer.RoundRobinPartitioner'
}
