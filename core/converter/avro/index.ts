import { defineConfig } from '../../contract/config-def.ts'
import { converter } from '../../contract/converter.ts'
import { RegistryConverter } from '../registry/converter.ts'
import { registryConfig } from '../registry/settings.ts'

const config = defineConfig({
  ...registryConfig,
  'connect.meta.data': {
    type: 'boolean',
    default: true,
    doc: "Keep what Avro has no word for (Connect's names, versions, parameters, docs, defaults) in connect.* properties of the schema.",
  },
  'enhanced.avro.schema.support': {
    type: 'boolean',
    default: false,
    doc: 'Write enums as enums, and name the fields of unions by the full names of their branches.',
  },
  'scrub.invalid.names': {
    type: 'boolean',
    default: false,
    doc: 'Change names that Avro does not allow: what is not a letter, digit or _ becomes _.',
  },
  'avro.logical.types.extended': {
    type: 'boolean',
    default: false,
    doc: "Read Avro's micro- and nanosecond types, local timestamps and uuid as Debezium's logical types, which sinks know; false: as plain int64 and string, as Confluent's converter does.",
  },
  'schemas.cache.size': {
    type: 'int',
    default: 1000,
    min: 0,
    doc: "Known from Confluent's converter; the bound is schemas.cache.config here.",
  },
  'generalized.sum.type.support': {
    type: 'boolean',
    default: false,
    doc: 'Only false: unions and enums are told under the names that Avro has of old.',
    check: (on: boolean) => (on ? 'unions and enums are always told under the names that Avro has of old' : undefined),
  },
  'ignore.default.for.nullables': {
    type: 'boolean',
    default: false,
    doc: 'A null in an optional field with a default stays null rather than become the default.',
  },
})

/** `io.confluent.connect.avro.AvroConverter`: Avro with a schema registry. Its code is loaded with the first batch. */
export const avro = converter({
  class: 'io.confluent.connect.avro.AvroConverter',
  aliases: ['AvroConverter', 'Avro', 'avro'],
  doc: 'Avro, with a Confluent-compatible schema registry.',
  config,
  create: (settings, use) =>
    new RegistryConverter(settings, use, async () => {
      const { avroFormat } = await import('./avro-format.ts')
      return avroFormat({
        metadata: settings['connect.meta.data'],
        enhanced: settings['enhanced.avro.schema.support'],
        scrub: settings['scrub.invalid.names'],
        extended: settings['avro.logical.types.extended'],
        nullStays: settings['ignore.default.for.nullables'],
      })
    }),
})
