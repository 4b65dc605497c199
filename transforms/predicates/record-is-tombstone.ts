import { defineConfig, predicate } from '../../core/index.ts'

/** `org.apache.kafka.connect.transforms.predicates.RecordIsTombstone`: the value is null, with or without a schema. */
export const recordIsTombstone = predicate({
  class: 'org.apache.kafka.connect.transforms.predicates.RecordIsTombstone',
  aliases: ['RecordIsTombstone'],
  doc: 'True for records that are tombstones, which means that their value is null.',
  config: defineConfig({}),
  create: () => ({ test: ({ value }) => value === null }),
})
