import { DataError, defineConfig, logical, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { refuse } from './config-fault.ts'
import { bySchema, noExtras, requireStruct } from './fields.ts'
import { keyAndValue, type Side } from './side.ts'
import { compileCopy, nullKey } from './struct-copy.ts'

const config = defineConfig({
  'schema.name': { type: 'string', importance: 'high', doc: 'Schema name to set.' },
  'schema.version': { type: 'int', importance: 'high', doc: 'Schema version to set.' },
  ...nullKey,
})

/**
 * `org.apache.kafka.connect.transforms.SetSchemaMetadata$Key` and `$Value`. A null without a schema passes; a value without one is a DataError,
 * as in Java. Beyond Java: schemas of all types are taken, not only those of structs.
 */
export const setSchemaMetadata = keyAndValue(
  'org.apache.kafka.connect.transforms.SetSchemaMetadata',
  "Sets the schema's name and version",
  config,
  createSetSchemaMetadata,
)

function createSetSchemaMetadata(settings: ConfigOf<typeof config>, side: Side): Transform {
  const { 'schema.name': name, 'schema.version': version, 'replace.null.with.default': nullAsDefault } = settings
  if (name === undefined && version === undefined) refuse('schema.name', undefined, 'Neither schema name nor version configured')
  const renamed = bySchema((schema) => ({
    schema: { ...schema, name: name ?? schema.name, version: version ?? schema.version } satisfies Schema,
    // The struct itself stays where nothing in it changes.
    copy:
      nullAsDefault && schema.fields.some(hasDefault)
        ? compileCopy(
            schema.fields.map((from) => ({ name: from.name, from })),
            true,
          )
        : undefined,
  }))
  return {
    apply(record) {
      const value = side.value(record)
      const schema = side.schema(record)
      if (schema === null) {
        if (value === null) return record
        throw new DataError(
          `Schema required for [updating schema metadata]: a record of topic "${record.topic}" has none for its ${side.name.toLowerCase()}`,
        )
      }
      if (name !== undefined && name !== schema.name && connectLogical.has(schema.name ?? '')) {
        throw new DataError(
          `SetSchemaMetadata: the ${side.name.toLowerCase()} is a ${schema.name}; under the name "${name}" nobody could read it`,
        )
      }
      const target = renamed(schema)
      if (value === null || target.copy === undefined) return side.replace(record, target.schema, value)
      return side.replace(record, target.schema, target.copy(requireStruct(schema, value, 'updating schema metadata'), noExtras))
    },
  }
}

/** Types whose name says how their values are to be read. */
const connectLogical: ReadonlySet<string> = new Set([logical.decimal, logical.date, logical.time, logical.timestamp])

function hasDefault({ schema }: { readonly schema: Schema }): boolean {
  return schema.defaultValue !== undefined && schema.defaultValue !== null
}
