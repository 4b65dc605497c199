import { definePlugin } from '../core/index.ts'
import { extractNewRecordState } from './extract-new-record-state.ts'
import { filter } from './filter.ts'
import { insertField } from './insert-field.ts'
import { mask } from './mask.ts'
import { maskField } from './mask-field.ts'
import { fieldMatches } from './predicates/field-matches.ts'
import { hasHeaderKey } from './predicates/has-header-key.ts'
import { recordIsTombstone } from './predicates/record-is-tombstone.ts'
import { topicNameMatches } from './predicates/topic-name-matches.ts'
import { regexRouter } from './regex-router.ts'
import { replaceField } from './replace-field.ts'
import { routeByField } from './route-by-field.ts'
import { validate } from './validate.ts'

export default definePlugin({
  name: 'transforms',
  version: '0.1.0',
  api: 1,
  transforms: [
    regexRouter,
    filter,
    ...insertField,
    ...replaceField,
    ...maskField,
    extractNewRecordState,
    ...validate,
    routeByField,
    ...mask,
  ],
  predicates: [topicNameMatches, hasHeaderKey, recordIsTombstone, ...fieldMatches],
})
