import { DataError, defineConfig, structOf, transform, type ConfigOf, type Transform } from '../core/index.ts'
import { refuse, refused } from './config-fault.ts'
import { bySchema, membersOf, noExtras, requireStruct, setOwn } from './fields.ts'
import { fieldAt, parsePath, pathReader, syntaxKey, syntaxOf, type FieldPath } from './field-path.ts'
import { namesFault } from './names.ts'
import { compileCopy, nullKey } from './struct-copy.ts'
import { structReader } from './struct-reader.ts'

const config = defineConfig({
  fields: {
    type: 'list',
    required: true,
    importance: 'high',
    doc: 'Field names on the record value to extract as the record key. With V2 paths, the last step names the field of the key.',
    check: namesFault,
  },
  ...syntaxKey,
  ...nullKey,
})

const purpose = 'copying fields from value to key'

/**
 * `org.apache.kafka.connect.transforms.ValueToKey`. A tombstone is a DataError, as in Java: it has no value to take a key from. Beyond Java: a
 * field that is missing without a schema is one too; there all such records get the same key, of nulls.
 */
export const valueToKey = transform({
  class: 'org.apache.kafka.connect.transforms.ValueToKey',
  aliases: ['ValueToKey'],
  doc: 'Replaces the key by fields of the value.',
  config,
  create: createValueToKey,
})

function createValueToKey(settings: ConfigOf<typeof config>): Transform {
  const { fields } = settings
  const nullAsDefault = settings['replace.null.with.default']
  const syntax = syntaxOf(settings)
  const paths = refused('fields', fields.join(','), () => fields.map((text) => parsePath(text, syntax)))
  const names = paths.map((path) => path.steps.at(-1) as string)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) refuse('fields', fields.join(','), `two of them would be the key's field "${twice}"`)
  const readers = paths.map(pathReader)
  const keyOf = bySchema((schema) => {
    const fields = paths.map((path) => {
      const field = fieldAt(schema, path)
      if (field === undefined) throw missing(path)
      return field
    })
    const nested = paths.filter(({ steps }) => steps.length > 1).map((path) => structReader(schema, path, nullAsDefault))
    const copy = compileCopy(
      fields.map((from, index) => ({ name: names[index]!, from: paths[index]!.steps.length > 1 ? null : from })),
      nullAsDefault,
    )
    return {
      schema: structOf(fields.map((field, index) => [names[index]!, field.schema] as const)),
      copy: (struct: Readonly<Record<string, unknown>>) =>
        copy(struct, nested.length === 0 ? noExtras : nested.map((read) => read(struct))),
    }
  })
  return {
    apply(record) {
      const { value, valueSchema } = record
      if (value === null) {
        throw new DataError(
          `ValueToKey: a record of topic "${record.topic}" has a null value, which gives no key; a predicate (RecordIsTombstone, negate=true) can pass it by`,
        )
      }
      if (valueSchema === null) {
        if (!(value instanceof Map)) membersOf(value, purpose)
        const key: Record<string, unknown> = {}
        for (let index = 0; index < names.length; index++) {
          const member = readers[index]!(value)
          if (member === undefined) throw missing(paths[index]!)
          setOwn(key, names[index]!, member)
        }
        return { ...record, key, keySchema: null }
      }
      const struct = requireStruct(valueSchema, value, purpose)
      const { schema, copy } = keyOf(valueSchema)
      return { ...record, key: copy(struct), keySchema: schema }
    },
  }
}

function missing({ text }: FieldPath): DataError {
  return new DataError(`ValueToKey: Field does not exist: ${text}`)
}
