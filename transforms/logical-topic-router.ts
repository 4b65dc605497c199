import {
  DataError,
  defineConfig,
  primitive,
  transform,
  withExtras,
  type ConfigOf,
  type ConnectRecord,
  type Schema,
  type Transform,
} from '../core/index.ts'
import { refuse } from './config-fault.ts'
import { isEnvelope } from './envelope-field.ts'
import { isPlainObject, requireStruct, setOwn, withFields } from './fields.ts'
import { javaRegex, regexFault, replacementFault, type JavaRegex } from './java-regex.ts'
import { adjustmentModes, nameAdjuster } from './schema-names.ts'
import { compileCopy, type StructCopy } from './struct-copy.ts'

const unused = { type: 'int', default: 16, importance: 'low', doc: 'Read and not used: all schemas in use are remembered.' } as const

const config = defineConfig({
  'topic.regex': {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'Pattern that a topic must match as a whole to be renamed.',
    check: regexFault,
  },
  'topic.replacement': {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'The new topic; $1 or ${name} stands for a group.',
    check: (text: string) => (text === '' ? 'A value is required' : undefined),
  },
  'key.enforce.uniqueness': {
    type: 'boolean',
    default: true,
    importance: 'low',
    doc: 'Adds a field to the key that tells the tables apart whose records now share a topic.',
  },
  'key.field.name': { type: 'string', default: '__dbz__physicalTableIdentifier', importance: 'low', doc: 'The name of that field.' },
  'key.field.regex': {
    type: 'string',
    default: '',
    importance: 'low',
    doc: 'Pattern for the value of that field, over the old topic. Absent or not matching: the old topic itself.',
    check: (pattern: string) => (pattern === '' ? undefined : regexFault(pattern)),
  },
  'key.field.replacement': { type: 'string', default: '', importance: 'low', doc: 'Makes the value of what the pattern finds.' },
  'schema.name.adjustment.mode': {
    type: 'string',
    default: 'none',
    oneOf: adjustmentModes,
    importance: 'low',
    doc: 'How the names of the schemas are made fit for Avro.',
  },
  'logical.table.cache.size': unused,
  'logical.destination.cache.size': unused,
})

const newName = {
  ...config,
  'key.field.name': { ...config['key.field.name'], default: '__dbz__sourceIdentifier' },
}

const doc = 'Sends the records of several tables to one topic, and makes their keys unique there.'

/**
 * `io.debezium.transforms.ByLogicalTableRouter`: topics that match get another name, their schemas follow it, and the key gets a field with the
 * old topic. Records that are no change events keep their values. Beyond Debezium: schemas are named after the topic of each record (there
 * the first topic's name stays for all that share a schema); a replacement that makes an empty name is a DataError.
 */
export const byLogicalTableRouter = transform({
  class: 'io.debezium.transforms.ByLogicalTableRouter',
  aliases: ['ByLogicalTableRouter'],
  doc,
  config,
  create: (settings) => new LogicalTopicRouter(settings),
})

/** `io.debezium.transforms.ToLogicalTopicRouter`: its new name, with another default for `key.field.name`. */
export const toLogicalTopicRouter = transform({
  class: 'io.debezium.transforms.ToLogicalTopicRouter',
  aliases: ['ToLogicalTopicRouter'],
  doc,
  config: newName,
  create: (settings) => new LogicalTopicRouter(settings as ConfigOf<typeof config>),
})

/** Topics whose new name is kept; more are looked up again. */
const topicsMax = 10_000

interface Route {
  readonly topic: string
  /** Value of the key's field. */
  readonly source: string
  readonly keys: WeakMap<Schema, { readonly schema: Schema; readonly copy: StructCopy }>
  readonly envelopes: WeakMap<Schema, Schema>
}

class LogicalTopicRouter implements Transform {
  readonly #settings: ConfigOf<typeof config>
  readonly #topicRegex: JavaRegex
  readonly #keyRegex: JavaRegex | undefined
  readonly #adjust: (name: string) => string
  readonly #routes = new Map<string, Route | null>()

  constructor(settings: ConfigOf<typeof config>) {
    this.#settings = settings
    this.#topicRegex = javaRegex(settings['topic.regex'])
    checkReplacement(settings, 'topic.regex', 'topic.replacement')
    const keyRegex = settings['key.field.regex']
    if (keyRegex !== '') {
      if (settings['key.field.replacement'] === '')
        refuse('key.field.replacement', '', 'key.field.replacement must be non-empty if key.field.regex is set.')
      checkReplacement(settings, 'key.field.regex', 'key.field.replacement')
    }
    this.#keyRegex = keyRegex === '' ? undefined : javaRegex(keyRegex)
    this.#adjust = nameAdjuster(settings['schema.name.adjustment.mode'])
  }

  apply(record: ConnectRecord): ConnectRecord {
    const known = this.#routes.get(record.topic)
    const route = known === undefined ? this.#findRoute(record.topic) : known
    if (route === null) return record
    const { key, schema: keySchema } = this.#key(record, route)
    const rename = record.value !== null && record.valueSchema !== null && isEnvelope(record)
    return {
      ...record,
      topic: route.topic,
      key,
      keySchema,
      valueSchema: rename ? this.#envelope(record.valueSchema, route) : record.valueSchema,
    }
  }

  #findRoute(topic: string): Route | null {
    let route: Route | null = null
    if (this.#topicRegex.matches(topic)) {
      const routed = this.#topicRegex.replaceFirst(topic, this.#settings['topic.replacement'])
      if (routed === '') throw new DataError(`topic.replacement gives topic "${topic}" an empty name`)
      const source = this.#keyRegex?.matches(topic) ? this.#keyRegex.replaceFirst(topic, this.#settings['key.field.replacement']) : topic
      route = { topic: routed, source, keys: new WeakMap(), envelopes: new WeakMap() }
    }
    if (this.#routes.size < topicsMax) this.#routes.set(topic, route)
    return route
  }

  #key({ key, keySchema, topic }: ConnectRecord, route: Route): { readonly key: unknown; readonly schema: Schema | null } {
    const unique = this.#settings['key.enforce.uniqueness']
    const name = this.#settings['key.field.name']
    if (key === null) return { key, schema: null }
    if (keySchema === null) {
      if (!unique) return { key, schema: null }
      if (!isPlainObject(key))
        throw new DataError(`A record of topic "${topic}" has a key without fields, to which "${name}" cannot be added`)
      if (Object.hasOwn(key, name))
        throw new DataError(`A record of topic "${topic}" has a key with a field "${name}"; set key.field.name to another`)
      const widened = { ...key }
      setOwn(widened, name, route.source)
      return { key: widened, schema: null }
    }
    const struct = requireStruct(keySchema, key, 'updating the key')
    let known = route.keys.get(keySchema)
    if (known === undefined) {
      known = this.#keyShape(keySchema, route.topic, unique ? [name] : [])
      route.keys.set(keySchema, known)
    }
    return { key: unique ? known.copy(struct, [route.source]) : key, schema: known.schema }
  }

  #keyShape(schema: Schema, topic: string, added: readonly string[]): { readonly schema: Schema; readonly copy: StructCopy } {
    const fields = [...schema.fields.map((field) => [field.name, field.schema] as const), ...added.map((name) => [name, text] as const)]
    const copied = [...schema.fields.map((from) => ({ name: from.name, from })), ...added.map((name) => ({ name, from: null }))]
    return {
      schema: withExtras(withFields(schema, fields), { optional: schema.optional, name: this.#adjust(`${topic}.Key`) }),
      copy: compileCopy(copied, false),
    }
  }

  // The values stay: in memory a struct does not know its schema.
  #envelope(schema: Schema, { topic, envelopes }: Route): Schema {
    let renamed = envelopes.get(schema)
    if (renamed === undefined) {
      const row = (schema.fields.find(({ name }) => name === 'before') ?? schema.fields.find(({ name }) => name === 'after'))?.schema
      const renamedRow = row && withExtras(row, { name: this.#adjust(`${topic}.Value`), defaultValue: undefined })
      const fields = schema.fields.map(
        ({ name, schema: field }) => [name, renamedRow && (name === 'before' || name === 'after') ? renamedRow : field] as const,
      )
      renamed = withExtras(withFields(schema, fields), { optional: schema.optional, name: this.#adjust(`${topic}.Envelope`) })
      envelopes.set(schema, renamed)
    }
    return renamed
  }
}

const text = primitive('string')

function checkReplacement(
  settings: ConfigOf<typeof config>,
  regex: 'topic.regex' | 'key.field.regex',
  replacement: 'topic.replacement' | 'key.field.replacement',
): void {
  const fault = replacementFault(settings[regex], settings[replacement])
  if (fault !== undefined) refuse(replacement, settings[replacement], fault)
}
