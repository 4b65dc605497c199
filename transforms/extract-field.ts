import { DataError, defineConfig, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { refused } from './config-fault.ts'
import { bySchema, membersOf, requireStruct } from './fields.ts'
import { fieldAt, parsePath, pathReader, syntaxKey, syntaxOf } from './field-path.ts'
import { structReader } from './struct-reader.ts'
import { keyAndValue, type Side } from './side.ts'
import { nullKey } from './struct-copy.ts'

const config = defineConfig({
  field: { type: 'string', required: true, importance: 'medium', doc: 'Field name to extract.' },
  ...syntaxKey,
  ...nullKey,
})

const purpose = 'field extraction'

/** `org.apache.kafka.connect.transforms.ExtractField$Key` and `$Value`: the field in the place of the whole. Null passes; without a schema a missing field is null. */
export const extractField = keyAndValue(
  'org.apache.kafka.connect.transforms.ExtractField',
  'Puts one field in the place of the whole',
  config,
  createExtractField,
)

function createExtractField(settings: ConfigOf<typeof config>, side: Side): Transform {
  const path = refused('field', settings.field, () => parsePath(settings.field, syntaxOf(settings)))
  const read = pathReader(path)
  const nullAsDefault = settings['replace.null.with.default']
  const extraction = bySchema((schema) => {
    const field = fieldAt(schema, path)
    if (field === undefined)
      throw new DataError(`Unknown field: ${settings.field}; the schema of the ${side.name.toLowerCase()} does not have it`)
    return { schema: field.schema, read: structReader(schema, path, nullAsDefault) }
  })
  return {
    apply(record) {
      const value = side.value(record)
      const schema: Schema | null = side.schema(record)
      if (schema === null) {
        if (value === null) return record
        if (!(value instanceof Map)) membersOf(value, purpose)
        return side.replace(record, null, read(value) ?? null)
      }
      const extracted = extraction(schema)
      const member = value === null ? null : extracted.read(requireStruct(schema, value, purpose))
      if (member === null && !extracted.schema.optional) {
        throw new DataError(`ExtractField: a record of topic "${record.topic}" has null at "${settings.field}", which is a required field`)
      }
      return side.replace(record, extracted.schema, member)
    },
  }
}
