import { defineConfig, transform } from '../core/index.ts'

/** `org.apache.kafka.connect.transforms.Filter`: drops the record; of use with a predicate. */
export const filter = transform({
  class: 'org.apache.kafka.connect.transforms.Filter',
  aliases: ['Filter'],
  doc: 'Drops the record; give it a predicate.',
  config: defineConfig({}),
  create: () => ({ apply: () => null }),
})
