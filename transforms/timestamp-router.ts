import { DataError, defineConfig, transform } from '../core/index.ts'
import { datePattern, datePatternFault } from './date-pattern.ts'

const config = defineConfig({
  'topic.format': {
    type: 'string',
    default: '${topic}-${timestamp}',
    importance: 'high',
    doc: 'Format string which can contain ${topic} and ${timestamp} as placeholders for the topic and timestamp, respectively.',
  },
  'timestamp.format': {
    type: 'string',
    default: 'yyyyMMdd',
    importance: 'high',
    doc: 'Format string for the timestamp that is compatible with java.text.SimpleDateFormat.',
    check: (pattern: string) => datePatternFault(pattern),
  },
})

/** `org.apache.kafka.connect.transforms.TimestampRouter`. A record without a timestamp is a DataError, and so is an empty name. */
export const timestampRouter = transform({
  class: 'org.apache.kafka.connect.transforms.TimestampRouter',
  aliases: ['TimestampRouter'],
  doc: "Names the topic after the record's topic and timestamp.",
  config,
  create(settings) {
    const { format } = datePattern(settings['timestamp.format'])
    const parts = settings['topic.format'].split(/(\$\{topic\}|\$\{timestamp\})/)
    return {
      apply(record) {
        if (record.timestamp === null)
          throw new DataError(`Timestamp missing on record of topic "${record.topic}", which TimestampRouter needs`)
        let topic = ''
        for (const part of parts) {
          topic += part === '${topic}' ? record.topic : part === '${timestamp}' ? format(record.timestamp) : part
        }
        if (topic === '') throw new DataError(`TimestampRouter gives topic "${record.topic}" an empty name`)
        return topic === record.topic ? record : { ...record, topic }
      },
    }
  },
})
