import type { Operation } from './openapi-operations.ts'

const text = { type: 'string' }
const textOrNull = { type: ['string', 'null'] }
const numberOrNull = { type: ['integer', 'null'] }
const count = { type: 'integer', minimum: 0 }
const stages = 'KEY_CONVERTER, VALUE_CONVERTER, HEADER_CONVERTER, TRANSFORMATION, TASK_PUT, TASK_POLL, KAFKA_PRODUCE, KAFKA_CONSUME'

function closed(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

const filter = {
  stage: { type: 'string', description: `One of ${stages}.` },
  topic: { type: 'string', description: 'Topic that the record came from.' },
  error: { type: 'string', description: 'Part of the error’s class or message, in any case.' },
  after: { type: 'string', description: 'Rejected at or after this moment: ISO 8601, or milliseconds since 1970.' },
  before: { type: 'string', description: 'Rejected before this moment.' },
}

const value = {
  type: ['object', 'null'],
  properties: { text, base64: text, bytes: count, truncated: { type: 'boolean' } },
  description: 'text where it is text, else base64; at most 64 KiB of it are shown, bytes is its whole length.',
}

const report = {
  id: text,
  state: { enum: ['RUNNING', 'DONE'] },
  created: text,
  filter: closed(filter, Object.keys(filter)),
  max: numberOrNull,
  replayed: { ...count, description: 'Letters handed to the pipeline, as of its last flush.' },
  skipped: { ...count, description: 'Letters that the filter leaves out, or that were redriven before.' },
  refused: {
    ...count,
    description: 'Letters redriven too often (errors.redrive.max), or kept by an older version without their exact record.',
  },
  unreadable: { ...count, description: 'Lines or messages that are no letter of this connector.' },
}

/** Shapes of the dead letters' operations. */
export const deadLetterSchemas = {
  DeadLetter: closed({
    id: text,
    time: { ...textOrNull, description: 'When it was rejected; of a letter in a topic, the timestamp of its message.' },
    task: numberOrNull,
    stage: textOrNull,
    step: textOrNull,
    class: textOrNull,
    error: closed({ class: textOrNull, message: text, trace: textOrNull }),
    topic: textOrNull,
    partition: numberOrNull,
    offset: numberOrNull,
    timestamp: numberOrNull,
    key: value,
    value,
    headers: { type: 'array', items: closed({ key: text, value }) },
    redriven: count,
    redrivable: { type: 'boolean' },
  }),
  DeadLetters: closed({
    letters: { type: 'array', items: { $ref: '#/components/schemas/DeadLetter' } },
    next: { ...textOrNull, description: 'The cursor of the next page; null: this is the last one.' },
    unreadable: count,
  }),
  RedriveOrder: closed(
    {
      filter: closed(filter, Object.keys(filter)),
      from: { type: ['string', 'null'], description: 'Id of a letter: that one and what follows it among its task’s letters.' },
      max: { type: ['integer', 'null'], minimum: 1 },
      again: { type: 'boolean', description: 'True: letters that were redriven before come again, too.' },
    },
    ['filter', 'from', 'max', 'again'],
  ),
  Redrive: closed(report),
  OrderedRedrive: closed({
    ...report,
    letters: { ...numberOrNull, description: 'How many it will find; null: too many to count at once.' },
  }),
  Redrives: closed({ redrives: { type: 'array', items: { $ref: '#/components/schemas/Redrive' } } }),
}

const ref = (name: keyof typeof deadLetterSchemas) => ({ $ref: `#/components/schemas/${name}` })
const path = '/api/v1/connectors/:connector/dead-letters'

/** Operations on dead letters. */
export const deadLetterOperations: readonly Operation[] = [
  {
    method: 'get',
    path,
    id: 'listDeadLetters',
    tag: 'Millrace',
    summary: 'Records that could not pass, newest first. A page may be empty and yet have a next one: what is read for it is bounded.',
    query: {
      ...filter,
      limit: { description: 'Letters on a page, 1 to 500; default 50.', type: 'integer' },
      cursor: { description: '"next" of the page before.', type: 'string' },
    },
    answers: { 200: { schema: ref('DeadLetters') } },
  },
  {
    method: 'post',
    path: `${path}/redrive`,
    id: 'redriveDeadLetters',
    tag: 'Millrace',
    summary: 'Has the running task replay dead letters through the whole chain and the sink.',
    body: ref('RedriveOrder'),
    answers: { 202: { description: 'Ordered, durably.', schema: ref('OrderedRedrive') } },
  },
  {
    method: 'get',
    path: `${path}/redrive`,
    id: 'getRedrives',
    tag: 'Millrace',
    summary: 'How the redrives of a connector stand, newest first.',
    answers: { 200: { schema: ref('Redrives') } },
  },
]
