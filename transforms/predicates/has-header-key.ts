import { defineConfig, predicate } from '../../core/index.ts'

/** `org.apache.kafka.connect.transforms.predicates.HasHeaderKey`: there is at least one header of that name. */
export const hasHeaderKey = predicate({
  class: 'org.apache.kafka.connect.transforms.predicates.HasHeaderKey',
  aliases: ['HasHeaderKey'],
  doc: 'True for records with at least one header of the name.',
  config: defineConfig({
    name: {
      type: 'string',
      required: true,
      importance: 'medium',
      doc: 'The header name.',
      check: (name: string) => (name === '' ? 'String must be non-empty' : undefined),
    },
  }),
  create: ({ name }) => ({ test: ({ headers }) => headers.some((header) => header.key === name) }),
})
