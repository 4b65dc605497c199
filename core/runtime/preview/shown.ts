import type { ConnectRecord } from '../../contract/record.ts'
import type { Schema } from '../../contract/schema.ts'
import { schemaText } from '../../converter/json-schema.ts'
import { jsonWriter, writePlain, type JsonWriter } from '../../converter/json-write.ts'
import { exactJson } from '../letters/exact-json.ts'
import { redactor } from '../secrets.ts'
import { readTree, type Tree, type TreeObject } from './exact-tree.ts'

/** Shows records and bytes as JSON that a sample may be made of again, without the config's secrets. */
export class Showing {
  readonly #redact: (text: string) => string
  /** The same for bytes that are read as Latin-1. */
  readonly #redactBytes: (text: string) => string
  readonly #writers = new WeakMap<Schema, JsonWriter>()
  readonly #schemas = new WeakMap<Schema, Tree>()

  constructor(secrets: readonly string[]) {
    this.#redact = redactor(secrets)
    this.#redactBytes = redactor(secrets.map((secret) => Buffer.from(secret).toString('latin1')))
  }

  text(text: string): string {
    return this.#redact(text)
  }

  /** `unfit` is there where a value does not fit its own schema: the ends would refuse it. */
  record(record: ConnectRecord): TreeObject {
    const { topic, partition, timestamp, keySchema, valueSchema } = record
    const faults: string[] = []
    const value = (schema: Schema | null, content: unknown, name: string) => this.#value(schema, content, name, faults)
    return {
      topic: this.#redact(topic),
      partition,
      timestamp,
      key: value(keySchema, record.key, 'key'),
      keySchema: this.#schema(keySchema),
      value: value(valueSchema, record.value, 'value'),
      valueSchema: this.#schema(valueSchema),
      headers: record.headers.map((header) => ({
        key: this.#redact(header.key),
        value: value(header.schema, header.value, `header ${header.key}`),
        schema: this.#schema(header.schema),
      })),
      ...(faults.length > 0 && { unfit: faults.map(this.#redact) }),
    }
  }

  /** Text where it is text, else base64; null: there are none. */
  bytes(content: Uint8Array | null): Tree {
    if (content === null) return null
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
    const length = bytes.length
    const text = textOf(bytes)
    if (text !== undefined) return { text: this.#redact(text), length }
    return { base64: Buffer.from(this.#redactBytes(bytes.toString('latin1')), 'latin1').toString('base64'), length }
  }

  #value(schema: Schema | null, content: unknown, name: string, faults: string[]): Tree {
    let text: string
    try {
      text = schema === null ? writePlain(content ?? null) : this.#writer(schema)(content)
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      text = exactJson(content)
    }
    return readTree(text, this.#redact)
  }

  #writer(schema: Schema): JsonWriter {
    let writer = this.#writers.get(schema)
    if (!writer) this.#writers.set(schema, (writer = jsonWriter(schema, { decimals: 'NUMERIC', nullAsDefault: false })))
    return writer
  }

  #schema(schema: Schema | null): Tree {
    if (schema === null) return null
    let tree = this.#schemas.get(schema)
    if (tree === undefined) this.#schemas.set(schema, (tree = readTree(schemaText(schema, 'NUMERIC'), this.#redact)))
    return tree
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** undefined: not text, or text with control characters. */
function textOf(content: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(content)
    // oxlint-disable-next-line no-control-regex
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? undefined : text
  } catch {
    return undefined // Not UTF-8.
  }
}
