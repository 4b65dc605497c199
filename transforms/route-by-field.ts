import { DataError, defineConfig, transform } from '../core/index.ts'
import { javaRegex, regexFault } from './java-regex.ts'
import { topicGuard } from './topic-guard.ts'
import { templateFault, topicTemplate } from './topic-template.ts'

const config = defineConfig({
  'topic.format': {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'The new topic, with placeholders: ${topic}, ${partition}, ${timestamp:yyyyMMdd}, ${field:a.b}, ${field:created:yyyyMM}, ${key:id}, ${header:name}.',
    check: (text: string) => (text === '' ? 'String must be non-empty' : templateFault(text)),
  },
  'missing.field': {
    type: 'string',
    default: 'error',
    oneOf: ['error', 'keep'],
    importance: 'medium',
    doc: 'What becomes of a record that lacks what a placeholder asks for: error, or keep its topic.',
  },
  'topics.max': {
    type: 'int',
    default: 1_000,
    min: 1,
    max: 100_000,
    importance: 'medium',
    doc: 'How many different topics a task may make; a record that would need one more is an error.',
  },
  'topics.allowed': {
    type: 'string',
    importance: 'medium',
    doc: 'Pattern that a new topic must match as a whole. Absent: all names that Kafka takes.',
    check: regexFault,
  },
})

/**
 * `io.millrace.transforms.RouteByField`: a topic made of the record's own topic, fields, headers and dates. Names are checked by Kafka's rules,
 * against `topics.allowed`, and counted; a record whose topic stays the same is not.
 */
export const routeByField = transform({
  class: 'io.millrace.transforms.RouteByField',
  aliases: ['RouteByField', 'Route'],
  doc: 'Routes records to topics named by a template over fields, headers and dates.',
  config,
  create(settings) {
    const template = topicTemplate(settings['topic.format'])
    const allowed = settings['topics.allowed']
    const regex = allowed === undefined ? undefined : javaRegex(allowed)
    const guard = topicGuard('RouteByField', settings['topics.max'], regex && ((topic) => regex.matches(topic)))
    const keep = settings['missing.field'].toLowerCase() === 'keep'
    return {
      apply(record) {
        const topic = template(record)
        if (topic === undefined) {
          if (keep) return record
          throw new DataError(
            `RouteByField: a record of topic "${record.topic}" lacks a part of "${settings['topic.format']}"; missing.field=keep would leave its topic`,
          )
        }
        return topic === record.topic ? record : { ...record, topic: guard(topic) }
      },
    }
  },
})
