import { defineConfig } from '../../core/index.ts'

/** Names of the templates, in the order that listings show. */
export const templateNames = ['orders', 'customers', 'page_events', 'rows'] as const
export type TemplateName = (typeof templateNames)[number]

/** Settings of the datagen source. Record n of a topic depends on `template`, `seed`, `keys` and n alone. */
export const datagenConfig = defineConfig({
  template: {
    type: 'string',
    default: 'orders',
    oneOf: templateNames,
    importance: 'high',
    doc: 'What the records look like: orders, customers, page_events (an online shop), or rows (ten columns of ten types).',
  },
  topic: { type: 'string', required: true, importance: 'high', doc: 'Topic of the records.', check: nonEmpty },
  count: {
    type: 'long',
    default: -1,
    min: -1,
    importance: 'high',
    doc: 'Records in all, over all tasks and restarts; -1: endless.',
  },
  rate: {
    type: 'double',
    default: 0,
    min: 0,
    max: 100_000_000,
    importance: 'high',
    doc: 'Records per second over all tasks; 0: as fast as the sink takes them. After a delay, at most one second is caught up.',
  },
  seed: { type: 'long', default: 1, doc: 'Another seed gives other records; the same seed gives the same ones.' },
  'batch.rows': { type: 'int', default: 5_000, min: 1, max: 1_000_000, doc: 'Most records in one batch.' },
  keys: {
    type: 'long',
    default: 0,
    min: 0,
    doc: 'Distinct keys: records repeat keys from 1 to this number, in pseudo-random order. 0: every record has a key of its own, counting from 1.',
  },
  'task.count': {
    type: 'int',
    default: 1,
    min: 1,
    importance: 'low',
    doc: 'Set by the worker: over how many tasks the records are split.',
  },
})

function nonEmpty(value: string): string | undefined {
  return value === '' ? 'String may not be empty' : undefined
}
