import { defineConfig } from '../../core/index.ts'

/** Settings of lookup=file. */
export const fileKeys = defineConfig({
  file: {
    type: 'string',
    importance: 'high',
    doc: 'file: path of the file. It is read whole, and again before the next batch when it has changed.',
  },
  'file.format': {
    type: 'string',
    oneOf: ['csv', 'json', 'ndjson', 'parquet'],
    importance: 'medium',
    doc: 'file: csv (with a line of names), json (an array of objects), ndjson (an object on each line), parquet. Default: what the name ends in.',
  },
  'file.check.ms': {
    type: 'int',
    default: 1_000,
    min: 0,
    importance: 'low',
    doc: 'file: time between two looks whether it has changed. Milliseconds.',
  },
})
