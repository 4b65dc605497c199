import type { Operation } from './openapi-operations.ts'

const text = { type: 'string' }
const textOrNull = { type: ['string', 'null'] }
const numberOrNull = { type: ['integer', 'null'] }
const count = { type: 'integer', minimum: 0 }
const base64 = { type: ['string', 'null'], description: 'Base64.' }
const schemaJson = { type: ['object', 'null'], description: "A schema as JsonConverter's envelopes have it; null: none." }
const anything = { description: 'Any JSON; numbers with all their digits.' }

function closed(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

const ref = (name: keyof typeof previewSchemas) => ({ $ref: `#/components/schemas/${name}` })
const outcome = { enum: ['passed', 'dropped', 'rejected'] }
const fault = { error: { type: 'string', description: "The error's class." }, message: text }
const bytes = {
  type: ['object', 'null'],
  properties: { text, base64: text, length: count, ...fault, note: text },
  description: 'text where they are text, else base64; error and message where the converter refused; null: a tombstone.',
}
const headers = (value: object) => ({ type: 'array', items: value })

const sample = {
  topic: text,
  partition: numberOrNull,
  offset: numberOrNull,
  timestamp: numberOrNull,
  key: anything,
  keySchema: schemaJson,
  value: anything,
  valueSchema: schemaJson,
  headers: headers(closed({ key: text, value: anything, schema: schemaJson }, ['value', 'schema'])),
  raw: closed({ key: base64, value: base64, headers: headers(closed({ key: text, value: base64 }, ['value'])) }, [
    'key',
    'value',
    'headers',
  ]),
}

/** Shapes of the preview. */
export const previewSchemas = {
  PreviewOrder: closed(
    {
      connector: { ...textOrNull, description: 'A connector whose config is taken.' },
      config: {
        type: ['object', 'null'],
        description:
          "A config, or keys that are laid over the connector's. Without connector.class, only transforms and converters are looked at.",
      },
      records: {
        type: ['array', 'null'],
        maxItems: 100,
        items: closed(sample, Object.keys(sample)),
        description: 'Sample records. raw stands in place of key, value and headers: bytes that the converters read first.',
      },
      live: {
        type: ['object', 'null'],
        properties: { records: { type: 'integer', minimum: 1, maximum: 100 } },
        description: "Reads records from the source's start in place of samples; no position moves.",
      },
      deadLetters: {
        type: ['object', 'null'],
        properties: { records: { type: 'integer', minimum: 1, maximum: 100 } },
        description: "Takes the connector's newest dead letters in place of samples.",
      },
      timeoutMs: { type: ['integer', 'null'], minimum: 100, maximum: 9000, description: 'Default 5000.' },
    },
    ['connector', 'config', 'records', 'live', 'deadLetters', 'timeoutMs'],
  ),
  PreviewRecord: closed(
    {
      topic: text,
      partition: numberOrNull,
      timestamp: numberOrNull,
      key: anything,
      keySchema: schemaJson,
      value: anything,
      valueSchema: schemaJson,
      headers: headers(closed({ key: text, value: anything, schema: schemaJson })),
      unfit: { type: 'array', items: text, description: 'Values that do not fit their own schema.' },
    },
    ['unfit'],
  ),
  PreviewStep: closed({
    step: text,
    class: text,
    predicate: {
      type: ['object', 'null'],
      properties: { name: text, class: text, matched: { type: ['boolean', 'null'] }, negated: { type: 'boolean' } },
    },
    applied: { type: 'boolean', description: 'False: the predicate keeps the transform from this record.' },
    outcome,
    error: { type: ['object', 'null'], properties: fault },
    record: { type: ['object', 'null'], description: 'The record after the step, a PreviewRecord.' },
    changes: {
      type: 'array',
      items: closed({ path: text, change: { enum: ['added', 'removed', 'changed'] }, before: anything, after: anything }, [
        'before',
        'after',
      ]),
    },
    changesLeftOut: count,
  }),
  Preview: closed({
    chain: { type: 'array', items: closed({ step: text, class: text, predicate: { type: ['object', 'null'] } }) },
    records: {
      type: 'array',
      items: closed({
        before: { $ref: '#/components/schemas/PreviewRecord' },
        steps: { type: 'array', items: { $ref: '#/components/schemas/PreviewStep' } },
        outcome,
        rejected: { type: ['object', 'null'], properties: { stage: text, step: textOrNull, class: textOrNull, ...fault } },
        after: { type: ['object', 'null'], description: 'The record as the sink gets it, a PreviewRecord.' },
        bytes: {
          type: ['object', 'null'],
          properties: { key: bytes, value: bytes, headers: headers(closed({ key: text, value: bytes })) },
        },
      }),
    },
    recordsLeftOut: { ...count, description: 'Records that would have made the answer too large.' },
    plan: {
      type: ['array', 'null'],
      items: text,
      description: 'DDL or schema changes that the records would cause; null: the sink does not say.',
    },
    notes: { type: 'array', items: text },
  }),
}

/** The operation that shows what transforms do. */
export const previewOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/v1/transforms/preview',
    id: 'previewTransforms',
    tag: 'Millrace',
    summary: 'Takes sample or live records through transforms and shows every step. Nothing is written; bounded in time and size.',
    body: ref('PreviewOrder'),
    answers: { 200: { schema: ref('Preview') } },
  },
]
