import { defineConfig } from '../../../core/index.ts'

const oneWay = 'Accepted and without effect: the connector commits its positions itself, after the sink made their records durable.'

/** Settings of Java's consumer that change nothing that a user gets, so existing configs pass. */
export const ignoredConsumerKeys = defineConfig({
  'enable.auto.commit': { type: 'boolean', importance: 'low', doc: oneWay },
  'auto.commit.interval.ms': { type: 'int', importance: 'low', doc: oneWay },
  'key.deserializer': { type: 'class', importance: 'low', doc: 'Accepted and without effect: key.converter decides.' },
  'value.deserializer': { type: 'class', importance: 'low', doc: 'Accepted and without effect: value.converter decides.' },
  'allow.auto.create.topics': { type: 'boolean', importance: 'low', doc: 'Accepted and without effect: reading never creates a topic.' },
  'exclude.internal.topics': {
    type: 'boolean',
    importance: 'low',
    doc: 'Accepted and without effect: topics.regex never takes internal topics.',
  },
  'group.instance.id': {
    type: 'string',
    importance: 'low',
    doc: 'Accepted and without effect: tasks join their group as dynamic members.',
  },
  'group.protocol': {
    type: 'string',
    importance: 'low',
    oneOf: ['classic', 'consumer'],
    doc: 'Accepted and without effect: tasks join by the classic protocol, which every broker speaks.',
  },
  'group.remote.assignor': {
    type: 'string',
    importance: 'low',
    doc: 'Accepted and without effect: it belongs to group.protocol=consumer.',
  },
  'client.rack': { type: 'string', importance: 'low', doc: 'Accepted and without effect: partitions are read from their leaders.' },
})

/** Settings of Java's consumer that would change what a user gets, and cannot be kept. */
export const unsupportedConsumerKeys = defineConfig({
  'interceptor.classes': {
    type: 'list',
    importance: 'low',
    doc: 'Not supported.',
    unsupported: 'it names Java classes that see and change records; use transforms',
  },
})
