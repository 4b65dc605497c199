import {
  ConfigError,
  DataError,
  defineConfig,
  primitive,
  transform,
  type ConfigOf,
  type ConnectRecord,
  type Schema,
  type Transform,
} from '../core/index.ts'
import { added, additionsOf, isEnvelope, type Addition } from './envelope-field.ts'
import { bySchema, fieldValue, membersOf, rebuilt, requireStruct, setOwn, withFields } from './fields.ts'
import { compileCopy, type StructCopy } from './struct-copy.ts'

const gone = (instead: string) => `Debezium 3 removed it; use delete.tombstone.handling.mode (${instead})`

const config = defineConfig({
  'delete.tombstone.handling.mode': {
    type: 'string',
    default: 'tombstone',
    oneOf: ['drop', 'tombstone', 'rewrite', 'rewrite-with-tombstone', 'delete-to-tombstone'],
    importance: 'medium',
    doc:
      'What becomes of a delete and the tombstone after it: drop (neither is kept), tombstone or delete-to-tombstone (the delete becomes a tombstone), ' +
      'rewrite (the row before, with __deleted = "true"; other rows get "false"), rewrite-with-tombstone (the same, and the tombstone is kept).',
  },
  'add.fields': { type: 'list', default: [], doc: 'Fields of the envelope to add: op, table, source.ts_ms, lsn:position ...' },
  'add.fields.prefix': { type: 'string', default: '__', doc: "Prefix of the added fields' names." },
  'add.headers': { type: 'list', default: [], doc: 'Fields of the envelope to add as headers.' },
  'add.headers.prefix': { type: 'string', default: '__', doc: "Prefix of the added headers' names." },
  'route.by.field': { type: 'string', default: '', doc: 'Field of the row whose text becomes the topic.' },
  'drop.fields.header.name': { type: 'string', doc: 'Header that lists the fields to leave out of the row.' },
  'drop.fields.from.key': { type: 'boolean', default: false, doc: 'Leaves them out of the key too.' },
  'drop.fields.keep.schema.compatible': { type: 'boolean', default: true, doc: 'Leaves out optional fields only.' },
  'replace.null.with.default': {
    type: 'boolean',
    default: true,
    doc: 'In the rewrite modes, a null in a column that has a default becomes the default, as in Debezium.',
  },
  'drop.tombstones': {
    type: 'boolean',
    importance: 'low',
    doc: 'Of Debezium 2.',
    unsupported: gone('tombstone for true, rewrite-with-tombstone for false'),
  },
  'delete.handling.mode': {
    type: 'string',
    importance: 'low',
    doc: 'Of Debezium 2.',
    unsupported: gone('tombstone for none, drop for drop, rewrite for rewrite'),
  },
})

/**
 * `io.debezium.transforms.ExtractNewRecordState`: the row in the place of Debezium's envelope. Records that are no envelopes pass as they
 * are (heartbeats, transactions), truncates are dropped, both as there. Beyond Debezium: a delete in `tombstone` mode becomes a real
 * tombstone, without a schema, so that compaction sees it; envelopes without a schema are unwrapped too; an unknown name in `add.fields`
 * or `add.headers` is a DataError, and a name that comes twice a ConfigError.
 */
export const extractNewRecordState = transform({
  class: 'io.debezium.transforms.ExtractNewRecordState',
  aliases: ['ExtractNewRecordState'],
  doc: "The row in the place of Debezium's envelope.",
  config,
  create: (settings) => new ExtractNewRecordState(settings),
})

class ExtractNewRecordState implements Transform {
  readonly #settings: ConfigOf<typeof config>
  readonly #rewrite: boolean
  readonly #mode: string
  readonly #fields: readonly Addition[]
  readonly #headers: readonly Addition[]
  readonly #rows: (envelope: Schema) => { readonly before: Schema; readonly after: Schema; readonly copy: StructCopy }

  constructor(settings: ConfigOf<typeof config>) {
    this.#settings = settings
    this.#mode = settings['delete.tombstone.handling.mode'].toLowerCase()
    this.#rewrite = this.#mode.startsWith('rewrite')
    this.#fields = additionsOf('add.fields', settings['add.fields'], settings['add.fields.prefix'])
    this.#headers = additionsOf('add.headers', settings['add.headers'], settings['add.headers.prefix'])
    if (this.#rewrite && this.#fields.some((field) => field.name === deletedField)) {
      throw new ConfigError([{ key: 'add.fields', message: `add.fields adds ${deletedField}, which the rewrite modes add themselves` }])
    }
    this.#rows = bySchema((envelope) => this.#rowOf(envelope))
  }

  apply(record: ConnectRecord): ConnectRecord | null {
    if (record.value === null) return this.#tombstone(record)
    if (!isEnvelope(record)) return record
    const envelope = record.value as Readonly<Record<string, unknown>>
    const after = envelope.after ?? null
    const before = envelope.before ?? null
    if (after === null && before === null) return null
    const row = (after ?? before) as Readonly<Record<string, unknown>>
    const headed = this.#withHeaders(record, envelope)
    const routed = this.#route(headed, row)
    if (after !== null) return this.#dropFields(this.#unwrap(routed, envelope, row, 'false'))
    if (this.#mode === 'drop') return null
    if (this.#rewrite) return this.#dropFields(this.#unwrap(routed, envelope, row, 'true'))
    return { ...routed, value: null, valueSchema: null }
  }

  #tombstone(record: ConnectRecord): ConnectRecord | null {
    if (this.#mode !== 'rewrite-with-tombstone') return null
    const headers = this.#headers
      .filter((header) => header.struct === null && header.field === 'op')
      .map((header) => ({ key: header.name, value: 'd', schema: operationSchema }))
    return headers.length === 0 ? record : { ...record, headers: [...record.headers, ...headers] }
  }

  #withHeaders(record: ConnectRecord, envelope: Readonly<Record<string, unknown>>): ConnectRecord {
    if (this.#headers.length === 0) return record
    const headers = this.#headers.map((addition) => {
      const { schema, value } = added(addition, record.valueSchema, envelope)
      return { key: addition.name, value, schema }
    })
    return { ...record, headers: [...record.headers, ...headers] }
  }

  #route(record: ConnectRecord, row: Readonly<Record<string, unknown>>): ConnectRecord {
    const name = this.#settings['route.by.field']
    if (name === '') return record
    const topic = Object.hasOwn(row, name) ? row[name] : undefined
    if (topic === undefined) throw new DataError(`route.by.field: a row of topic "${record.topic}" has no field "${name}"`)
    if (topic === null || topic === '') return record
    if (typeof topic !== 'string') throw new DataError(`route.by.field: field "${name}" in topic "${record.topic}" is not text`)
    return { ...record, topic }
  }

  #unwrap(
    record: ConnectRecord,
    envelope: Readonly<Record<string, unknown>>,
    row: Readonly<Record<string, unknown>>,
    deleted: string,
  ): ConnectRecord {
    if (record.valueSchema === null) {
      const extra = this.#fields.map((addition) => [addition.name, added(addition, null, envelope).value] as const)
      const members = [...membersOf(row, 'unwrapping'), ...(this.#rewrite ? [[deletedField, deleted] as const] : []), ...extra]
      return { ...record, value: rebuilt(row, members) }
    }
    const { before, after, copy } = this.#rows(record.valueSchema)
    const extras = this.#fields.map((addition) => added(addition, record.valueSchema, envelope).value)
    if (this.#rewrite) extras.unshift(deleted)
    return { ...record, value: copy(requireStruct(before, row, 'unwrapping'), extras), valueSchema: after }
  }

  // How a row of this envelope looks before it is unwrapped and after, and what makes the one into the other.
  #rowOf(envelope: Schema) {
    const before = envelope.fields.find((field) => field.name === 'after')!.schema
    const extras: readonly (readonly [string, Schema])[] = [
      ...(this.#rewrite ? [[deletedField, textSchema] as const] : []),
      ...this.#fields.map((addition) => [addition.name, added(addition, envelope, {}).schema!] as const),
    ]
    const after = withFields(before, [...before.fields.map((field) => [field.name, field.schema] as const), ...extras])
    const copied = [...before.fields.map((from) => ({ name: from.name, from })), ...extras.map(([name]) => ({ name, from: null }))]
    return { before, after, copy: compileCopy(copied, this.#rewrite && this.#settings['replace.null.with.default']) }
  }

  #dropFields(record: ConnectRecord): ConnectRecord {
    const headerName = this.#settings['drop.fields.header.name']
    if (headerName === undefined || headerName.trim() === '') return record
    const listed = record.headers.find((header) => header.key === headerName)?.value ?? null
    if (listed === null) return record
    if (!Array.isArray(listed) || listed.some((name) => typeof name !== 'string')) {
      throw new DataError(`Header "${headerName}" in topic "${record.topic}" is not a list of field names`)
    }
    const names = new Set<string>(listed)
    const value = this.#without(names, record.valueSchema, record.value)
    const key = this.#settings['drop.fields.from.key'] && record.key !== null ? this.#without(names, record.keySchema, record.key) : null
    const narrowed = { ...record, value: value.value, valueSchema: value.schema }
    return key === null ? narrowed : { ...narrowed, key: key.value, keySchema: key.schema }
  }

  #without(names: ReadonlySet<string>, schema: Schema | null, value: unknown): { readonly schema: Schema | null; readonly value: unknown } {
    if (schema === null)
      return {
        schema,
        value: rebuilt(
          value,
          membersOf(value, 'dropping fields').filter(([name]) => !names.has(name)),
        ),
      }
    const struct = requireStruct(schema, value, 'dropping fields')
    const compatible = this.#settings['drop.fields.keep.schema.compatible']
    const fields = schema.fields.filter((field) => !names.has(field.name) || (compatible && !field.schema.optional))
    if (fields.length === schema.fields.length) return { schema, value }
    const narrowed: Record<string, unknown> = {}
    for (const field of fields) setOwn(narrowed, field.name, fieldValue(struct, field, false))
    return {
      schema: this.#narrowSchema(
        schema,
        fields.map((field) => field.name),
      ),
      value: narrowed,
    }
  }

  readonly #narrowed = bySchema(() => new Map<string, Schema>())

  // One schema object for each choice of fields: readers remember schemas by identity.
  #narrowSchema(schema: Schema, names: readonly string[]): Schema {
    const known = this.#narrowed(schema)
    const choice = JSON.stringify(names)
    let narrowed = known.get(choice)
    if (narrowed === undefined) {
      if (known.size >= choicesMax) known.clear()
      narrowed = withFields(
        schema,
        schema.fields.filter((field) => names.includes(field.name)).map((field) => [field.name, field.schema] as const),
      )
      known.set(choice, narrowed)
    }
    return narrowed
  }
}

/** Different choices of dropped fields that are remembered per schema. */
const choicesMax = 1_000
const deletedField = '__deleted'
const textSchema: Schema = primitive('string', { optional: true })
const operationSchema: Schema = primitive('string')
