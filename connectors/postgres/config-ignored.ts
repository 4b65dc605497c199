import { defineConfig } from '../../core/index.ts'

const group = 'Without effect'
const doc = (why: string) => `Accepted so that configs of Debezium run as they are; has no effect: ${why}.`

/** Keys of Debezium that change nothing about what is captured, and need no word when they are given. */
export const ignoredKeys = defineConfig({
  'event.processing.failure.handling.mode': {
    type: 'string',
    oneOf: ['fail'],
    group,
    importance: 'low',
    doc: doc('errors.tolerance decides what happens to a row that cannot be turned'),
  },
  'errors.max.retries': { type: 'int', group, importance: 'low', doc: doc('errors.retry.timeout and the restart policy decide') },
  'schema.refresh.mode': { type: 'string', group, importance: 'low', doc: doc('the schema comes with the stream') },
  'flush.lsn.source': { type: 'boolean', group, importance: 'low', doc: doc('the slot always follows what is durable') },
  'lsn.flush.timeout.ms': { type: 'long', group, importance: 'low', doc: doc('acknowledging does not wait') },
  'lsn.flush.timeout.action': { type: 'string', group, importance: 'low', doc: doc('acknowledging does not wait') },
  'xmin.fetch.interval.ms': { type: 'long', group, importance: 'low', doc: doc('source.xmin is always null') },
  'snapshot.tables.order.by.row.count': {
    type: 'string',
    group,
    importance: 'low',
    doc: doc('tables are read in the order of their names'),
  },
  'snapshot.max.threads.multiplier': { type: 'int', group, importance: 'low', doc: doc('snapshot.max.threads connections read') },
  'incremental.snapshot.chunk.size': { type: 'int', group, importance: 'low', doc: doc('incremental snapshots are not built yet') },
  'incremental.snapshot.watermarking.strategy': {
    type: 'string',
    group,
    importance: 'low',
    doc: doc('incremental snapshots are not built yet'),
  },
  'incremental.snapshot.allow.schema.changes': {
    type: 'boolean',
    group,
    importance: 'low',
    doc: doc('incremental snapshots are not built yet'),
  },
  'read.only': { type: 'boolean', group, importance: 'low', doc: doc('nothing is ever written but slot and publication') },
  'signal.enabled.channels': { type: 'list', group, importance: 'low', doc: doc('signals are not built yet') },
  'signal.poll.interval.ms': { type: 'long', group, importance: 'low', doc: doc('signals are not built yet') },
  'topic.cache.size': { type: 'int', group, importance: 'low', doc: doc('names are kept with their tables') },
  'custom.metric.tags': { type: 'string', group, importance: 'low', doc: doc('there is no JMX') },
  'executor.shutdown.timeout.ms': { type: 'long', group, importance: 'low', doc: doc('task.shutdown.graceful.timeout.ms decides') },
  'connection.validation.timeout.ms': {
    type: 'long',
    group,
    importance: 'low',
    doc: doc('a validation takes at most five seconds to connect'),
  },
  'guardrail.collections.max': { type: 'int', group, importance: 'low', doc: doc('tables are not limited in number') },
  'guardrail.collections.limit.action': { type: 'string', group, importance: 'low', doc: doc('tables are not limited in number') },
  'table.ignore.builtin': { type: 'boolean', group, importance: 'low', doc: doc('system tables are never captured') },
  'streaming.delay.ms': { type: 'long', group, importance: 'low', doc: doc('streaming begins at once') },
})
