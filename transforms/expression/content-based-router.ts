import { defineConfig, transform, type ConnectRecord } from '../../core/index.ts'
import { refused } from '../config-fault.ts'
import { topicGuard } from '../topic-guard.ts'
import { textExpression } from './expression.ts'
import { tombstoneKey, topicRegexKey, topicTest } from './filter.ts'
import { languageKey, refuseOtherLanguage } from './other-languages.ts'

const config = defineConfig({
  'topic.expression': {
    type: 'string',
    required: true,
    importance: 'high',
    doc: "Expression over value, key, topic and headers that gives the record's new topic; null leaves it as it is.",
  },
  ...languageKey,
  ...topicRegexKey,
  ...tombstoneKey,
  'topics.max': {
    type: 'int',
    default: 1_000,
    min: 1,
    max: 100_000,
    importance: 'low',
    doc: 'How many different topics a task may make; a record that would need one more is an error. Beyond Debezium.',
  },
})

/** `io.debezium.transforms.ContentBasedRouter`: Debezium's keys, the expression in CEL. Names of topics are checked by Kafka's rules and counted. */
export const contentBasedRouter = transform({
  class: 'io.debezium.transforms.ContentBasedRouter',
  doc: "Debezium's router by an expression, in CEL (language=cel).",
  config,
  create(settings) {
    const text = settings['topic.expression']
    refuseOtherLanguage(settings.language, 'topic.expression', text)
    const topicOf = refused('topic.expression', text, () => textExpression(text, 'ContentBasedRouter'))
    const looksAt = topicTest(settings['topic.regex'])
    const mode = settings['null.handling.mode'].toLowerCase()
    const guard = topicGuard('ContentBasedRouter', settings['topics.max'])
    return {
      apply(record) {
        if (!looksAt(record.topic)) return record
        if (record.value === null && mode !== 'evaluate') return mode === 'keep' ? record : null
        const topic = topicOf(record)
        return topic === null || topic === record.topic ? record : withTopic(record, guard(topic))
      },
    }
  },
})

function withTopic(record: ConnectRecord, topic: string): ConnectRecord {
  return {
    topic,
    partition: record.partition,
    key: record.key,
    keySchema: record.keySchema,
    value: record.value,
    valueSchema: record.valueSchema,
    timestamp: record.timestamp,
    headers: record.headers,
    origin: record.origin,
  }
}
