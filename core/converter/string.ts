import { isAscii, isUtf8 } from 'node:buffer'
import { defineConfig } from '../contract/config-def.ts'
import { converter, type Converter, type SchemaAndValue } from '../contract/converter.ts'
import { DataError } from '../contract/errors.ts'
import { logical, primitive, type Schema } from '../contract/schema.ts'
import { shownValue } from './field-path.ts'
import { isPlain } from './json-scalars.ts'
import { javaDecimal, javaDouble, temporalText } from './java-text.ts'

const encodings = ['UTF-8', 'US-ASCII', 'ISO-8859-1', 'UTF-16LE'] as const

/**
 * `org.apache.kafka.connect.storage.StringConverter`: text as it is, all else as Java's `toString` shows it (`Struct{id=1,name=x}`), dates
 * in ISO 8601. Bytes have no text there but a memory address, so they are a DataError; so is text that the encoding does not have.
 */
export const string = converter({
  class: 'org.apache.kafka.connect.storage.StringConverter',
  aliases: ['StringConverter', 'String', 'string'],
  doc: 'Values as text.',
  config: defineConfig({
    'converter.encoding': { type: 'string', default: 'UTF-8', oneOf: encodings, doc: "The text's encoding." },
  }),
  create: (config) => new StringConverter(config['converter.encoding'].toUpperCase()),
})

const optionalString = primitive('string', { optional: true })

class StringConverter implements Converter {
  readonly writes?: 'text'
  readonly #encoding: string

  constructor(encoding: string) {
    this.#encoding = encoding
    if (encoding === 'UTF-8') this.writes = 'text'
  }

  text({ schema, value }: SchemaAndValue): string | null {
    if (value === null || value === undefined) return null
    const text = typeof value === 'string' ? value : objectText(schema, value)
    if (!text.isWellFormed()) throw new DataError('The text has half of a surrogate pair, which no encoding can hold')
    return text
  }

  serialize(_topic: string, content: SchemaAndValue): Uint8Array | null {
    const text = this.text(content)
    if (text === null) return null
    switch (this.#encoding) {
      case 'UTF-8':
        return Buffer.from(text, 'utf8')
      case 'UTF-16LE':
        return Buffer.from(text, 'utf16le')
      default: {
        const most = this.#encoding === 'US-ASCII' ? 0x7f : 0xff
        for (let at = 0; at < text.length; at++) {
          if (text.charCodeAt(at) > most)
            throw new DataError(`The text has ${JSON.stringify(text[at])}, which ${this.#encoding} does not have`)
        }
        return Buffer.from(text, 'latin1')
      }
    }
  }

  deserialize(_topic: string, bytes: Uint8Array | null): SchemaAndValue {
    if (bytes === null) return { schema: optionalString, value: null }
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    return { schema: optionalString, value: this.#decode(buffer) }
  }

  #decode(buffer: Buffer): string {
    switch (this.#encoding) {
      case 'UTF-8':
        if (!isUtf8(buffer)) throw new DataError('The bytes are not UTF-8 text')
        return buffer.toString('utf8')
      case 'US-ASCII':
        if (!isAscii(buffer)) throw new DataError('The bytes are not US-ASCII text')
        return buffer.toString('latin1')
      case 'UTF-16LE': {
        const text = buffer.toString('utf16le')
        if (buffer.length % 2 !== 0 || !text.isWellFormed()) throw new DataError('The bytes are not UTF-16LE text')
        return text
      }
      default:
        return buffer.toString('latin1')
    }
  }
}

/** What Java's `toString` gives for a value of this schema; null: no schema. Throws a DataError for bytes and for classes. */
export function objectText(schema: Schema | null, value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const temporal = temporalText(schema, value)
  if (temporal !== undefined) return temporal
  switch (typeof value) {
    case 'string':
      return value
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'number':
      if (schema === null) return String(value)
      return schema.type === 'float32' || schema.type === 'float64' ? javaDouble(value, schema.type) : String(value)
    case 'object':
      return compositeText(schema, value)
    default:
      throw new DataError(`A value of type ${typeof value} has no text`)
  }
}

function compositeText(schema: Schema | null, value: object): string {
  if (schema?.name === logical.decimal && 'unscaled' in value) return javaDecimal(value as never)
  const item = schema?.valueSchema ?? null
  if (Array.isArray(value)) return `[${value.map((one) => objectText(item, one)).join(', ')}]`
  if (value instanceof Map) {
    return `{${[...value].map(([key, one]) => `${objectText(schema?.keySchema ?? null, key)}=${objectText(item, one)}`).join(', ')}}`
  }
  if (schema?.type === 'struct') {
    const struct = value as Record<string, unknown>
    const members = schema.fields
      .filter((field) => (struct[field.name] ?? null) !== null)
      .map((field) => `${field.name}=${objectText(field.schema, struct[field.name])}`)
    return `Struct{${members.join(',')}}`
  }
  if (!ArrayBuffer.isView(value) && isPlain(value)) {
    return `{${Object.entries(value)
      .map(([key, one]) => `${key}=${objectText(null, one)}`)
      .join(', ')}}`
  }
  throw new DataError(`The value (${shownValue(value)}) has no text; use JsonConverter or ByteArrayConverter`)
}
