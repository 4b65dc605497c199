import { DataError, defineConfig, structOf, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { refused } from './config-fault.ts'
import { bySchema } from './fields.ts'
import { parsePath, syntaxKey, syntaxOf } from './field-path.ts'
import { keyAndValue, type Side } from './side.ts'

const config = defineConfig({
  field: {
    type: 'string',
    required: true,
    importance: 'medium',
    doc: 'Field name for the single field that will be created in the resulting Struct or Map.',
  },
  ...syntaxKey,
})

/**
 * `org.apache.kafka.connect.transforms.HoistField$Key` and `$Value`: wraps the whole into a struct (with V2 paths, one struct for each step).
 * Beyond Java: a tombstone passes, as a wrapped one would be none to compaction; other nulls are wrapped.
 */
export const hoistField = keyAndValue(
  'org.apache.kafka.connect.transforms.HoistField',
  'Wraps the whole into a struct or map with one field',
  config,
  createHoistField,
)

function createHoistField(settings: ConfigOf<typeof config>, side: Side): Transform {
  const path = refused('field', settings.field, () => parsePath(settings.field, syntaxOf(settings)))
  const steps = (path.steps as readonly string[]).toReversed()
  const wrap = (value: unknown) => steps.reduce((inner, name) => ({ [name]: inner }), value)
  const wrapped = bySchema((schema) => steps.reduce((inner: Schema, name) => structOf([[name, inner]]), schema))
  return {
    apply(record) {
      const value = side.value(record)
      const schema = side.schema(record)
      if (value === null && schema === null && side.name === 'Value') return record
      if (value === null && schema !== null && !schema.optional) {
        throw new DataError(
          `HoistField: a record of topic "${record.topic}" has a null ${side.name.toLowerCase()}, which its schema does not allow`,
        )
      }
      return side.replace(record, schema === null ? null : wrapped(schema), wrap(value))
    },
  }
}
