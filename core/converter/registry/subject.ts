import { DataError } from '../../contract/errors.ts'

/** Confluent's class names of the rules that name a schema's subject. */
const strategies = new Map<string, SubjectStrategy>([
  ['io.confluent.kafka.serializers.subject.TopicNameStrategy', 'topic'],
  ['io.confluent.kafka.serializers.subject.RecordNameStrategy', 'record'],
  ['io.confluent.kafka.serializers.subject.TopicRecordNameStrategy', 'topic-record'],
])

export type SubjectStrategy = 'topic' | 'record' | 'topic-record'

export const defaultStrategy = 'io.confluent.kafka.serializers.subject.TopicNameStrategy'

/** The strategy of that class name, full or simple; undefined: none of ours. */
export function subjectStrategy(name: string): SubjectStrategy | undefined {
  for (const [full, strategy] of strategies) {
    if (name === full || name === full.slice(full.lastIndexOf('.') + 1)) return strategy
  }
  return undefined
}

/** What is wrong with such a setting; undefined: nothing. */
export function strategyFault(name: string): string | undefined {
  if (subjectStrategy(name) !== undefined) return undefined
  return `it is none of ${[...strategies.keys()].join(', ')}; classes of your own cannot be loaded`
}

/** Subject under which a schema is registered. Throws a DataError where the strategy needs a record name and there is none. */
export function subjectOf(strategy: SubjectStrategy, topic: string, use: 'key' | 'value', recordName: string | null): string {
  if (strategy === 'topic') return `${topic}-${use}`
  if (recordName === null) {
    throw new DataError(`The ${use} of topic ${topic} is no record, so its schema has no name; use TopicNameStrategy for such topics`)
  }
  return strategy === 'record' ? recordName : `${topic}-${recordName}`
}
