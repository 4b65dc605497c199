import { DataError, defineConfig, type ConfigOf, type ConnectRecord, type Schema, type Transform } from '../core/index.ts'
import { bySchema, isPlainObject, membersOf, noExtras, rebuilt, requireStruct, setOwn, withFields } from './fields.ts'
import { keyAndValue, type Side } from './side.ts'
import { compileCopy, type StructCopy } from './struct-copy.ts'

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
    doc: 'Field rename mappings: from:to, separated by commas.',
    check: renamesFault,
  },
  'replace.null.with.default': {
    type: 'boolean',
    default: true,
    importance: 'medium',
    doc: 'A null in a field that has a default becomes the default.',
  },
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
  const exclude = new Set(settings.exclude)
  const include = new Set(settings.include)
  const renames = new Map(settings.renames.map((pair) => pair.split(':') as [string, string]))
  const nullAsDefault = settings['replace.null.with.default']
  const kept = (name: string) => !exclude.has(name) && (include.size === 0 || include.has(name))
  const renamed = (name: string) => renames.get(name) ?? name

  const narrowed = bySchema((schema): { readonly schema: Schema; readonly copy: StructCopy } => {
    const fields = schema.fields.filter((field) => kept(field.name)).map((from) => ({ name: renamed(from.name), from }))
    const target = withFields(
      schema,
      fields.map(({ name, from }) => [name, from.schema] as const),
    )
    return { schema: target, copy: compileCopy(fields, nullAsDefault) }
  })

  function withSchema(record: ConnectRecord, schema: Schema): ConnectRecord {
    const struct = requireStruct(schema, side.value(record), purpose)
    const target = narrowed(schema)
    return side.replace(record, target.schema, target.copy(struct, noExtras))
  }

  function withoutSchema(record: ConnectRecord): ConnectRecord {
    const value = side.value(record)
    if (isPlainObject(value)) return side.replace(record, null, renamedObject(value, record.topic))
    const members = new Map<string, unknown>()
    for (const [name, member] of membersOf(value, purpose)) {
      if (!kept(name)) continue
      if (members.has(renamed(name))) throw collision(renamed(name), record.topic)
      members.set(renamed(name), member)
    }
    return side.replace(record, null, rebuilt(value, [...members]))
  }

  function renamedObject(value: Readonly<Record<string, unknown>>, topic: string): Record<string, unknown> {
    const updated: Record<string, unknown> = {}
    for (const name of Object.keys(value)) {
      if (!kept(name)) continue
      const target = renamed(name)
      if (Object.hasOwn(updated, target)) throw collision(target, topic)
      setOwn(updated, target, value[name])
    }
    return updated
  }

  return {
    apply(record) {
      if (side.value(record) === null) return record
      const schema = side.schema(record)
      return schema === null ? withoutSchema(record) : withSchema(record, schema)
    },
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
