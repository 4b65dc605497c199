import { ConfigError, DataError, defineConfig, type ConfigOf, type ConnectRecord, type Schema, type Transform } from '../core/index.ts'
import { bySchema } from './fields.ts'
import { everyItem, fieldAt, pathReader, visitPath } from './field-path.ts'
import { enumRule, patternRule, rangeRule, requiredRule, typeRule, type Rule } from './rules.ts'
import { shown } from './scalars.ts'
import { keyAndValue, shortNames, type Side } from './side.ts'

const pathDoc = 'Dots lead into nested fields, [] stands for each item of an array, backticks keep dots and colons in a name.'

const config = defineConfig({
  required: {
    type: 'list',
    default: [],
    importance: 'high',
    doc: `Fields that must be there and not null. ${pathDoc}`,
    check: listFault(requiredRule),
  },
  types: {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'path:type for each; types are those of Connect, and integer, number, decimal, date, timestamp.',
    check: listFault(typeRule),
  },
  ranges: {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'path:low..high for each; both bounds belong to the range, one may be left away.',
    check: listFault(rangeRule),
  },
  enums: {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'path:a|b|c for each: the values that are allowed.',
    check: listFault(enumRule),
  },
  patterns: {
    type: 'string',
    default: '',
    importance: 'high',
    doc: 'path:regex, one on each line: a pattern in Java syntax that the whole text must match.',
    check: (text: string) => listFault(patternRule)(lines(text)),
  },
  tombstones: {
    type: 'string',
    default: 'pass',
    oneOf: ['pass', 'error'],
    importance: 'medium',
    doc: 'What becomes of a record whose key or value is null.',
  },
})

/** Faults of one record that are told; more are counted. */
const faultsShown = 10

/**
 * `io.millrace.transforms.Validate$Key` and `$Value`: lets records through that keep all rules; others are DataErrors that name each path,
 * value and rule. Null keeps every rule but `required`. With a schema, a rule for a field that it does not have is broken: a rule that
 * looks nowhere would guard nothing.
 */
export const validate = keyAndValue(
  'io.millrace.transforms.Validate',
  'Rejects records whose fields break a rule: required, type, range, enum or pattern',
  config,
  createValidate,
  shortNames('Validate'),
)

interface Check {
  readonly rule: Rule
  /** The field's, where the whole has one. */
  readonly schema: Schema | null
  /** Undefined: the path has many values. */
  readonly read: ((value: unknown) => unknown) | undefined
}

function createValidate(settings: ConfigOf<typeof config>, side: Side): Transform {
  const rules = [
    ...settings.required.map(requiredRule),
    ...settings.types.map(typeRule),
    ...settings.ranges.map(rangeRule),
    ...settings.enums.map(enumRule),
    ...lines(settings.patterns).map(patternRule),
  ]
  const plain = rules.map((rule) => checkOf(rule, null))
  const ofSchema = bySchema((schema) => ({
    unknown: rules.filter(({ path }) => !isPathOf(schema, path)).map(({ path }) => `field "${path.text}" is not in the schema`),
    checks: rules.map((rule) => checkOf(rule, schema)),
  }))
  const strict = settings.tombstones.toLowerCase() === 'error'
  if (rules.length === 0 && !strict) {
    const message = 'Configuration required: there is no rule; set required, types, ranges, enums or patterns, or tombstones=error'
    throw new ConfigError([{ key: 'required', message }])
  }

  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) {
        if (strict) throw new DataError(`Validate: a record of topic "${record.topic}" has a null ${side.name.toLowerCase()}`)
        return record
      }
      const schema = side.schema(record)
      const known = schema === null ? undefined : ofSchema(schema)
      const faults: string[] = known === undefined ? [] : [...known.unknown]
      for (const check of known?.checks ?? plain) judge(check, value, faults)
      if (faults.length > 0) throw broken(record, faults)
      return record
    },
  }
}

function checkOf(rule: Rule, whole: Schema | null): Check {
  const field = whole === null ? undefined : fieldAt(whole, rule.path)
  // The last step may be an item: then the item's schema counts, not the array's.
  let schema = field?.schema ?? null
  for (const step of rule.path.steps.toReversed()) {
    if (step !== everyItem) break
    schema = schema?.valueSchema ?? null
  }
  return { rule, schema, read: rule.path.steps.includes(everyItem) ? undefined : pathReader(rule.path) }
}

function judge({ rule, schema, read }: Check, whole: unknown, faults: string[]): void {
  const one = (value: unknown, place: () => string): void => {
    if (value === null || value === undefined) {
      if (rule.required) faults.push(`field "${place()}" ${rule.breach}`)
    } else if (!rule.holds(value, schema)) faults.push(`field "${place()}" is ${shown(value)}, which ${rule.breach}`)
  }
  if (read === undefined) visitPath(rule.path, whole, one)
  else one(read(whole), () => rule.path.text)
}

function isPathOf(schema: Schema, path: Rule['path']): boolean {
  return schema.type === 'map' || fieldAt(schema, path) !== undefined
}

function broken(record: ConnectRecord, faults: readonly string[]): DataError {
  const more = faults.length > faultsShown ? `; and ${faults.length - faultsShown} more` : ''
  return new DataError(`Validate: a record of topic "${record.topic}" breaks its rules: ${faults.slice(0, faultsShown).join('; ')}${more}`)
}

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function listFault(read: (text: string) => Rule): (texts: readonly string[]) => string | undefined {
  return (texts) => {
    try {
      texts.forEach(read)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }
}
