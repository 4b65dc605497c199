import { defineConfig, transform } from '../core/index.ts'
import { literal } from './literal.ts'

/** `org.apache.kafka.connect.transforms.InsertHeader`: adds a header, whose type is inferred from its text (see literal.ts). */
export const insertHeader = transform({
  class: 'org.apache.kafka.connect.transforms.InsertHeader',
  aliases: ['InsertHeader'],
  doc: 'Adds a header to each record.',
  config: defineConfig({
    header: { type: 'string', required: true, importance: 'high', doc: 'The name of the header.' },
    'value.literal': {
      type: 'string',
      required: true,
      importance: 'high',
      doc: 'The literal value that is to be set as the header value on all records.',
    },
  }),
  create(settings) {
    const header = { key: settings.header, ...literal(settings['value.literal']) }
    return { apply: (record) => ({ ...record, headers: [...record.headers, header] }) }
  },
})
