import { defineConfig } from '../core/index.ts'
import { regexFault } from './java-regex.ts'
import { adjustmentModes } from './schema-names.ts'

/** Where an additional column of the outbox goes. */
export interface Placement {
  readonly field: string
  readonly where: 'header' | 'envelope' | 'partition'
  readonly name: string
}

/** Reads `field:placement` or `field:placement:alias`. Throws an Error for a ConfigError. */
export function placementOf(text: string): Placement {
  const [field = '', where = '', alias, ...rest] = text.split(':').map((part) => part.trim())
  const known = ['header', 'envelope', 'partition'].find((one) => one === where.toLowerCase())
  if (field === '' || known === undefined || alias === '' || rest.length > 0) {
    throw new Error(
      `"${text}" is no placement; write field:header, field:envelope or field:partition, with an alias after a third colon if you like`,
    )
  }
  return { field, where: known as Placement['where'], name: alias ?? field }
}

function placementsFault(list: readonly string[]): string | undefined {
  try {
    const placed = list.map(placementOf)
    const names = ['payload', ...placed.filter(({ where }) => where === 'envelope').map(({ name }) => name)]
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) return `two fields of the envelope would be named "${twice}"`
    return placed.filter(({ where }) => where === 'partition').length > 1 ? 'a record has one partition' : undefined
  } catch (error) {
    return (error as Error).message
  }
}

const column = (name: string, doc: string) => ({ type: 'string', default: name, importance: 'low', doc }) as const
const tracing = {
  type: 'string',
  importance: 'low',
  doc: 'Of OpenTelemetry tracing.',
  unsupported: 'Millrace does not trace single records; leave it away.',
} as const

/** The keys of EventRouter, as Debezium names them. */
export const eventRouterConfig = defineConfig({
  'table.field.event.id': column('id', 'The column with the id of the event, which becomes the header "id".'),
  'table.field.event.key': column('aggregateid', 'The column that becomes the key.'),
  'table.field.event.type': column(
    'type',
    'The column with the type of the event. Read and not used, as in Debezium: place it by table.fields.additional.placement.',
  ),
  'table.field.event.payload': column('payload', 'The column with the payload.'),
  'table.field.event.timestamp': {
    type: 'string',
    importance: 'medium',
    doc: "The column that becomes the record's timestamp; absent: the time of the change event.",
  },
  'table.field.event.schema.version': { type: 'string', importance: 'low', doc: "The column with the version of the value's schema." },
  'table.fields.additional.placement': {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'Further columns: field:header, field:envelope:alias, field:partition. With one in the envelope, the value is a struct with the payload in "payload".',
    check: placementsFault,
  },
  'table.field.additional.missing': {
    type: 'string',
    default: 'error',
    oneOf: ['error', 'ignore'],
    importance: 'medium',
    doc: 'What a row without one of those columns is.',
  },
  'route.by.field': column('aggregatetype', 'The column that the topic is made of.'),
  'route.topic.regex': {
    type: 'string',
    default: '(?<routedByValue>.*)',
    importance: 'low',
    doc: 'Pattern that the value of that column must match as a whole for the replacement to be applied.',
    check: regexFault,
  },
  'route.topic.replacement': {
    type: 'string',
    default: 'outbox.event.${routedByValue}',
    importance: 'high',
    doc: 'The topic; ${routedByValue} is what the pattern found.',
  },
  'route.tombstone.on.empty.payload': {
    type: 'boolean',
    default: false,
    importance: 'high',
    doc: 'Makes a tombstone of an event with an empty payload.',
  },
  'table.op.invalid.behavior': {
    type: 'string',
    default: 'warn',
    oneOf: ['warn', 'error', 'fatal'],
    importance: 'medium',
    doc: 'What an update in the outbox table is, which must not happen: warn drops it, error and fatal reject it.',
  },
  'table.expand.json.payload': {
    type: 'boolean',
    default: false,
    importance: 'medium',
    doc: 'Makes a struct of a payload that is a JSON object or array in text; other text stays.',
  },
  'table.json.payload.null.behavior': {
    type: 'string',
    default: 'ignore',
    oneOf: ['ignore', 'optional_bytes'],
    importance: 'medium',
    doc: 'Null members of such a payload are left out, or stay as optional bytes.',
  },
  'table.json.payload.empty.array.behavior': {
    type: 'string',
    default: 'ignore',
    oneOf: ['ignore', 'optional_string'],
    importance: 'medium',
    doc: 'Empty arrays in such a payload are left out, or stay as arrays of text.',
  },
  'field.name.adjustment.mode': {
    type: 'string',
    default: 'none',
    oneOf: adjustmentModes,
    importance: 'low',
    doc: 'How the names of members in such a payload are made fit for Avro.',
  },
  'topics.max': {
    type: 'int',
    default: 1_000,
    min: 1,
    max: 100_000,
    importance: 'medium',
    doc: 'How many different topics a task may make; an event that would need one more is an error. Not in Debezium.',
  },
  'tracing.span.context.field': tracing,
  'tracing.operation.name': tracing,
  'tracing.with.context.field.only': tracing,
})
