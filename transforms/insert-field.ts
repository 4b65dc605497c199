import {
  ConfigError,
  DataError,
  defineConfig,
  logical,
  primitive,
  structOf,
  withExtras,
  type ConfigOf,
  type ConnectRecord,
  type Schema,
  type Transform,
} from '../core/index.ts'
import { refused } from './config-fault.ts'
import { bySchema, isPlainObject, membersOf, rebuilt, requireStruct, setOwn, withFields } from './fields.ts'
import { memberOf, parsePath, syntaxKey, syntaxOf, type FieldPath } from './field-path.ts'
import { fieldTree, type FieldTree } from './field-tree.ts'
import { keyAndValue, type Side } from './side.ts'
import { compileCopy, nullKey } from './struct-copy.ts'

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
  ...syntaxKey,
  ...nullKey,
})

const purpose = 'field insertion'

interface Insertion {
  readonly key: string
  readonly name: string
  readonly path: FieldPath
  readonly schema: Schema
  /** null: the record has none. */
  value(record: ConnectRecord): unknown
  /** The same without a schema, where a timestamp is a number of milliseconds. */
  plain(record: ConnectRecord): unknown
}

/**
 * `org.apache.kafka.connect.transforms.InsertField$Key` and `$Value`. As in Java a null passes as it is; a
 * tombstone's key does get its fields, so that it stays the key of the same thing. Beyond
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
  const tree = refused('field.syntax.version', settings['field.syntax.version'], () =>
    fieldTree(insertions.map((insertion) => [insertion.path, insertion] as const)),
  )
  const widened = bySchema((schema) => compileInsert(schema, tree, settings['replace.null.with.default']))
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema === null) return side.replace(record, null, insertPlain(value, tree, record))
      const target = widened(schema)
      return side.replace(record, target.schema, target.copy(requireStruct(schema, value, purpose), record))
    },
  }
}

interface Widened {
  readonly schema: Schema
  copy(struct: Readonly<Record<string, unknown>>, record: ConnectRecord): Record<string, unknown>
}

// The new fields come after those that are there, level by level; a struct on the way that the schema does not have is made.
function compileInsert(schema: Schema, tree: FieldTree<Insertion>, nullAsDefault: boolean): Widened {
  const inner = new Map<string, Widened>()
  const extras: { readonly name: string; readonly schema: Schema; value(record: ConnectRecord): unknown }[] = []
  for (const [step, node] of tree.children) {
    const name = step as string
    const field = schema.fields.find((one) => one.name === name)
    if (node.edit !== undefined) extras.push({ name, schema: node.edit.schema, value: insertedBy(node.edit) })
    else if (field?.schema.type === 'struct') inner.set(name, compileInsert(field.schema, node, nullAsDefault))
    else if (field !== undefined)
      throw new DataError(`InsertField: "${name}" is of type ${field.schema.type}, so that "${node.path}" cannot be in it`)
    else {
      const made = compileInsert(structOf([]), node, nullAsDefault)
      extras.push({ name, schema: made.schema, value: (record) => made.copy({}, record) })
    }
  }
  // The copy's closures see the record that is being copied: nothing here waits.
  let current: ConnectRecord
  const fields = schema.fields.map((from) => {
    const widened = inner.get(from.name)
    if (widened === undefined) return { name: from.name, from, schema: from.schema }
    const through = (value: unknown) => {
      if (value === null)
        throw new DataError(
          `InsertField: "${from.name}" is null in a record of topic "${current.topic}", so that nothing can be inserted in it`,
        )
      return widened.copy(value as Readonly<Record<string, unknown>>, current)
    }
    return { name: from.name, from, schema: withExtras(widened.schema, { optional: from.schema.optional }), through }
  })
  const copy = compileCopy([...fields, ...extras.map(({ name }) => ({ name, from: null }))], nullAsDefault)
  return {
    schema: withFields(
      schema,
      [...fields, ...extras].map((field) => [field.name, field.schema] as const),
    ),
    copy(struct, record) {
      current = record
      return copy(
        struct,
        extras.map((extra) => extra.value(record)),
      )
    },
  }
}

function insertedBy(insertion: Insertion): (record: ConnectRecord) => unknown {
  return (record) => {
    const value = insertion.value(record)
    if (value === null && !insertion.schema.optional) {
      throw new DataError(`Record of topic "${record.topic}" has nothing for the required field "${insertion.name}" (${insertion.key})`)
    }
    return value
  }
}

function insertPlain(value: unknown, tree: FieldTree<Insertion>, record: ConnectRecord): unknown {
  const inserted = (node: FieldTree<Insertion>, member: unknown) =>
    node.edit === undefined ? insertPlain(member ?? {}, node, record) : node.edit.plain(record)
  if (isPlainObject(value)) {
    const updated: Record<string, unknown> = { ...value }
    for (const [step, node] of tree.children) {
      const member = inserted(node, memberOf(value, step as string))
      if (member !== null) setOwn(updated, step as string, member)
    }
    return updated
  }
  const members = new Map(membersOf(value, purpose))
  for (const [step, node] of tree.children) {
    const member = inserted(node, members.get(step as string))
    if (member !== null) members.set(step as string, member)
  }
  return rebuilt(value, [...members])
}

function insertionsOf(settings: ConfigOf<typeof config>): readonly Insertion[] {
  const text = settings['static.value']
  const syntax = syntaxOf(settings)
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
    return [
      {
        key,
        name,
        path: refused(key, given, () => parsePath(name, syntax)),
        schema: given.endsWith('!') ? schema : { ...schema, optional: true },
        value,
        plain,
      },
    ]
  })
  if (insertions.length === 0) fault('topic.field', 'No field insertion configured')
  if (insertions.some(({ key }) => key === 'static.field') && text === undefined) {
    fault('static.value', `No value specified for static field: ${settings['static.field']}`)
  }
  const twice = insertions.find(({ name }, index) => insertions.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined) fault(twice.key, `${twice.key} inserts the field "${twice.name}" that another key inserts too`)
  return insertions
}

function kafkaOffset({ origin, topic }: ConnectRecord): bigint {
  if (origin === null || !origin.partition.includes('"kafka_partition"')) {
    throw new DataError(`offset.field is only for records that come from Kafka; this one, of topic "${topic}", does not`)
  }
  // A redriven dead letter is counted by its redrive; what it was read from still tells its offset.
  const redriven = origin.partition.startsWith('{"#redrive"')
  return BigInt(redriven && origin.raw ? origin.raw.offset : origin.position)
}

function whole(number: number | null): bigint | null {
  return number === null ? null : BigInt(number)
}

function fault(key: string, message: string): never {
  throw new ConfigError([{ key, message }])
}
