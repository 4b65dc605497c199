import {
  DataError,
  logical,
  structOf,
  transform,
  type ConfigOf,
  type ConnectRecord,
  type Header,
  type Schema,
  type Transform,
} from '../core/index.ts'
import { refuse } from './config-fault.ts'
import { isEnvelope } from './envelope-field.ts'
import { eventRouterConfig, placementOf, type Placement } from './event-router-config.ts'
import { bySchema, fieldValue } from './fields.ts'
import { memberOf } from './field-path.ts'
import { javaRegex, replacementFault } from './java-regex.ts'
import { typedJson, type JsonTyping } from './json-payload.ts'
import { instantOf, shown } from './scalars.ts'
import { nameAdjuster } from './schema-names.ts'
import { topicGuard } from './topic-guard.ts'

type Settings = ConfigOf<typeof eventRouterConfig>

/**
 * `io.debezium.transforms.outbox.EventRouter`: rows that are inserted into an outbox table become events of their own, with key, topic, headers
 * and payload from its columns. Deletes and tombstones are dropped; what is no change event passes. Beyond Debezium: it works behind a Kafka
 * source too; the schema of each event is named after its own topic; names of topics are checked and counted (`topics.max`); JSON payloads may
 * be arrays, and what cannot be typed exactly stays text.
 */
export const eventRouter = transform({
  class: 'io.debezium.transforms.outbox.EventRouter',
  aliases: ['EventRouter'],
  doc: 'Makes events of the rows of an outbox table.',
  config: eventRouterConfig,
  create: (settings) => new EventRouter(settings),
})

/** A column of the row, with its schema; both null where the row has none. */
interface Column {
  readonly value: unknown
  readonly schema: Schema | null
}

class EventRouter implements Transform {
  readonly #settings: Settings
  readonly #placements: readonly Placement[]
  readonly #inEnvelope: readonly Placement[]
  readonly #typing: JsonTyping
  readonly #topicOf: (routed: string) => string
  readonly #guard: (topic: string) => string
  /** Schemas of enveloped events, by what they are made of. */
  readonly #schemas = new WeakMap<Schema, WeakMap<Schema, Map<string, Schema>>>()

  constructor(settings: Settings) {
    this.#settings = settings
    this.#placements = settings['table.fields.additional.placement'].map(placementOf)
    this.#inEnvelope = this.#placements.filter(({ where }) => where === 'envelope')
    const { 'route.topic.regex': pattern, 'route.topic.replacement': replacement } = settings
    const fault = replacementFault(pattern, replacement)
    if (fault !== undefined) refuse('route.topic.replacement', replacement, fault)
    const regex = javaRegex(pattern)
    const topics = new Map<string, string>()
    this.#topicOf = (routed) => {
      let topic = topics.get(routed)
      if (topic === undefined) {
        topic = regex.matches(routed) ? regex.replaceFirst(routed, replacement) : routed
        if (topics.size < topicsRemembered) topics.set(routed, topic)
      }
      return topic
    }
    this.#guard = topicGuard('EventRouter', settings['topics.max'])
    this.#typing = {
      nulls: settings['table.json.payload.null.behavior'].toLowerCase() as JsonTyping['nulls'],
      emptyArrays: settings['table.json.payload.empty.array.behavior'].toLowerCase() as JsonTyping['emptyArrays'],
      fieldName: nameAdjuster(settings['field.name.adjustment.mode']),
    }
  }

  apply(record: ConnectRecord): ConnectRecord | null {
    if (record.value === null) return null
    if (!isEnvelope(record)) return record
    const envelope = record.value as Readonly<Record<string, unknown>>
    if (envelope['op'] === 'd') return null
    if (envelope['op'] === 'u') return this.#update(record)
    return this.#event(record, envelope)
  }

  #update(record: ConnectRecord): null {
    if (this.#settings['table.op.invalid.behavior'].toLowerCase() === 'warn') return null
    throw new DataError(`EventRouter: a row of the outbox of topic "${record.topic}" was updated; events are inserted and deleted only`)
  }

  #event(record: ConnectRecord, envelope: Readonly<Record<string, unknown>>): ConnectRecord {
    const settings = this.#settings
    const rowSchema = record.valueSchema?.fields.find(({ name }) => name === 'after')?.schema ?? null
    const row = envelope['after'] ?? null
    if (row === null) throw new DataError(`EventRouter: a change event of topic "${record.topic}" (op ${shown(envelope['op'])}) has no row`)
    const column = (name: string, key: string): Column => {
      const found = columnOf(row as object, rowSchema, name)
      if (found === undefined) throw new DataError(`EventRouter: ${key}: a row of topic "${record.topic}" has no column "${name}"`)
      return found
    }
    const payload = this.#payload(column(settings['table.field.event.payload'], 'table.field.event.payload'))
    const timestamp = this.#timestamp(envelope, column)
    const routed = column(settings['route.by.field'], 'route.by.field').value
    if (typeof routed !== 'string')
      throw new DataError(`EventRouter: route.by.field: "${settings['route.by.field']}" is ${shown(routed)}, not text`)
    const id = column(settings['table.field.event.id'], 'table.field.event.id')
    const headers: Header[] = [...record.headers, { key: 'id', ...id }]
    const inEnvelope: (readonly [string, Column])[] = []
    let partition: number | null = null
    for (const { field, where, name } of this.#placements) {
      if (settings['table.field.additional.missing'].toLowerCase() === 'ignore' && columnOf(row as object, rowSchema, field) === undefined)
        continue
      const placed = column(field, 'table.fields.additional.placement')
      if (where === 'header') headers.push({ key: name, ...placed })
      else if (where === 'envelope') inEnvelope.push([name, placed])
      else partition = partitionOf(placed.value, field)
    }
    const key = column(settings['table.field.event.key'], 'table.field.event.key')
    const content = this.#content(record, rowSchema, routed, payload, inEnvelope, column)
    return {
      ...record,
      topic: this.#guard(this.#topicOf(routed)),
      partition,
      key: key.value,
      keySchema: key.schema,
      value: content.value,
      valueSchema: content.schema,
      timestamp,
      headers,
    }
  }

  #payload(column: Column): Column {
    if (!this.#settings['table.expand.json.payload'] || typeof column.value !== 'string') return column
    return typedJson(column.value, this.#settings['table.field.event.payload'], this.#typing) ?? column
  }

  #timestamp(envelope: Readonly<Record<string, unknown>>, column: (name: string, key: string) => Column): number | null {
    const key = 'table.field.event.timestamp'
    const name = this.#settings[key]
    const given = name === undefined ? null : column(name, key)
    if (given === null || given.value === null)
      return envelope['ts_ms'] === null || envelope['ts_ms'] === undefined ? null : Number(envelope['ts_ms'])
    const ms = given.schema !== null && !timestampNames.has(given.schema.name ?? '') ? undefined : instantOf(given.value, given.schema)
    if (ms === undefined) {
      throw new DataError(
        `EventRouter: ${key}: column "${name}" is ${shown(given.value)} of type ${given.schema?.name ?? given.schema?.type ?? 'unknown'}, which is no timestamp`,
      )
    }
    return ms
  }

  #content(
    record: ConnectRecord,
    rowSchema: Schema | null,
    routed: string,
    payload: Column,
    inEnvelope: readonly (readonly [string, Column])[],
    column: (name: string, key: string) => Column,
  ): Column {
    const empty = payload.value === null || (typeof payload.value === 'string' && payload.value.trim() === '')
    if (empty && this.#settings['route.tombstone.on.empty.payload']) return { value: null, schema: null }
    if (this.#inEnvelope.length === 0) return payload
    const members = [['payload', payload] as const, ...inEnvelope]
    const value = Object.fromEntries(members.map(([name, member]) => [name, member.value]))
    if (rowSchema === null) return { value, schema: null }
    const versionKey = 'table.field.event.schema.version'
    const version = this.#settings[versionKey] === undefined ? null : column(this.#settings[versionKey], versionKey).value
    if (version !== null && typeof version !== 'number') {
      throw new DataError(`EventRouter: ${versionKey}: a row of topic "${record.topic}" has ${shown(version)}, not an int32`)
    }
    return { value, schema: this.#schema(rowSchema, routed, version, members) }
  }

  #schema(row: Schema, routed: string, version: number | null, members: readonly (readonly [string, Column])[]): Schema {
    const fields = members.map(([name, { schema }]) => [name, schema!] as const)
    const ofRow = this.#schemas.get(row) ?? new WeakMap<Schema, Map<string, Schema>>()
    this.#schemas.set(row, ofRow)
    const known = ofRow.get(fields[0]![1]) ?? new Map<string, Schema>()
    ofRow.set(fields[0]![1], known)
    const choice = `${version} ${fields.length} ${routed}`
    const found = known.get(choice)
    if (found !== undefined) return found
    const dot = (row.name ?? '').lastIndexOf('.') + 1
    const name = row.name === null ? routed : `${row.name.slice(0, dot)}${routed}.${row.name.slice(dot)}`
    const made = structOf(fields, { name, version })
    if (known.size < schemasMax) known.set(choice, made)
    return made
  }
}

/** Values of the routing column whose topic is remembered. */
const topicsRemembered = 10_000

/** Schemas that are remembered for each schema of a payload. */
const schemasMax = 1_000

const timestampNames: ReadonlySet<string> = new Set([
  logical.timestamp,
  logical.debeziumTimestamp,
  logical.microTimestamp,
  logical.nanoTimestamp,
  logical.zonedTimestamp,
])

const fieldsOf = bySchema((schema) => new Map(schema.fields.map((field) => [field.name, field])))

function columnOf(row: object, schema: Schema | null, name: string): Column | undefined {
  if (schema === null) {
    const value = memberOf(row, name)
    return value === undefined ? undefined : { value, schema: null }
  }
  const field = fieldsOf(schema).get(name)
  return field && { value: fieldValue(row as Readonly<Record<string, unknown>>, field, true), schema: field.schema }
}

function partitionOf(value: unknown, field: string): number | null {
  if (value === null) return null
  const partition = Number(value)
  if ((typeof value === 'number' || typeof value === 'bigint') && Number.isInteger(partition) && partition >= 0) return partition
  throw new DataError(`EventRouter: column "${field}" is ${shown(value)}, which is no partition`)
}
