import { type ConnectRecord, DataError, type Logger, type Schema } from '../../core/index.ts'
import { type Change, type Form, envelopeChange, flatChange, formOf, isEnvelope, placeholderSearch } from './changes.ts'
import { exactIntegers } from './exact-json.ts'
import { InferredRow, inferPrimitive } from './infer.ts'

interface SchemaReader {
  readonly form: Form
  readonly unavailable: (row: object) => readonly string[] | null
}

/** Turns records into changes: Debezium envelopes and plain rows, with a schema or without. */
export class RecordReader {
  readonly #placeholder: string
  readonly #log: Logger
  readonly #schemas = new WeakMap<Schema, SchemaReader>()
  readonly #rows = new Map<string, InferredRow>()
  readonly #keys = new Map<string, InferredRow>()
  readonly #skipped = new Set<string>()

  constructor(placeholder: string, log: Logger) {
    this.#placeholder = placeholder
    this.#log = log
  }

  /** Undefined: the record is no row (heartbeats, transaction marks, tombstones after a delete). Throws a DataError for one that should be a row and is not. */
  read(record: ConnectRecord, holdsEnvelopes: boolean): Change | undefined {
    const { valueSchema, value } = record
    if (valueSchema === null) return value === null ? this.#tombstone(record, holdsEnvelopes) : this.#schemaless(record)
    const reader = this.#reader(valueSchema)
    if (reader.form.kind === 'skip') {
      this.#skip(valueSchema.name!, record.topic)
      return undefined
    }
    if (value === null) return this.#tombstone(record, holdsEnvelopes)
    const change = reader.form.kind === 'flat' ? flatChange : envelopeChange
    return change(this.#keyed(record), reader.form.rowSchema, reader.unavailable)
  }

  /** After a Debezium delete comes a tombstone for Kafka's compaction; the delete itself said it all. */
  #tombstone(record: ConnectRecord, holdsEnvelopes: boolean): Change | undefined {
    if (holdsEnvelopes) return undefined
    if (record.key === null) throw new DataError(`Topic ${record.topic}: a record with neither key nor value deletes nothing`)
    return flatChange(this.#keyed(record), null, noneUnavailable)
  }

  #schemaless(record: ConnectRecord): Change {
    const { value, topic } = record
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array || value instanceof Map) {
      throw new DataError(
        `Topic ${topic}: the value is ${JSON.stringify(value, exactIntegers) ?? typeof value}, not an object, so it has no columns`,
      )
    }
    const rows = inferred(this.#rows, topic)
    if (!isEnvelope(value)) {
      const row = rows.read(value)
      return flatChange({ ...this.#keyed(record), value: row }, rows.schema, noneUnavailable)
    }
    const part = (row: unknown): unknown => (typeof row === 'object' && row !== null ? rows.read(row) : null)
    const envelope = { ...value, before: part(value.before), after: part(value.after) }
    return envelopeChange({ ...this.#keyed(record), value: envelope }, rows.schema, placeholderSearch(rows.schema, this.#placeholder))
  }

  /** Gives a key without a schema an inferred one. */
  #keyed(record: ConnectRecord): ConnectRecord {
    const { key, keySchema, topic } = record
    if (keySchema !== null || key === null) return record
    if (typeof key !== 'object') return { ...record, keySchema: inferPrimitive(key) }
    const keys = inferred(this.#keys, topic)
    const row = keys.read(key)
    return { ...record, key: row, keySchema: keys.schema }
  }

  #skip(schema: string, topic: string): void {
    if (this.#skipped.has(schema)) return
    this.#skipped.add(schema)
    this.#log.info({ schema, topic }, 'Records of this schema are no rows and are left out')
  }

  #reader(schema: Schema): SchemaReader {
    const known = this.#schemas.get(schema)
    if (known) return known
    const form = formOf(schema)
    const unavailable = form.kind === 'skip' ? noneUnavailable : placeholderSearch(form.rowSchema, this.#placeholder)
    const reader: SchemaReader = { form, unavailable }
    this.#schemas.set(schema, reader)
    return reader
  }
}

function inferred(rows: Map<string, InferredRow>, topic: string): InferredRow {
  let row = rows.get(topic)
  if (!row) rows.set(topic, (row = new InferredRow(topic)))
  return row
}

function noneUnavailable(): null {
  return null
}
