import { defineConfig, predicate } from '../../core/index.ts'
import { javaRegex, regexFault } from '../java-regex.ts'

/** Topics whose answer is kept; more are matched again. */
const topicsMax = 10_000

/** `org.apache.kafka.connect.transforms.predicates.TopicNameMatches`: the whole topic matches a Java pattern. */
export const topicNameMatches = predicate({
  class: 'org.apache.kafka.connect.transforms.predicates.TopicNameMatches',
  aliases: ['TopicNameMatches'],
  doc: 'True for records whose whole topic name matches the pattern.',
  config: defineConfig({
    pattern: {
      type: 'string',
      required: true,
      importance: 'medium',
      doc: "A Java regular expression for matching against the name of a record's topic.",
      check: (pattern: string) => (pattern === '' ? 'String must be non-empty' : regexFault(pattern)),
    },
  }),
  create({ pattern }) {
    const regex = javaRegex(pattern)
    const known = new Map<string, boolean>()
    return {
      test({ topic }) {
        let matches = known.get(topic)
        if (matches === undefined) {
          matches = regex.matches(topic)
          if (known.size < topicsMax) known.set(topic, matches)
        }
        return matches
      },
    }
  },
})
