import { defineConfig } from '../../contract/config-def.ts'
import { converter } from '../../contract/converter.ts'
import { RegistryConverter } from '../registry/converter.ts'
import { registryConfig } from '../registry/settings.ts'

const config = defineConfig({
  ...registryConfig,
  'enhanced.protobuf.schema.support': {
    type: 'boolean',
    default: false,
    doc: 'Name structs and enums by their full names, with the package.',
  },
  'scrub.invalid.names': {
    type: 'boolean',
    default: false,
    doc: 'Change names that Protobuf does not allow: what is not a letter, digit or _ becomes _.',
  },
  'optional.for.nullables': {
    type: 'boolean',
    default: false,
    doc: 'Write optional fields with the word optional of proto3, so that null and zero stay apart; read only such fields as optional.',
  },
  'wrapper.for.nullables': {
    type: 'boolean',
    default: false,
    doc: "Write optional fields as Google's wrapper messages, so that null and zero stay apart; read those as optional values.",
  },
  'nulls.as.defaults': {
    type: 'boolean',
    default: false,
    doc: "Leave nulls out where an absent field means zero or an empty list, as Confluent's converter does; false: such a record is refused.",
  },
  'timestamp.digits.dropped': {
    type: 'boolean',
    default: false,
    doc: "Cut timestamps and times off at milliseconds when they are read, as Confluent's converter does; false: finer ones are refused.",
  },
  'schemas.cache.size': {
    type: 'int',
    default: 1000,
    min: 0,
    doc: "Known from Confluent's converter; the bound is schemas.cache.config here.",
  },
  'wrapper.for.raw.primitives': {
    type: 'boolean',
    default: true,
    doc: "Only true: plain values (of keys, say) are written as Google's wrapper messages.",
    check: (on: boolean) => (on ? undefined : "plain values are always written as Google's wrapper messages"),
  },
  'generate.index.for.unions': {
    type: 'boolean',
    default: true,
    doc: 'Only true: the structs of oneofs are named with their number (pay_0).',
    check: (on: boolean) => (on ? undefined : 'the structs of oneofs are always named with their number'),
  },
})

/** `io.confluent.connect.protobuf.ProtobufConverter`: Protobuf with a schema registry. Its code is loaded with the first batch. */
export const protobuf = converter({
  class: 'io.confluent.connect.protobuf.ProtobufConverter',
  aliases: ['ProtobufConverter', 'Protobuf', 'protobuf'],
  doc: 'Protobuf, with a Confluent-compatible schema registry.',
  config,
  create: (settings, use) =>
    new RegistryConverter(settings, use, async () => {
      const { protobufFormat } = await import('./protobuf-format.ts')
      return protobufFormat({
        enhanced: settings['enhanced.protobuf.schema.support'],
        scrub: settings['scrub.invalid.names'],
        wrappers: settings['wrapper.for.nullables'],
        optionals: settings['optional.for.nullables'],
        nullsAsDefaults: settings['nulls.as.defaults'],
        dropDigits: settings['timestamp.digits.dropped'],
      })
    }),
})
