import { DataError, defineConfig, withExtras, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { refused } from './config-fault.ts'
import { bySchema, isPlainObject, membersOf, noExtras, rebuilt, requireStruct, withFields } from './fields.ts'
import { parsePath, syntaxKey, syntaxOf } from './field-path.ts'
import { keyAndValue, type Side } from './side.ts'
import { plainCopy } from './plain-copy.ts'
import { compileCopy, nullKey, type StructCopy } from './struct-copy.ts'

const config = defineConfig({
  exclude: { type: 'list', default: [], importance: 'medium', doc: 'Fields to exclude. This takes precedence over the fields to include.' },
  include: {
    type: 'list',
    default: [],
    importance: 'medium',
    doc: 'Fields to include. If specified, only these fields will be used.',
  },
  renames: {
    type: 'list',
    default: [],
    importance: 'medium',
    doc: 'Field rename mappings: from:to, separated by commas. With V2 paths, what stands right of the colon is the name alone.',
    check: renamesFault,
  },
  ...syntaxKey,
  ...nullKey,
  blacklist: {
    type: 'list',
    importance: 'low',
    doc: 'Old name of exclude.',
    unsupported: 'Kafka 4 removed it, and would keep these fields; use exclude.',
  },
  whitelist: {
    type: 'list',
    importance: 'low',
    doc: 'Old name of include.',
    unsupported: 'Kafka 4 removed it, and would keep all fields; use include.',
  },
})

const purpose = 'field replacement'

/**
 * `org.apache.kafka.connect.transforms.ReplaceField$Key` and `$Value`. A null passes. Beyond Java: a rename onto a field that is there is a
 * DataError without a schema too, and a rename given twice is refused.
 */
export const replaceField = keyAndValue(
  'org.apache.kafka.connect.transforms.ReplaceField',
  'Drops, keeps or renames fields',
  config,
  createReplaceField,
)

function createReplaceField(settings: ConfigOf<typeof config>, side: Side): Transform {
  const choice = choiceOf(settings)
  const nullAsDefault = settings['replace.null.with.default']
  const narrowed = bySchema((schema) => compileNarrow(schema, [], choice, nullAsDefault))
  const narrowPlain = plainNarrowing([], choice)
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema === null) return side.replace(record, null, narrowPlain(value, record.topic))
      const target = narrowed(schema)
      return side.replace(record, target.schema, target.copy(requireStruct(schema, value, purpose), noExtras))
    },
  }
}

/** What becomes of the field at a path. */
interface Choice {
  /** undefined: it is dropped. */
  nameOf(steps: readonly string[]): string | undefined
  /** True where something is said of fields within it. */
  goesInto(steps: readonly string[]): boolean
}

function choiceOf(settings: ConfigOf<typeof config>): Choice {
  const syntax = syntaxOf(settings)
  const keyOf = (key: string, text: string) => refused(key, text, () => parsePath(text, syntax).steps as readonly string[])
  const exclude = settings.exclude.map((text) => keyOf('exclude', text))
  const include = settings.include.map((text) => keyOf('include', text))
  const renames = settings.renames
    .map((pair) => pair.split(':') as [string, string])
    .map(([from, to]) => [keyOf('renames', from), to] as const)
  const all = [...exclude, ...include, ...renames.map(([from]) => from)]
  return {
    nameOf(steps) {
      if (exclude.some((path) => isSame(path, steps))) return undefined
      // A field is kept with all that is in it, and with it what it is in.
      if (include.length > 0 && !include.some((path) => startsWith(steps, path) || startsWith(path, steps))) return undefined
      return renames.find(([from]) => isSame(from, steps))?.[1] ?? steps.at(-1)!
    },
    goesInto: (steps) => all.some((path) => path.length > steps.length && startsWith(path, steps)),
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && startsWith(a, b)
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.length <= path.length && start.every((step, index) => step === path[index])
}

interface Narrowed {
  readonly schema: Schema
  readonly copy: StructCopy
}

function compileNarrow(schema: Schema, above: readonly string[], choice: Choice, nullAsDefault: boolean): Narrowed {
  const fields = schema.fields.flatMap((from) => {
    const steps = [...above, from.name]
    const name = choice.nameOf(steps)
    if (name === undefined) return []
    if (from.schema.type !== 'struct' || !choice.goesInto(steps)) return [{ name, from, schema: from.schema }]
    const { schema: inner, copy } = compileNarrow(from.schema, steps, choice, nullAsDefault)
    const through = (value: unknown) => (value === null ? null : copy(value as Readonly<Record<string, unknown>>, noExtras))
    const { optional, defaultValue } = from.schema
    return [{ name, from, schema: withExtras(inner, { optional, defaultValue: defaultValue && through(defaultValue) }), through }]
  })
  return {
    schema: withFields(
      schema,
      fields.map((field) => [field.name, field.schema] as const),
    ),
    copy: compileCopy(fields, nullAsDefault),
  }
}

/** Narrows values without a schema that lie at a path. */
function plainNarrowing(above: readonly string[], choice: Choice): (value: unknown, topic: string) => unknown {
  const within = new Map<string, (value: unknown, topic: string) => unknown>()
  let topic = ''
  const through = (name: string, member: unknown) => {
    if (!(member instanceof Map || isPlainObject(member))) return member
    let inside = within.get(name)
    if (inside === undefined) within.set(name, (inside = plainNarrowing([...above, name], choice)))
    return inside(member, topic)
  }
  const copy = plainCopy((keys) => {
    const names = keys.map((name) => choice.nameOf([...above, name])).filter((name) => name !== undefined)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) throw collision(twice, topic)
    return { nameOf: (name) => choice.nameOf([...above, name]), changes: (name) => choice.goesInto([...above, name]) }
  })
  return (value, of) => {
    topic = of
    if (isPlainObject(value)) return copy(value, through)
    // Not by way of an object, which would put names that are numbers first.
    const kept = new Map<string, unknown>()
    for (const [name, member] of membersOf(value, purpose)) {
      const renamed = choice.nameOf([...above, name])
      if (renamed === undefined) continue
      if (kept.has(renamed)) throw collision(renamed, topic)
      kept.set(renamed, choice.goesInto([...above, name]) ? through(name, member) : member)
    }
    return rebuilt(value, [...kept])
  }
}

function collision(name: string, topic: string): DataError {
  return new DataError(`Renames give two fields the name "${name}", of topic "${topic}"`)
}

function renamesFault(pairs: readonly string[]): string | undefined {
  const wrong = pairs.find((pair) => !/^[^:]+:[^:]+$/.test(pair))
  if (wrong !== undefined) return `Invalid rename mapping: ${wrong}`
  for (const part of [0, 1]) {
    const names = pairs.map((pair) => pair.split(':')[part]!)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) return `"${twice}" stands ${part === 0 ? 'left' : 'right'} of the colon twice`
  }
  return undefined
}
