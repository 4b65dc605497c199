import { defineConfig } from '../../../core/index.ts'
import { clientConfig } from '../config/client-keys.ts'
import { ignoredConsumerKeys, unsupportedConsumerKeys } from './config-ignored.ts'
import { placeFault } from './place.ts'
import { patternFault } from './topic-pattern.ts'

/** Settings of the Kafka source: Java's consumer by its own names, and ours for where to begin, to end and what a loss is. */
export const kafkaSourceConfig = defineConfig({
  ...ignoredConsumerKeys,
  ...unsupportedConsumerKeys,
  ...clientConfig,
  topics: { type: 'list', importance: 'high', doc: 'Topics to read, separated by commas. Either this or topics.regex.' },
  'topics.regex': {
    type: 'string',
    importance: 'high',
    doc: 'Topics to read: all whose whole name matches this regular expression, those too that are made later. Read by RE2, so without look-around and back references.',
    check: patternFault,
  },
  'group.id': {
    type: 'string',
    importance: 'high',
    doc: 'Consumer group of the tasks. Default: connect-<name of the connector>, as in Kafka Connect.',
  },
  start: {
    type: 'string',
    importance: 'high',
    doc: 'Where a partition without a saved position begins: earliest, latest, a time (2026-01-31T12:00:00Z or milliseconds), or offsets in JSON ({"topic": {"0": 123}}). Default: auto.offset.reset. With latest, topics and partitions that are made later are read from their first record.',
    check: placeFault,
  },
  end: {
    type: 'string',
    importance: 'high',
    doc: 'Makes the run a bounded one that ends COMPLETED: latest (the ends as they are when it first starts), a time (up to the first record at or after it), or offsets in JSON ({"topic": {"0": 456}}, the first ones not read; partitions without one are not read). A restart goes on to the same ends.',
    check: endFault,
  },
  'auto.offset.reset': {
    type: 'string',
    default: 'earliest',
    oneOf: ['earliest', 'latest', 'none'],
    importance: 'medium',
    doc: 'Where a partition without a saved position begins, unless "start" says; none: the task fails. It does not decide over deleted records: errors.data.loss does.',
  },
  'errors.data.loss': {
    type: 'string',
    default: 'fail',
    oneOf: ['fail', 'continue'],
    importance: 'high',
    doc: 'The log no longer has the record that comes next (retention, a topic made anew): fail the task with what is missing, or log that and continue at the first record there is.',
  },
  'isolation.level': {
    type: 'string',
    default: 'read_uncommitted',
    oneOf: ['read_uncommitted', 'read_committed'],
    importance: 'medium',
    doc: "Whether records of open and aborted transactions are read. Java's default, read_uncommitted, reads them: set read_committed for topics that are written in transactions.",
  },
  assignment: {
    type: 'string',
    default: 'group',
    oneOf: ['group', 'static'],
    importance: 'low',
    doc: 'How tasks come to their partitions: as members of the consumer group, or dealt by number (hash of the topic plus partition, modulo tasks). Dealt they are, too, in bounded runs and with exactly.once.support=required.',
  },
  'exactly.once.support': {
    type: 'string',
    importance: 'low',
    doc: 'With required, the positions are those that the sink keeps; see assignment.',
  },
  'partition.assignment.strategy': {
    type: 'list',
    default: ['org.apache.kafka.clients.consumer.RoundRobinAssignor', 'org.apache.kafka.clients.consumer.RangeAssignor'],
    importance: 'low',
    doc: 'How the group deals partitions, best first: RoundRobinAssignor, RangeAssignor, or their names roundrobin and range. Others are passed over; one of these must be there.',
    check: strategyFault,
  },
  'session.timeout.ms': {
    type: 'int',
    default: 10_000,
    min: 1,
    importance: 'medium',
    doc: "After this time without a heartbeat the group takes a task for dead, and a worker that was killed gets its partitions back. Java's consumer waits 45 s; here a process that gives no sign of life for 10 s is ended in any case.",
  },
  'heartbeat.interval.ms': {
    type: 'int',
    default: 3_000,
    min: 1,
    importance: 'medium',
    doc: 'Time between heartbeats. They go on while the sink writes.',
  },
  'max.poll.interval.ms': {
    type: 'int',
    default: 300_000,
    min: 1,
    importance: 'medium',
    doc: 'How long the group waits in a rebalance for a task to flush what it has in flight.',
  },
  'metadata.max.age.ms': {
    type: 'int',
    default: 30_000,
    min: 100,
    importance: 'low',
    doc: 'Time between two looks for new topics and partitions.',
  },
  'fetch.min.bytes': { type: 'int', default: 1, min: 0, importance: 'medium', doc: 'A broker answers as soon as it has this much.' },
  'fetch.max.wait.ms': {
    type: 'int',
    default: 500,
    min: 0,
    max: 30_000,
    importance: 'low',
    doc: 'Longest time that a broker waits for fetch.min.bytes.',
  },
  'fetch.max.bytes': {
    type: 'int',
    default: 16_777_216,
    min: 1_024,
    importance: 'medium',
    doc: 'Most bytes in one answer of a broker; no more is fetched while this much, or 8 MiB, waits. A larger record comes all the same.',
  },
  'max.partition.fetch.bytes': {
    type: 'int',
    default: 1_048_576,
    min: 1,
    importance: 'high',
    doc: 'Most bytes of one partition in an answer. A larger record comes all the same.',
  },
  'max.poll.records': {
    type: 'int',
    default: 500,
    min: 1,
    max: 1_000_000,
    importance: 'medium',
    doc: "Most records in one batch of the pipeline. More of them cost more: what outlives V8's young generation is copied (3.0 us a record by 500, 4.4 by 2,048).",
  },
  'batch.max.bytes': {
    type: 'long',
    default: 8_388_608,
    min: 1,
    importance: 'low',
    doc: 'A batch of the pipeline ends with the record that reaches this size.',
  },
  'check.crcs': { type: 'boolean', default: true, importance: 'low', doc: 'Compares the checksum of every record batch.' },
  'decompression.max.bytes': {
    type: 'long',
    default: 268_435_456,
    min: 1_024,
    importance: 'low',
    doc: 'Most bytes that one record batch may come to when it is decompressed.',
  },
  'decompression.max.ratio': {
    type: 'int',
    default: 1_000,
    min: 1,
    importance: 'low',
    doc: 'Most times its size that a record batch of more than 1 MiB may come to when it is decompressed.',
  },
  'task.count': {
    type: 'int',
    default: 1,
    min: 1,
    importance: 'low',
    doc: 'Set by the worker: over how many tasks partitions are dealt by number.',
  },
})

function endFault(value: string): string | undefined {
  return value.trim() === 'earliest' ? 'a run cannot end before the first record' : placeFault(value)
}

function strategyFault(names: readonly string[]): string | undefined {
  return assignorsOf(names).length > 0
    ? undefined
    : 'one of RoundRobinAssignor and RangeAssignor must be there (cooperative and sticky assignors are not supported)'
}

/** The supported assignors of a list of class names, in its order. */
export function assignorsOf(names: readonly string[]): readonly ('range' | 'roundrobin')[] {
  const known = names.flatMap((name) => {
    const short = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
    if (short === 'range' || short === 'rangeassignor') return ['range' as const]
    return short === 'roundrobin' || short === 'roundrobinassignor' ? ['roundrobin' as const] : []
  })
  return [...new Set(known)]
}
