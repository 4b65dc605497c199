import { DataError, defineConfig, predicate } from '../../core/index.ts'
import { refused } from '../config-fault.ts'
import { condition, expressionFault } from '../expression/expression.ts'

/** `io.millrace.transforms.predicates.Matches`: a CEL condition decides. One that has no value for a record, or null, is a DataError. */
export const matches = predicate({
  class: 'io.millrace.transforms.predicates.Matches',
  aliases: ['Matches'],
  doc: 'True for records for which a CEL condition is true.',
  config: defineConfig({
    condition: {
      type: 'string',
      required: true,
      importance: 'high',
      doc: 'CEL expression over value, key, topic, headers, timestamp, partition and offset.',
      check: (text: string) => expressionFault(text, 'bool'),
    },
  }),
  create(settings) {
    const test = refused('condition', settings.condition, () => condition(settings.condition, 'Matches'))
    return {
      test(record) {
        const result = test(record)
        if (result !== null) return result
        throw new DataError(
          `Matches: the condition is null for a record of topic "${record.topic}"; coalesce(a, b) gives another value for null`,
        )
      },
    }
  },
})
