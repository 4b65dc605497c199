import { DataError, defineConfig, type ConfigOf, type ConnectRecord, type Field, type Schema, type Transform } from '../core/index.ts'
import { bySchema, fieldValue, membersOf, rebuilt, requireStruct, setOwn, withFields } from './fields.ts'
import { keyAndValue, type Side } from './side.ts'

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

  const narrowed = bySchema((schema): { readonly schema: Schema; readonly fields: readonly (readonly [Field, string])[] } => {
    const fields = schema.fields.filter((field) => kept(field.name)).map((field) => [field, renamed(field.name)] as const)
    return {
      schema: withFields(
        schema,
        fields.map(([field, name]) => [name, field.schema] as const),
      ),
      fields,
    }
  })

  function withSchema(record: ConnectRecord, schema: Schema): ConnectRecord {
    const struct = requireStruct(schema, side.value(record), purpose)
    const updated: Record<string, unknown> = {}
    const target = narrowed(schema)
    for (const [field, name] of target.fields) setOwn(updated, name, fieldValue(struct, field, nullAsDefault))
    return side.replace(record, target.schema, updated)
  }

  function withoutSchema(record: ConnectRecord): ConnectRecord {
    const value = side.value(record)
    const members = new Map<string, unknown>()
    for (const [name, member] of membersOf(value, purpose)) {
      if (!kept(name)) continue
      if (members.has(renamed(name))) throw new DataError(`Renames give two fields the name "${renamed(name)}", of topic "${record.topic}"`)
      members.set(renamed(name), member)
    }
    return side.replace(record, null, rebuilt(value, [...members]))
  }

  return {
    apply(record) {
      if (side.value(record) === null) return record
      const schema = side.schema(record)
      return schema === null ? withoutSchema(record) : withSchema(record, schema)
    },
  }
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
