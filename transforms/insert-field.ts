import {
  ConfigError,
  DataError,
  defineConfig,
  logical,
  primitive,
  type ConfigOf,
  type ConnectRecord,
  type Schema,
  type Transform,
} from '../core/index.ts'
import { bySchema, isPlainObject, membersOf, rebuilt, requireStruct, setOwn, withFields } from './fields.ts'
import { keyAndValue, type Side } from './side.ts'
import { compileCopy } from './struct-copy.ts'

const suffix = 'Suffix with ! to make this a required field, or ? to keep it optional (the default).'

const config = defineConfig({
  'topic.field': { type: 'string', importance: 'medium', doc: `Field name for Kafka topic. ${suffix}` },
  'partition.field': { type: 'string', importance: 'medium', doc: `Field name for Kafka partition. ${suffix}` },
  'offset.field': {
    type: 'string',
    importance: 'medium',
    doc: `Field name for Kafka offset: only for records that come from Kafka. ${suffix}`,
  },
  'timestamp.field': { type: 'string', importance: 'medium', doc: `Field name for record timestamp. ${suffix}` },
  'static.field': { type: 'string', importance: 'medium', doc: `Field name for static data field. ${suffix}` },
  'static.value': { type: 'string', importance: 'medium', doc: 'Static field value, if field name configured.' },
  'replace.null.with.default': {
    type: 'boolean',
    default: true,
    importance: 'medium',
    doc: 'A null in a field that has a default becomes the default.',
  },
})

const purpose = 'field insertion'

interface Insertion {
  readonly key: string
  readonly name: string
  readonly schema: Schema
  /** null: the record has none. */
  value(record: ConnectRecord): unknown
  /** The same without a schema, where a timestamp is a number of milliseconds. */
  plain(record: ConnectRecord): unknown
}

/**
 * `org.apache.kafka.connect.transforms.InsertField$Key` and `$Value`. As in Java a record with a null value passes as it is. Beyond
 * Java: what a record lacks for a required (`!`) field is a DataError here, not in a converter later.
 */
export const insertField = keyAndValue(
  'org.apache.kafka.connect.transforms.InsertField',
  'Adds fields from the topic, partition, offset and timestamp of the record, or a fixed text',
  config,
  createInsertField,
)

function createInsertField(settings: ConfigOf<typeof config>, side: Side): Transform {
  const insertions = insertionsOf(settings)
  const nullAsDefault = settings['replace.null.with.default']
  const widened = bySchema((schema) => ({
    schema: withFields(schema, [
      ...schema.fields.map((field) => [field.name, field.schema] as const),
      ...insertions.map((insertion) => [insertion.name, insertion.schema] as const),
    ]),
    copy: compileCopy(
      [...schema.fields.map((from) => ({ name: from.name, from })), ...insertions.map(({ name }) => ({ name, from: null }))],
      nullAsDefault,
    ),
  }))

  function withSchema(record: ConnectRecord, schema: Schema): ConnectRecord {
    const struct = requireStruct(schema, side.value(record), purpose)
    const target = widened(schema)
    const extras: unknown[] = []
    for (const insertion of insertions) {
      const value = insertion.value(record)
      if (value === null && !insertion.schema.optional) {
        throw new DataError(`Record of topic "${record.topic}" has nothing for the required field "${insertion.name}" (${insertion.key})`)
      }
      extras.push(value)
    }
    return side.replace(record, target.schema, target.copy(struct, extras))
  }

  function withoutSchema(record: ConnectRecord): ConnectRecord {
    const value = side.value(record)
    if (isPlainObject(value)) {
      const updated = { ...value }
      for (const insertion of insertions) {
        const inserted = insertion.plain(record)
        if (inserted !== null) setOwn(updated, insertion.name, inserted)
      }
      return side.replace(record, null, updated)
    }
    const members = new Map(membersOf(value, purpose))
    for (const insertion of insertions) {
      const inserted = insertion.plain(record)
      if (inserted !== null) members.set(insertion.name, inserted)
    }
    return side.replace(record, null, rebuilt(value, [...members]))
  }

  return {
    apply(record) {
      if (record.value === null || side.value(record) === null) return record
      const schema = side.schema(record)
      return schema === null ? withoutSchema(record) : withSchema(record, schema)
    },
  }
}

function insertionsOf(settings: ConfigOf<typeof config>): readonly Insertion[] {
  const text = settings['static.value']
  const sources: readonly [keyof typeof config, Schema, (record: ConnectRecord) => unknown, ((record: ConnectRecord) => unknown)?][] = [
    ['topic.field', primitive('string'), (record) => record.topic],
    ['partition.field', primitive('int32'), (record) => record.partition, (record) => whole(record.partition)],
    ['offset.field', primitive('int64'), kafkaOffset],
    ['timestamp.field', primitive('int64', { name: logical.timestamp, version: 1 }), ({ timestamp }) => whole(timestamp)],
    ['static.field', primitive('string'), () => text],
  ]
  const insertions = sources.flatMap(([key, schema, value, plain = value]): Insertion[] => {
    const given = settings[key] as string | undefined
    if (given === undefined || given === '') return []
    const name = given.replace(/[?!]$/, '')
    return [{ key, name, schema: given.endsWith('!') ? schema : { ...schema, optional: true }, value, plain }]
  })
  if (insertions.length === 0) refuse('topic.field', 'No field insertion configured')
  if (insertions.some(({ key }) => key === 'static.field') && text === undefined) {
    refuse('static.value', `No value specified for static field: ${settings['static.field']}`)
  }
  const twice = insertions.find(({ name }, index) => insertions.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined) refuse(twice.key, `${twice.key} inserts the field "${twice.name}" that another key inserts too`)
  return insertions
}

function kafkaOffset(record: ConnectRecord): bigint {
  if (record.origin === null || !record.origin.partition.includes('"kafka_partition"')) {
    throw new DataError(`offset.field is only for records that come from Kafka; this one, of topic "${record.topic}", does not`)
  }
  return BigInt(record.origin.position)
}

function whole(number: number | null): bigint | null {
  return number === null ? null : BigInt(number)
}

function refuse(key: string, message: string): never {
  throw new ConfigError([{ key, message }])
}
