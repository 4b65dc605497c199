import {
  ConfigError,
  DataError,
  decoders,
  defineConfig,
  parseJson,
  type ConfigOf,
  type JsonDecoder,
  type Transform,
} from '../../core/index.ts'
import { typedJson } from '../json-payload.ts'
import { keyAndValue, shortNames, type Side } from '../side.ts'
import { jsonRules } from './json-rules.ts'
import { placed, placementKeys, type Decoded } from './placement.ts'
import { schemaKeys, topicSchemas } from './topic-schemas.ts'

const config = defineConfig({
  ...placementKeys,
  ...schemaKeys,
  mode: {
    type: 'string',
    default: 'strict',
    oneOf: ['strict', 'permissive'],
    importance: 'high',
    doc: 'strict: there must be a schema for every topic, and values that it does not allow, or names that it does not have, reject the record. permissive: with a schema, names that it does not have are left out; without one the structure stays as it is, and within a struct gets the types that it shows.',
  },
  'text.max.bytes': {
    type: 'int',
    default: 16_777_216,
    min: 1,
    max: 67_108_864,
    importance: 'low',
    doc: 'Longest JSON text that is read. It may be nested 500 levels deep.',
  },
})

/**
 * `io.millrace.transforms.DecodeJson$Key` and `$Value`: JSON in a field or the whole, by a Connect schema or a JSON Schema. Integers stay exact, a
 * name that occurs twice is refused.
 */
export const decodeJson = keyAndValue(
  'io.millrace.transforms.DecodeJson',
  'Reads JSON out of text or bytes, of a field or the whole, by a schema for each topic',
  config,
  createDecodeJson,
  shortNames('DecodeJson'),
)

interface TopicDecoder {
  readonly decoder: JsonDecoder
  /** Checks what the types alone do not say. */
  readonly check: (parsed: unknown) => void
}

function createDecodeJson(settings: ConfigOf<typeof config>, side: Side): Transform {
  const strict = settings.mode.toLowerCase() === 'strict'
  const decoderOf = topicSchemas(settings, (text): TopicDecoder => {
    const decoder = decoders().jsonDecoder(text, strict ? 'fail' : 'drop')
    const parsed = parseJson(text, 'typed')
    return { decoder, check: decoders().isConnectSchema(parsed) ? () => {} : jsonRules(parsed) }
  })
  if (strict && !settings.schema && !settings['schema.file'] && !settings.schemas) {
    const message = 'Configuration schema: mode=strict needs a schema (schema, schema.file or schemas); mode=permissive does without'
    throw new ConfigError([{ key: 'schema', message }])
  }
  const most = settings['text.max.bytes']
  const inStruct = settings.field !== ''
  const typing = { nulls: 'optional_bytes', emptyArrays: 'optional_string', fieldName: (name: string) => name } as const
  const apply = placed(settings, side, {
    name: 'DecodeJson',
    schemaOf: (topic) => decoderOf(topic)?.decoder.schema,
    decode(raw, record): Decoded {
      const text = typeof raw === 'string' ? bounded(raw, most) : decoders().utf8Text(raw, most)
      const known = decoderOf(record.topic)
      if (known !== undefined) {
        const parsed = parseJson(text, 'typed')
        known.check(parsed)
        return { schema: known.decoder.schema, value: known.decoder.shape(parsed) }
      }
      if (strict) throw new DataError('no schema is set for this topic (schemas), and mode=strict')
      if (!inStruct || side.schema(record) === null) return { schema: null, value: parseJson(text, 'plain') }
      parseJson(text, 'plain') // For its bounds, and names that occur twice.
      const shown = typedJson(text.trim(), settings.field, typing)
      if (shown === undefined) throw new DataError('its types cannot be told from it; set a schema')
      return shown
    },
  })
  return { apply }
}

function bounded(text: string, most: number): string {
  if (text.length > most || Buffer.byteLength(text) > most)
    throw new DataError(`the JSON text of ${text.length} characters is longer than text.max.bytes=${most}`)
  return text
}
