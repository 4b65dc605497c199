import { DataError, defineConfig, type ConfigOf, type Header, type Schema, type Transform } from '../core/index.ts'
import { refuse, refused } from './config-fault.ts'
import { bySchema, membersOf, requireStruct } from './fields.ts'
import { fieldAt, parsePath, pathReader, syntaxKey, syntaxOf, type FieldPath } from './field-path.ts'
import { compileEdit, compilePlainEdit, fieldTree, type CompiledEdit } from './field-tree.ts'
import { keyAndValue, type Side } from './side.ts'
import { structReader } from './struct-reader.ts'
import { nullKey } from './struct-copy.ts'

const config = defineConfig({
  fields: {
    type: 'list',
    required: true,
    importance: 'high',
    doc: 'Field names in the record whose values are to be copied or moved to headers.',
    check: (names: readonly string[]) => (names.length === 0 ? 'Empty list' : undefined),
  },
  headers: {
    type: 'list',
    required: true,
    importance: 'high',
    doc: 'Header names, in the same order as the field names.',
    check: (names: readonly string[]) => (names.length === 0 ? 'Empty list' : undefined),
  },
  operation: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'move: the fields leave the record; copy: they stay.',
    check: (text: string) => (['move', 'copy'].includes(text) ? undefined : 'String must be one of: move, copy'),
  },
  ...syntaxKey,
  ...nullKey,
})

/**
 * `org.apache.kafka.connect.transforms.HeaderFrom$Key` and `$Value`: fields become headers. Without a schema a missing field gives a header
 * that is null, as in Java. Beyond Java: a null passes as it is (a tombstone stops the task there), and a field that the schema does not
 * have is told by name.
 */
export const headerFrom = keyAndValue(
  'org.apache.kafka.connect.transforms.HeaderFrom',
  'Moves or copies fields into headers',
  config,
  createHeaderFrom,
)

function createHeaderFrom(settings: ConfigOf<typeof config>, side: Side): Transform {
  const { fields, headers } = settings
  if (fields.length !== headers.length) {
    refuse('headers', headers.join(','), `${fields.length} fields and ${headers.length} headers are named; they must be as many`)
  }
  const syntax = syntaxOf(settings)
  const move = settings.operation === 'move'
  const nullAsDefault = settings['replace.null.with.default']
  const paths = refused('fields', fields.join(','), () => fields.map((text) => parsePath(text, syntax)))
  const tree = move
    ? refused('fields', fields.join(','), () => fieldTree(paths.filter(firstOf).map((path) => [path, true] as const)))
    : fieldTree<true>([])
  const withoutMembers = compilePlainEdit(tree, `header ${settings.operation}`, { change: () => null, drops: () => true })
  const readers = paths.map(pathReader)
  const known = bySchema((schema) => ({
    sources: paths.map((path, index) => {
      const field = fieldAt(schema, path)
      if (field === undefined)
        throw new DataError(`HeaderFrom: there is no field "${fields[index]}" in the schema of the ${side.name.toLowerCase()}`)
      return { schema: field.schema, read: structReader(schema, path, nullAsDefault) }
    }),
    rest: move ? withoutFields(schema) : undefined,
  }))

  function withoutFields(schema: Schema): CompiledEdit {
    return compileEdit(schema, tree, { nullAsDefault, top: 'required', edit: () => null })
  }

  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema === null) {
        if (!(value instanceof Map)) membersOf(value, `header ${settings.operation}`)
        const added = headers.map((key, index): Header => ({ key, value: readers[index]!(value) ?? null, schema: null }))
        const rest = move ? withoutMembers(value) : value
        return { ...side.replace(record, null, rest), headers: [...record.headers, ...added] }
      }
      const struct = requireStruct(schema, value, `header ${settings.operation}`)
      const { sources, rest } = known(schema)
      const added = sources.map((source, index): Header => ({ key: headers[index]!, value: source.read(struct), schema: source.schema }))
      const left = rest === undefined ? record : side.replace(record, rest.schema, rest.copy(struct))
      return { ...left, headers: [...record.headers, ...added] }
    },
  }
}

// A field may become several headers; it leaves once.
function firstOf(path: FieldPath, index: number, paths: readonly FieldPath[]): boolean {
  return paths.findIndex(({ text }) => text === path.text) === index
}
