import { DataError, fieldOf, type ConnectRecord, type Schema } from '../../../core/index.ts'

/** What a record does to its table. `skip`: it is about the stream, not about rows. */
export type Op = 'write' | 'delete' | 'truncate' | 'skip'

/** A record as a change of a row. */
export interface Change {
  readonly op: Op
  /** The row after the change, or for a delete the row before it as far as the record has it; null: none. */
  readonly row: Row | null
  /** Columns of `row`; null: the record has no schema. */
  readonly rowSchema: Schema | null
  /** From a change log's envelope. */
  readonly source: Row | null
  /** Columns that the source did not send; empty: none. */
  readonly unavailable: readonly string[]
  readonly record: ConnectRecord
}

export type Row = Readonly<Record<string, unknown>>

/** Records of Debezium that are about the stream, not about rows. */
const notRows = [
  /^io\.debezium\.connector\.common\.Heartbeat/,
  /TransactionMetadata/,
  /^io\.debezium\.connector\.[a-z]+\.MessageValue$/,
  /^io\.debezium\.connector\.[a-z]+\.SchemaChangeValue$/,
]

interface Form {
  readonly kind: 'envelope' | 'flat' | 'skip'
  readonly rowSchema: Schema
  /** Fields that can hold the placeholder of a value that was not sent. */
  readonly toasted: readonly string[]
}

const forms = new WeakMap<Schema, Form>()
const none: readonly string[] = []

/** Reads records as changes. `placeholder` stands for values that the source did not send. */
export class ChangeReader {
  readonly #placeholder: string
  readonly #bytes: Buffer

  constructor(placeholder: string) {
    this.#placeholder = placeholder
    this.#bytes = Buffer.from(placeholder)
  }

  /** Throws a DataError for a record that is no row. */
  read(record: ConnectRecord): Change {
    const { value, valueSchema } = record
    if (value === null) return { op: 'delete', row: null, rowSchema: null, source: null, unavailable: none, record }
    if (valueSchema === null) return this.#schemaless(record, value)
    const form = formOf(record.topic, valueSchema)
    if (form.kind === 'envelope') return this.#envelope(record, value as Row, form)
    if (form.kind === 'skip') return { op: 'skip', row: null, rowSchema: null, source: null, unavailable: none, record }
    const row = value as Row
    return { op: 'write', row, rowSchema: form.rowSchema, source: null, unavailable: this.#unavailable(record, row, form), record }
  }

  #schemaless(record: ConnectRecord, value: unknown): Change {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array || value instanceof Map) {
      throw new DataError(
        `Topic ${record.topic}: the value is ${JSON.stringify(value) ?? typeof value}, not an object, so it has no columns`,
      )
    }
    if ('op' in value && 'source' in value && ('after' in value || 'before' in value)) return this.#envelope(record, value as Row, null)
    return { op: 'write', row: value as Row, rowSchema: null, source: null, unavailable: none, record }
  }

  #envelope(record: ConnectRecord, envelope: Row, form: Form | null): Change {
    const source = (envelope['source'] ?? null) as Row | null
    const rowSchema = form?.rowSchema ?? null
    switch (envelope['op']) {
      case 'c':
      case 'u':
      case 'r': {
        const row = (envelope['after'] ?? null) as Row | null
        if (row === null) throw new DataError(`Topic ${record.topic}: op "${String(envelope['op'])}" needs the row in "after"`)
        return { op: 'write', row, rowSchema, source, unavailable: this.#unavailable(record, row, form), record }
      }
      case 'd':
        return { op: 'delete', row: (envelope['before'] ?? null) as Row | null, rowSchema, source, unavailable: none, record }
      case 't':
        return { op: 'truncate', row: null, rowSchema, source, unavailable: none, record }
      case 'm':
        return { op: 'skip', row: null, rowSchema, source, unavailable: none, record }
      default:
        throw new DataError(`Topic ${record.topic}: op "${String(envelope['op'])}" is not one of c, u, d, r, t`)
    }
  }

  #unavailable(record: ConnectRecord, row: Row, form: Form | null): readonly string[] {
    if (record.headers.length > 0) {
      const header = record.headers.find((one) => one.key === '__millrace.unavailable')
      if (header && Array.isArray(header.value) && header.value.length > 0) return header.value as string[]
    }
    let found: string[] | undefined
    if (form) {
      for (const name of form.toasted) if (this.#stands(row[name])) (found ??= []).push(name)
    } else for (const name in row) if (this.#stands(row[name])) (found ??= []).push(name)
    return found ?? none
  }

  #stands(value: unknown): boolean {
    if (typeof value === 'string') return value === this.#placeholder
    if (value instanceof Uint8Array) return value.length === this.#bytes.length && this.#bytes.equals(value)
    return Array.isArray(value) && value.length === 1 && value[0] === this.#placeholder
  }
}

function formOf(topic: string, schema: Schema): Form {
  const known = forms.get(schema)
  if (known) return known
  const form = readForm(topic, schema)
  forms.set(schema, form)
  return form
}

function readForm(topic: string, schema: Schema): Form {
  if (schema.name !== null && notRows.some((pattern) => pattern.test(schema.name!)))
    return { kind: 'skip', rowSchema: schema, toasted: none }
  if (schema.type !== 'struct') {
    throw new DataError(
      `Topic ${topic}: the value is ${schema.type}, not a struct, so it has no columns; wrap it with the HoistField transform or use a converter that yields structs`,
    )
  }
  const row = (fieldOf(schema, 'after') ?? fieldOf(schema, 'before'))?.schema
  const enveloped = fieldOf(schema, 'op') && row?.type === 'struct' && (schema.name?.endsWith('.Envelope') || fieldOf(schema, 'source'))
  const rowSchema = enveloped ? row : schema
  const toasted = rowSchema.fields.filter((field) => ['string', 'bytes', 'array'].includes(field.schema.type)).map((field) => field.name)
  return { kind: enveloped ? 'envelope' : 'flat', rowSchema, toasted }
}
