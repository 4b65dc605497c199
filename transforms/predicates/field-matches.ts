import {
  ConfigError,
  DataError,
  defineConfig,
  predicate,
  type ConfigOf,
  type ConnectRecord,
  type Predicate,
  type Schema,
} from '../../core/index.ts'
import { everyItem, fieldAt, parsePath, pathReader, pathsFault } from '../field-path.ts'
import { javaRegex, regexFault } from '../java-regex.ts'
import { compareNumber, equalsText, isDecimal, maybeNumber, numberText, shown } from '../scalars.ts'

const config = defineConfig({
  field: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'Path of the field: dots lead into nested fields, backticks keep dots in a name.',
    check: (path: string) => pathsFault([path], 'own'),
  },
  op: {
    type: 'string',
    default: 'equals',
    oneOf: ['equals', 'in', 'range', 'pattern', 'exists'],
    importance: 'high',
    doc: 'equals (value), in (values), range (min, max, both inclusive), pattern (the whole text), exists (there, and not null).',
  },
  value: { type: 'string', importance: 'medium', doc: 'For equals. Numbers are compared by what they count: 1.0 equals 1.' },
  values: { type: 'list', default: [], importance: 'medium', doc: 'For in.' },
  min: { type: 'string', importance: 'medium', doc: 'For range: the least number.', check: numberFault },
  max: { type: 'string', importance: 'medium', doc: 'For range: the greatest number.', check: numberFault },
  pattern: { type: 'string', importance: 'medium', doc: 'For pattern: a regular expression, as Java spells it.', check: regexFault },
  'missing.field': {
    type: 'string',
    default: 'no-match',
    oneOf: ['no-match', 'error'],
    importance: 'medium',
    doc: 'What a record without the field is: one that does not match, or an error. Null counts as missing; tombstones never match.',
  },
})

type Test = (value: unknown, schema: Schema | null) => boolean | undefined

/** `io.millrace.transforms.predicates.FieldMatches$Key` and `$Value`: a field's value decides. A value of a type that `op` cannot judge is a DataError. */
export const fieldMatches = (['Key', 'Value'] as const).map((side) =>
  predicate({
    class: `io.millrace.transforms.predicates.FieldMatches$${side}`,
    aliases: side === 'Value' ? ['FieldMatches', 'FieldMatches$Value'] : ['FieldMatches$Key'],
    doc: `True for records in whose ${side.toLowerCase()} a field has a value, one of several, one in a range or one of a pattern.`,
    config,
    create: (settings) => createFieldMatches(settings, side),
  }),
)

function createFieldMatches(settings: ConfigOf<typeof config>, side: 'Key' | 'Value'): Predicate {
  const path = parsePath(settings.field, 'own')
  if (path.steps.includes(everyItem)) refuse('field', 'it has many values; FieldMatches judges one')
  const read = pathReader(path)
  const test = testOf(settings)
  const strict = settings['missing.field'] === 'error'
  return {
    test(record: ConnectRecord) {
      const [whole, schema] = side === 'Key' ? [record.key, record.keySchema] : [record.value, record.valueSchema]
      const value = read(whole) ?? null
      if (value === null) {
        if (strict && whole !== null) {
          throw new DataError(`FieldMatches: a record of topic "${record.topic}" has no field "${settings.field}"`)
        }
        return false
      }
      const result = test(value, schema && (fieldAt(schema, path)?.schema ?? null))
      if (result !== undefined) return result
      throw new DataError(
        `FieldMatches: field "${settings.field}" in topic "${record.topic}" is ${shown(value)}, which ${settings.op} cannot judge`,
      )
    },
  }
}

function testOf(settings: ConfigOf<typeof config>): Test {
  const { value, values, min, max, pattern } = settings
  switch (settings.op.toLowerCase()) {
    case 'exists':
      return () => true
    case 'equals':
      return value === undefined ? refuse('value', 'op=equals needs it') : oneOf([value])
    case 'in':
      return values.length === 0 ? refuse('values', 'op=in needs it') : oneOf(values)
    case 'range': {
      if (min === undefined && max === undefined) refuse('min', 'op=range needs min or max')
      const low = min === undefined ? undefined : numberText(min)
      const high = max === undefined ? undefined : numberText(max)
      return (one, schema) => {
        const above = low === undefined ? 0 : compareNumber(one, schema, low)
        const below = high === undefined ? 0 : compareNumber(one, schema, high)
        return above === undefined || below === undefined ? undefined : above >= 0 && below <= 0
      }
    }
    default: {
      if (pattern === undefined) refuse('pattern', 'op=pattern needs it')
      const regex = javaRegex(pattern!)
      return (one) => (typeof one === 'string' ? regex.matches(one) : undefined)
    }
  }
}

function oneOf(texts: readonly string[]): Test {
  const choices = texts.map((text) => [text, maybeNumber(text)] as const)
  return (value, schema) => {
    if (typeof value === 'object' && !isDecimal(value)) return undefined
    return choices.some(([text, number]) => equalsText(value, schema, text, number))
  }
}

function numberFault(text: string): string | undefined {
  return maybeNumber(text) === undefined ? 'it is not a number' : undefined
}

function refuse(key: string, why: string): never {
  throw new ConfigError([{ key, message: `Invalid value for configuration ${key}: ${why}` }])
}
