import { type ConnectRecord, DataError, type Schema, fieldOf } from '../../core/index.ts'

/** What a change does to its row, in Debezium's letters: create, update, delete, read (snapshot), truncate. */
export type Op = 'c' | 'u' | 'd' | 'r' | 't'

/** A record as a change of a row. */
export interface Change {
  readonly op: Op
  /** The row after the change; for a delete the row before it, as far as the record has it; null: nothing but the key. */
  readonly row: Readonly<Record<string, unknown>> | null
  /** The record's key: a struct, a primitive, or null. */
  readonly key: unknown
  /** For updates of tables without a key: the row before, or null. */
  readonly before: Readonly<Record<string, unknown>> | null
  /** Commit time at the source in ms; null: unknown. */
  readonly sourceMs: bigint | null
  /** True: a row of a snapshot that reads the whole table, so that it takes the place of what the lake has. */
  readonly load: boolean
  /** Columns whose value the source did not send (unchanged TOAST); null: none. */
  readonly unavailable: readonly string[] | null
  /** The row's key before a change of its key, where values are unavailable: they are found under it; null: the key did not change. */
  readonly formerKey: Readonly<Record<string, unknown>> | null
  readonly record: ConnectRecord
  /** Columns of `row`; null: the change has nothing but a key. */
  readonly rowSchema: Schema | null
  /** From where an envelope says it comes; null: no envelope, or it does not say. */
  readonly source: SourceBlock | null
  /** True: from a Debezium envelope. */
  readonly envelope: boolean
}

/** How the records of one value schema are read. Cached by the schema's identity. */
export interface Form {
  readonly kind: 'envelope' | 'flat' | 'skip'
  /** The columns that a row brings; for `skip` the schema itself. */
  readonly rowSchema: Schema
}

/** Records of Debezium that are about the stream, not about rows. */
const notRows = [
  /^io\.debezium\.connector\.common\.Heartbeat/,
  /TransactionMetadata/,
  /^io\.debezium\.connector\.[a-z]+\.MessageValue$/,
  /^io\.debezium\.connector\.[a-z]+\.SchemaChangeValue$/,
]

const forms = new WeakMap<Schema, Form>()

/** How records of this value schema are read. Throws a DataError for a value that is no row. */
export function formOf(schema: Schema): Form {
  const known = forms.get(schema)
  if (known) return known
  const form = readForm(schema)
  forms.set(schema, form)
  return form
}

function readForm(schema: Schema): Form {
  if (schema.name !== null && notRows.some((pattern) => pattern.test(schema.name!))) return { kind: 'skip', rowSchema: schema }
  if (schema.type !== 'struct') {
    throw new DataError(
      `The value is ${schema.type}, not a struct, so it has no columns; wrap it with the HoistField transform or use a converter that yields structs`,
    )
  }
  const after = fieldOf(schema, 'after')
  const before = fieldOf(schema, 'before')
  if (fieldOf(schema, 'op') && (after || before) && (schema.name?.endsWith('.Envelope') || fieldOf(schema, 'source'))) {
    const row = (after ?? before)!.schema
    if (row.type === 'struct') return { kind: 'envelope', rowSchema: row }
  }
  return { kind: 'flat', rowSchema: schema }
}

const ops: ReadonlySet<unknown> = new Set<Op>(['c', 'u', 'd', 'r', 't'])

/** True for the value of a Debezium envelope that came without a schema. */
export function isEnvelope(value: object): value is Envelope {
  return 'op' in value && 'source' in value && ('after' in value || 'before' in value) && ops.has(value.op)
}

interface Envelope {
  readonly before?: Readonly<Record<string, unknown>> | null
  readonly after?: Readonly<Record<string, unknown>> | null
  readonly op: Op
  readonly ts_ms?: unknown
  readonly source?: SourceBlock | null
}

/** What is read of an envelope's `source`. */
export interface SourceBlock {
  readonly ts_ms?: unknown
  readonly snapshot?: unknown
  readonly db?: unknown
  readonly schema?: unknown
  readonly table?: unknown
}

/** The change inside a Debezium envelope. Throws a DataError where its parts contradict its op. */
export function envelopeChange(record: ConnectRecord, rowSchema: Schema, unavailable: (row: object) => readonly string[] | null): Change {
  const value = record.value as Envelope
  const { op, source } = value
  if (!ops.has(op)) throw new DataError(`Topic ${record.topic}: op "${String(op)}" is not one of c, u, d, r, t`)
  const row = (op === 'd' ? value.before : op === 't' ? null : value.after) ?? null
  if (row === null && op !== 'd' && op !== 't') throw new DataError(`Topic ${record.topic}: op "${op}" needs the row in "after"`)
  const missing = row !== null && op !== 'd' ? unavailable(row) : null
  const lacking = named(record) ?? missing
  return {
    op,
    row,
    key: record.key,
    before: value.before ?? null,
    sourceMs: millis(source?.ts_ms ?? value.ts_ms),
    load: op === 'r' && source?.snapshot !== 'incremental',
    unavailable: lacking,
    formerKey: lacking === null ? null : formerKeyOf(record),
    record,
    rowSchema,
    source: source ?? null,
    envelope: true,
  }
}

/** A record whose value is the row itself; null deletes the row of its key. */
export function flatChange(
  record: ConnectRecord,
  rowSchema: Schema | null,
  unavailable: (row: object) => readonly string[] | null,
): Change {
  const row = record.value as Readonly<Record<string, unknown>> | null
  return {
    op: row === null ? 'd' : 'c',
    row,
    key: record.key,
    before: null,
    sourceMs: record.timestamp === null ? null : BigInt(record.timestamp),
    load: false,
    unavailable: row === null ? null : (named(record) ?? unavailable(row)),
    formerKey: null,
    record,
    rowSchema,
    source: null,
    envelope: false,
  }
}

/** Names the columns whose values a record does not have, for types that have no room for a placeholder. */
export const unavailableHeader = '__millrace.unavailable'

function named(record: ConnectRecord): readonly string[] | null {
  if (record.headers.length === 0) return null
  const header = record.headers.find((one) => one.key === unavailableHeader)
  return header && Array.isArray(header.value) && header.value.length > 0 ? (header.value as string[]) : null
}

/** Debezium makes a changed key a delete and a create, and names the old key in a header of the create. */
function formerKeyOf(record: ConnectRecord): Readonly<Record<string, unknown>> | null {
  const header = record.headers.find((one) => one.key === '__debezium.oldkey')
  return typeof header?.value === 'object' ? (header.value as Readonly<Record<string, unknown>> | null) : null
}

function millis(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' ? BigInt(Math.trunc(value)) : null
}

/** A compiled search for placeholders in the columns that can carry one (text, bytes, arrays of text). Null: the row has all its values. */
export function placeholderSearch(rowSchema: Schema, placeholder: string): (row: object) => readonly string[] | null {
  const bytes = Buffer.from(placeholder)
  const texts = rowSchema.fields.filter((field) => field.schema.type === 'string').map((field) => field.name)
  const others = rowSchema.fields
    .filter((field) => field.schema.type === 'bytes' || field.schema.type === 'array')
    .map((field) => field.name)
  const isPlaceholder = (value: unknown): boolean => {
    if (value instanceof Uint8Array) return value.length === bytes.length && bytes.equals(value)
    return Array.isArray(value) && value.length === 1 && value[0] === placeholder
  }
  if (texts.length + others.length === 0) return () => null
  // Compiled once per schema: reading a row's properties by their literal names is several times faster than by variable.
  const tests = [
    ...texts.map((name) => `row[${JSON.stringify(name)}]===placeholder`),
    ...others.map((name) => `isPlaceholder(row[${JSON.stringify(name)}])`),
  ]
  const any = new Function('row', 'placeholder', 'isPlaceholder', `return ${tests.join('||')}`) as (
    row: object,
    text: string,
    test: typeof isPlaceholder,
  ) => boolean
  return (row) => {
    if (!any(row, placeholder, isPlaceholder)) return null
    const values = row as Readonly<Record<string, unknown>>
    return [...texts.filter((name) => values[name] === placeholder), ...others.filter((name) => isPlaceholder(values[name]))]
  }
}
