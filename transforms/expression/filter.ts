import { DataError, defineConfig, transform } from '../../core/index.ts'
import { refused } from '../config-fault.ts'
import { javaRegex, regexFault } from '../java-regex.ts'
import { condition, expressionFault } from './expression.ts'
import { languageKey, refuseOtherLanguage } from './other-languages.ts'

/** What becomes of records without a value, in Debezium's words. */
export const tombstoneKey = {
  'null.handling.mode': {
    type: 'string',
    default: 'keep',
    oneOf: ['keep', 'drop', 'evaluate'],
    importance: 'medium',
    doc: 'Records with a null value (tombstones): keep passes them, drop drops them, evaluate asks the expression.',
  },
} as const

export const topicRegexKey = {
  'topic.regex': {
    type: 'string',
    importance: 'medium',
    doc: 'Only records of topics that this pattern matches as a whole are looked at; others pass. Absent: all.',
    check: regexFault,
  },
} as const

/** True for the records that a transform with `topic.regex` looks at. */
export function topicTest(pattern: string | undefined): (topic: string) => boolean {
  if (pattern === undefined || pattern === '') return () => true
  const regex = javaRegex(pattern)
  const known = new Map<string, boolean>()
  return (topic) => {
    let result = known.get(topic)
    if (result === undefined) {
      if (known.size >= 10_000) known.clear()
      known.set(topic, (result = regex.matches(topic)))
    }
    return result
  }
}

const own = defineConfig({
  condition: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'CEL expression; records for which it is true stay, those for which it is false are dropped.',
    check: (text: string) => expressionFault(text, 'bool'),
  },
  ...tombstoneKey,
  'null.result': {
    type: 'string',
    default: 'error',
    oneOf: ['error', 'drop'],
    importance: 'medium',
    doc: 'What a condition that is null means: error, or drop.',
  },
})

/** `io.millrace.transforms.Filter`: keeps the records for which a CEL condition is true. Throws a DataError where it has no value. */
export const celFilter = transform({
  class: 'io.millrace.transforms.Filter',
  aliases: ['CelFilter'],
  doc: 'Keeps the records for which a CEL condition is true.',
  config: own,
  create(settings) {
    const test = refused('condition', settings.condition, () => condition(settings.condition, 'Filter'))
    const mode = settings['null.handling.mode'].toLowerCase()
    const dropsNull = settings['null.result'].toLowerCase() === 'drop'
    return {
      apply(record) {
        if (record.value === null && mode !== 'evaluate') return mode === 'keep' ? record : null
        const result = test(record)
        if (result === null && !dropsNull) {
          throw new DataError(`Filter: the condition is null for a record of topic "${record.topic}"; null.result=drop would drop it`)
        }
        return result === true ? record : null
      },
    }
  },
})

const debezium = defineConfig({
  condition: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'Expression over value, key, topic and headers; records for which it is true stay, the others are dropped.',
  },
  ...languageKey,
  ...topicRegexKey,
  ...tombstoneKey,
})

/** `io.debezium.transforms.Filter`: Debezium's keys, the condition in CEL. Conditions in other languages are refused with their CEL form. */
export const debeziumFilter = transform({
  class: 'io.debezium.transforms.Filter',
  doc: "Debezium's filter by an expression, in CEL (language=cel).",
  config: debezium,
  create(settings) {
    refuseOtherLanguage(settings.language, 'condition', settings.condition)
    const test = refused('condition', settings.condition, () => condition(settings.condition, 'Filter'))
    const looksAt = topicTest(settings['topic.regex'])
    const mode = settings['null.handling.mode'].toLowerCase()
    return {
      apply(record) {
        if (!looksAt(record.topic)) return record
        if (record.value === null && mode !== 'evaluate') return mode === 'keep' ? record : null
        const result = test(record)
        if (result === null)
          throw new DataError(`Filter: the condition is null for a record of topic "${record.topic}", neither true nor false`)
        return result ? record : null
      },
    }
  },
})
