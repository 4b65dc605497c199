import { ConfigError, DataError, defineConfig, transform } from '../core/index.ts'
import { javaRegex, regexFault, replacementFault } from './java-regex.ts'

const config = defineConfig({
  regex: { type: 'string', required: true, importance: 'high', doc: 'Pattern that the whole topic must match.', check: regexFault },
  replacement: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'Put in the place of what the pattern finds first; $1 or ${name} stands for a group.',
  },
})

/** Topics whose new name is kept; more are looked up again. */
const topicsMax = 10_000

/**
 * `org.apache.kafka.connect.transforms.RegexRouter`: gives a topic that matches another name. As in Java the whole topic must match, but
 * it is the first find that is replaced. Beyond Java: a wrong group is told at creation, and an empty name is a DataError.
 */
export const regexRouter = transform({
  class: 'org.apache.kafka.connect.transforms.RegexRouter',
  aliases: ['RegexRouter'],
  doc: 'Gives topics that match a pattern another name.',
  config,
  create({ regex: pattern, replacement }) {
    const fault = replacementFault(pattern, replacement)
    if (fault !== undefined) {
      const message = `Invalid value ${replacement} for configuration replacement: ${fault}`
      throw new ConfigError([{ key: 'replacement', value: replacement, message }])
    }
    const regex = javaRegex(pattern)
    const known = new Map<string, string>()
    const route = (topic: string): string => {
      const routed = regex.matches(topic) ? regex.replaceFirst(topic, replacement) : topic
      if (routed === '') throw new DataError(`RegexRouter gives topic "${topic}" an empty name`)
      if (known.size < topicsMax) known.set(topic, routed)
      return routed
    }
    return {
      apply(record) {
        const topic = known.get(record.topic) ?? route(record.topic)
        return topic === record.topic ? record : { ...record, topic }
      },
    }
  },
})
