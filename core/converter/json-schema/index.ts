import { defineConfig } from '../../contract/config-def.ts'
import { converter } from '../../contract/converter.ts'
import { RegistryConverter } from '../registry/converter.ts'
import { registryConfig } from '../registry/settings.ts'

const config = defineConfig({
  ...registryConfig,
  'decimal.format': {
    type: 'string',
    default: 'BASE64',
    oneOf: ['BASE64', 'NUMERIC'],
    doc: 'How decimals are written: base64 of their unscaled bytes, or numbers with all their digits. Both are read.',
  },
  'object.additional.properties': {
    type: 'boolean',
    default: true,
    doc: 'false: schemas that are registered say that objects have no other members.',
  },
  'use.optional.for.nonrequired': {
    type: 'boolean',
    default: false,
    doc: 'Read properties that are not among the required ones as optional.',
  },
  'json.unknown.members': {
    type: 'string',
    default: 'fail',
    oneOf: ['fail', 'drop'],
    doc: "A member of a message that its schema does not name: fail refuses the record, drop leaves the member out, as Confluent's converter does in silence.",
  },
  'json.fail.invalid.schema': {
    type: 'boolean',
    default: false,
    doc: 'Known from Confluent; what does not fit the types of its schema is always refused.',
  },
  'schemas.cache.size': {
    type: 'int',
    default: 1000,
    min: 0,
    doc: "Known from Confluent's converter; the bound is schemas.cache.config here.",
  },
})

/** `io.confluent.connect.json.JsonSchemaConverter`: JSON with a schema registry. Its code is loaded with the first batch. */
export const jsonSchema = converter({
  class: 'io.confluent.connect.json.JsonSchemaConverter',
  aliases: ['JsonSchemaConverter', 'JsonSchema', 'json-schema'],
  doc: 'JSON with JSON Schemas in a Confluent-compatible schema registry.',
  config,
  create: (settings, use) =>
    new RegistryConverter(settings, use, async () => {
      const { jsonSchemaFormat } = await import('./json-schema-format.ts')
      return jsonSchemaFormat({
        decimals: settings['decimal.format'].toUpperCase() === 'NUMERIC' ? 'NUMERIC' : 'BASE64',
        open: settings['object.additional.properties'],
        nonRequiredOptional: settings['use.optional.for.nonrequired'],
        unknownMembers: settings['json.unknown.members'] === 'drop' ? 'drop' : 'fail',
      })
    }),
})
