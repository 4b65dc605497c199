import { defineConfig } from '../contract/config-def.ts'
import { converter } from '../contract/converter.ts'
import { DataError } from '../contract/errors.ts'
import { primitive } from '../contract/schema.ts'
import { shownValue } from './field-path.ts'

const optionalBytes = primitive('bytes', { optional: true })

/** `org.apache.kafka.connect.converters.ByteArrayConverter`: bytes as they are; anything else is a DataError. */
export const byteArray = converter({
  class: 'org.apache.kafka.connect.converters.ByteArrayConverter',
  aliases: ['ByteArrayConverter', 'ByteArray', 'bytes'],
  doc: 'Bytes as they are.',
  config: defineConfig({}),
  create: () => ({
    writes: 'bytes',
    serialize(_topic, { schema, value }) {
      if (schema !== null && schema.type !== 'bytes') throw new DataError(`Invalid schema type for ByteArrayConverter: ${schema.type}`)
      if (value === null || value === undefined) return null
      if (!(value instanceof Uint8Array)) throw new DataError(`ByteArrayConverter is not compatible with ${shownValue(value)}`)
      return value
    },
    deserialize: (_topic, bytes) => ({ schema: optionalBytes, value: bytes }),
  }),
})
