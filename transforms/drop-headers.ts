import { defineConfig, transform } from '../core/index.ts'
import { namesFault } from './names.ts'

/** `org.apache.kafka.connect.transforms.DropHeaders`: removes all headers of some names. */
export const dropHeaders = transform({
  class: 'org.apache.kafka.connect.transforms.DropHeaders',
  aliases: ['DropHeaders'],
  doc: 'Removes one or more headers from each record.',
  config: defineConfig({
    headers: { type: 'list', required: true, importance: 'high', doc: 'The name of the headers to be removed.', check: namesFault },
  }),
  create({ headers }) {
    const names = new Set(headers)
    return {
      apply: (record) =>
        record.headers.some(({ key }) => names.has(key))
          ? { ...record, headers: record.headers.filter(({ key }) => !names.has(key)) }
          : record,
    }
  },
})
