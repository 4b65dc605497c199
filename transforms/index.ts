import { definePlugin } from '../core/index.ts'
import { cast } from './cast.ts'
import { deduplicate } from './deduplicate.ts'
import { decodeAvro } from './decode/decode-avro.ts'
import { decodeJson } from './decode/decode-json.ts'
import { dropHeaders } from './drop-headers.ts'
import { enrich } from './enrich/index.ts'
import { eventRouter } from './event-router.ts'
import { compute } from './expression/compute.ts'
import { contentBasedRouter } from './expression/content-based-router.ts'
import { celFilter, debeziumFilter } from './expression/filter.ts'
import { extractChangedRecordState } from './extract-changed-record-state.ts'
import { extractField } from './extract-field.ts'
import { extractNewRecordState } from './extract-new-record-state.ts'
import { filter } from './filter.ts'
import { flatten } from './flatten.ts'
import { headerFrom } from './header-from.ts'
import { headerToValue } from './header-to-value.ts'
import { hoistField } from './hoist-field.ts'
import { insertField } from './insert-field.ts'
import { insertHeader } from './insert-header.ts'
import { byLogicalTableRouter, toLogicalTopicRouter } from './logical-topic-router.ts'
import { mask } from './mask.ts'
import { maskField } from './mask-field.ts'
import { fieldMatches } from './predicates/field-matches.ts'
import { hasHeaderKey } from './predicates/has-header-key.ts'
import { matches } from './predicates/matches.ts'
import { recordIsTombstone } from './predicates/record-is-tombstone.ts'
import { topicNameMatches } from './predicates/topic-name-matches.ts'
import { regexRouter } from './regex-router.ts'
import { replaceField } from './replace-field.ts'
import { routeByField } from './route-by-field.ts'
import { setSchemaMetadata } from './set-schema-metadata.ts'
import { timestampConverter } from './timestamp-converter.ts'
import { timestampRouter } from './timestamp-router.ts'
import { timezoneConverter } from './timezone-converter.ts'
import { validate } from './validate.ts'
import { valueToKey } from './value-to-key.ts'

/** Kafka Connect's own, in the order of their names. */
const connect = [
  ...cast,
  dropHeaders,
  ...extractField,
  filter,
  ...flatten,
  ...headerFrom,
  ...hoistField,
  ...insertField,
  insertHeader,
  ...maskField,
  regexRouter,
  ...replaceField,
  ...setSchemaMetadata,
  ...timestampConverter,
  timestampRouter,
  valueToKey,
]

const debezium = [
  extractNewRecordState,
  eventRouter,
  byLogicalTableRouter,
  toLogicalTopicRouter,
  headerToValue,
  timezoneConverter,
  extractChangedRecordState,
  contentBasedRouter,
  debeziumFilter,
]

const own = [...validate, routeByField, ...mask, ...compute, celFilter, ...deduplicate, ...enrich, ...decodeJson, ...decodeAvro]

export default definePlugin({
  name: 'transforms',
  version: '0.1.0',
  api: 1,
  transforms: [...connect, ...debezium, ...own],
  predicates: [topicNameMatches, hasHeaderKey, recordIsTombstone, ...fieldMatches, matches],
})
