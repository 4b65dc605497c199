import {
  ConfigError,
  DataError,
  decoders,
  defineConfig,
  parseConfig,
  type ConfigOf,
  type Converter,
  type SchemaAndValue,
  type Transform,
} from '../../core/index.ts'
import { parsePath, pathReader } from '../field-path.ts'
import { keyAndValue, shortNames, type Side } from '../side.ts'
import { placed, placementKeys } from './placement.ts'
import { schemaKeys, topicSchemas } from './topic-schemas.ts'

const config = defineConfig({
  ...placementKeys,
  ...schemaKeys,
  'schema.registry.url': {
    type: 'list',
    default: [],
    importance: 'high',
    doc: "Addresses of a schema registry. Then content is in its wire format (0, the schema's id, the value), and the registry gives each schema. The schema keys above are for content without that head.",
  },
  'basic.auth.credentials.source': {
    type: 'string',
    default: 'URL',
    oneOf: ['URL', 'USER_INFO'],
    importance: 'medium',
    doc: 'Where user and password for the registry stand.',
  },
  'basic.auth.user.info': { type: 'password', importance: 'medium', doc: 'user:password, with basic.auth.credentials.source=USER_INFO.' },
  'bearer.auth.credentials.source': {
    type: 'string',
    oneOf: ['STATIC_TOKEN'],
    importance: 'medium',
    doc: 'STATIC_TOKEN: send bearer.auth.token to the registry.',
  },
  'bearer.auth.token': { type: 'password', importance: 'medium', doc: 'Token for the registry.' },
  'schema.registry.ssl.truststore.location': {
    type: 'string',
    importance: 'low',
    doc: 'PEM file with the authorities that are trusted for the registry.',
  },
  'text.encoding': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'base64', 'hex'],
    importance: 'medium',
    doc: 'How bytes are written where the field is text; none: text is refused.',
  },
  'message.max.bytes': {
    type: 'int',
    default: 16_777_216,
    min: 1,
    max: 67_108_864,
    importance: 'low',
    doc: 'Longest content that is read. Lengths and counts within it are held against the bytes that are there.',
  },
})

const registryKeys = [
  'basic.auth.credentials.source',
  'basic.auth.user.info',
  'bearer.auth.credentials.source',
  'bearer.auth.token',
  'schema.registry.ssl.truststore.location',
] as const

/** `io.millrace.transforms.DecodeAvro$Key` and `$Value`: Avro's binary form in a field or the whole, by a given schema or those of a registry. */
export const decodeAvro = keyAndValue(
  'io.millrace.transforms.DecodeAvro',
  'Reads Avro out of bytes, of a field or the whole, by a given schema for each topic or those of a schema registry',
  config,
  createDecodeAvro,
  shortNames('DecodeAvro'),
)

type Settings = ConfigOf<typeof config>

function createDecodeAvro(settings: Settings, side: Side): Transform {
  const given = Boolean(settings.schema || settings['schema.file'] || settings.schemas)
  const urls = settings['schema.registry.url']
  if (given === urls.length > 0) {
    const message = given
      ? 'Configuration schema.registry.url: a schema is given, too; content either has the head of a registry or it has none'
      : 'Configuration schema: set a schema (schema, schema.file or schemas) or schema.registry.url'
    throw new ConfigError([{ key: given ? 'schema.registry.url' : 'schema', message }])
  }
  return given ? bySchemas(settings, side) : byRegistry(settings, side)
}

function bySchemas(settings: Settings, side: Side): Transform {
  // The schema is told by a null as well as by a value, so that all records of a topic have the same one.
  const decoderOf = topicSchemas(settings, (text) => decoders().avroDecoder(text))
  const apply = placed(settings, side, {
    name: 'DecodeAvro',
    schemaOf: (topic) => decoderOf(topic)?.schema,
    decode(raw, record): SchemaAndValue {
      const decoder = decoderOf(record.topic)
      if (decoder === undefined) throw new DataError('no schema is set for this topic (schemas)')
      return { schema: decoder.schema, value: decoder.read(bytesOf(raw, settings)) }
    },
  })
  return { apply }
}

function byRegistry(settings: Settings, side: Side): Transform {
  const raw: Record<string, string> = {
    'schema.registry.url': settings['schema.registry.url'].join(','),
    'avro.logical.types.extended': 'true',
  }
  for (const key of registryKeys) if (settings[key] !== undefined) raw[key] = settings[key]
  const def = decoders().avroConverter
  const { config: parsed, issues } = parseConfig(def.config, raw)
  if (issues.length > 0) throw new ConfigError(issues)
  const converter: Converter = def.create(parsed, side.name === 'Key' ? 'key' : 'value')
  const read = settings.field === '' ? (value: unknown) => value : pathReader(parsePath(settings.field, 'own'))
  const apply = placed(settings, side, {
    name: 'DecodeAvro',
    schemaOf: () => undefined,
    decode: (content, record) => converter.deserialize(record.topic, bytesOf(content, settings)),
  })
  return {
    apply,
    async prepare(records) {
      for (const [topic, some] of Map.groupBy(records, (record) => record.topic)) {
        await converter.prepare?.(
          topic,
          some.flatMap((record) => contentOf(read(side.value(record)), settings)),
        )
      }
    },
  }
}

// What cannot be read is told by `apply`, for its record alone.
function contentOf(raw: unknown, settings: Settings): readonly Uint8Array[] {
  if (typeof raw !== 'string' && !(raw instanceof Uint8Array)) return []
  try {
    return [bytesOf(raw, settings)]
  } catch (error) {
    if (error instanceof DataError) return []
    throw error
  }
}

function bytesOf(raw: string | Uint8Array, settings: Settings): Uint8Array {
  const bytes = typeof raw === 'string' ? textBytes(raw, settings['text.encoding'].toLowerCase()) : raw
  const most = settings['message.max.bytes']
  if (bytes.length > most) throw new DataError(`it has ${bytes.length} bytes, more than message.max.bytes=${most}`)
  return bytes
}

function textBytes(text: string, encoding: string): Buffer {
  if (encoding === 'none') throw new DataError('it is text, and Avro is bytes; text.encoding says how bytes are written as text')
  const bytes = Buffer.from(text, encoding as 'base64' | 'hex')
  // Buffer skips what it does not know; encoding again shows whether it did.
  if (bytes.toString(encoding as 'base64' | 'hex') !== (encoding === 'hex' ? text.toLowerCase() : text))
    throw new DataError(`it is not ${encoding}`)
  return bytes
}
