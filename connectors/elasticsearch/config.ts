import { defineConfig, type ConfigOf } from '../../core/index.ts'
import { connectionKeys } from './config-connection.ts'
import { formatFault } from './index-name.ts'

const writing = 'Connector'
const conversion = 'Data Conversion'
const streams = 'Data Stream'

/** The Elasticsearch sink's keys; names, meanings and defaults as Confluent's sink has them, where it has them. */
export const elasticsearchConfig = defineConfig({
  ...connectionKeys,
  'batch.size': { type: 'int', default: 2000, min: 1, max: 1_000_000, group: writing, doc: 'Most records in one bulk request.' },
  'bulk.size.bytes': {
    type: 'int',
    default: 5 * 1024 * 1024,
    min: -1,
    group: writing,
    doc: 'Most bytes in one bulk request, before compression; a single larger document goes alone. -1: no limit (batch.size alone).',
    check: (bytes: number) => (bytes === 0 ? 'no request has no bytes; -1 takes the limit away' : undefined),
  },
  'max.in.flight.requests': {
    type: 'int',
    default: 5,
    min: 1,
    max: 1000,
    group: writing,
    doc: 'Most bulk requests at the same time; those for one document are in order.',
  },
  'max.buffered.records': {
    type: 'int',
    default: 20_000,
    min: 1,
    group: writing,
    doc: 'Records that a task takes before it waits for answers.',
  },
  'linger.ms': {
    type: 'long',
    default: 1,
    min: 0,
    group: writing,
    doc: 'How long a batch that is not full waits for more records, in milliseconds.',
  },
  'flush.timeout.ms': {
    type: 'long',
    default: 180_000,
    min: 1,
    group: writing,
    doc: 'Longest time that a flush, or a wait for room, lasts, in milliseconds; then it counts as failed and is tried again as errors.retry.timeout says.',
  },
  'max.retries': {
    type: 'int',
    default: 5,
    min: 0,
    group: writing,
    doc: 'How often a request, or single records of it (429, 5xx), are sent again before the task says that it failed; errors.retry.timeout may then allow more.',
  },
  'retry.backoff.ms': {
    type: 'long',
    default: 100,
    min: 0,
    group: writing,
    doc: 'Wait before the first retry, in milliseconds; doubled each time, with jitter, at most 10 s.',
  },
  'flush.synchronously': {
    type: 'boolean',
    default: false,
    group: writing,
    doc: 'Accepted and without effect: offsets are always committed after what they cover.',
  },
  'auto.create.indices.at.start': {
    type: 'boolean',
    default: true,
    group: writing,
    doc: 'Accepted and without effect: an index is created when its first record comes.',
  },
  'external.resource.usage': {
    type: 'string',
    default: 'DISABLED',
    oneOf: ['DISABLED', 'INDEX', 'DATASTREAM', 'ALIAS_INDEX', 'ALIAS_DATASTREAM'],
    group: writing,
    doc: 'DISABLED: indices and data streams are created. INDEX, DATASTREAM, ALIAS_*: they, or aliases to them, exist and are named by topic.to.external.resource.mapping.',
  },
  'topic.to.external.resource.mapping': {
    type: 'list',
    default: [],
    importance: 'high',
    group: writing,
    doc: 'Where records of a topic go, as topic:index pairs; topics that are not listed follow index.name.format.',
    check: (list: readonly string[]) => pairsFault(list) ?? repeatedFault(list),
  },
  'max.external.resource.mappings': {
    type: 'int',
    default: 15,
    min: 1,
    group: writing,
    doc: 'Most pairs in topic.to.external.resource.mapping.',
  },
  'topic.index.map': {
    type: 'list',
    group: writing,
    doc: 'Not supported; old releases had it.',
    unsupported: 'give topic.to.external.resource.mapping, which says the same',
  },
  'index.name.format': {
    type: 'string',
    default: '${topic}',
    importance: 'medium',
    group: writing,
    doc:
      'Name of the index, from ${topic}, ${field:path.to.field} and ${timestamp:yyyy.MM.dd} (time of the record in UTC; yyyy, MM, dd, HH). ' +
      'It is put in lower case; a name that Elasticsearch would refuse is an error of the record.',
    check: formatFault,
  },
  'index.name.timestamp.field': {
    type: 'string',
    group: writing,
    doc: 'Field of the value whose time ${timestamp:...} uses, instead of the time of the record: a date or timestamp of its schema, milliseconds, or ISO text.',
  },
  'data.stream.type': {
    type: 'string',
    default: 'NONE',
    oneOf: ['LOGS', 'METRICS', 'NONE'],
    group: streams,
    doc: 'Other than NONE: records go to the data stream <type>-<dataset>-<namespace>.',
  },
  'data.stream.dataset': {
    type: 'string',
    default: '',
    group: streams,
    doc: 'Dataset of the data stream; may hold ${topic}.',
    check: streamPartFault,
  },
  'data.stream.namespace': {
    type: 'string',
    default: '${topic}',
    group: streams,
    doc: 'Namespace of the data stream; may hold ${topic}.',
    check: streamPartFault,
  },
  'data.stream.timestamp.field': {
    type: 'list',
    default: [],
    group: streams,
    doc: 'Fields that are looked at in turn for @timestamp, where a document has none of its own; else it is the time of the record.',
  },
  'key.ignore': {
    type: 'boolean',
    default: false,
    importance: 'high',
    group: conversion,
    doc: 'true: the id of a document is topic+partition+offset, so that each record is a document. false: it is the key.',
  },
  'topic.key.ignore': { type: 'list', default: [], group: conversion, doc: 'Topics for which key.ignore is true.' },
  'use.autogenerated.ids': {
    type: 'boolean',
    default: false,
    importance: 'medium',
    group: conversion,
    doc: 'true: Elasticsearch makes the ids, which is quicker (INSERT); what is sent again, as after a lost answer or a crash, is then another document.',
  },
  'document.id.fields': {
    type: 'list',
    default: [],
    importance: 'medium',
    group: conversion,
    doc: 'Fields of the value (a.b for one inside of another) that make the id, instead of the key. Several, as a key of several fields, become a JSON array.',
  },
  'schema.ignore': {
    type: 'boolean',
    default: false,
    group: conversion,
    doc: 'true: mappings are left to Elasticsearch (dynamic), rather than made from schemas.',
  },
  'topic.schema.ignore': { type: 'list', default: [], group: conversion, doc: 'Topics for which schema.ignore is true.' },
  'mapping.types': {
    type: 'list',
    default: [],
    group: conversion,
    doc: 'Types of fields in mappings made from schemas where they should be others, as field:type pairs: place:geo_point, items:nested, note:keyword.',
    check: pairsFault,
  },
  'compact.map.entries': {
    type: 'boolean',
    default: true,
    group: conversion,
    doc: 'Whether maps with text keys are written as objects, rather than as lists of {"key", "value"} as maps with other keys are.',
  },
  'write.method': {
    type: 'string',
    default: 'INSERT',
    oneOf: ['INSERT', 'UPSERT'],
    group: conversion,
    doc: 'INSERT: a record replaces its document. UPSERT: it is merged into it; the document keeps fields that the record does not have.',
  },
  'external.version.header': {
    type: 'string',
    group: conversion,
    doc: 'Header with the version of the document (a number from 0); a lower one than the stored does nothing. Without it: the offset of the record (INSERT, ids from keys).',
  },
  'drop.invalid.message': {
    type: 'boolean',
    default: false,
    group: conversion,
    doc: 'false: records that make no document are errors (errors.tolerance, dead letters). true: with errors.tolerance=all the same; else they are left out with a warning in the log.',
  },
  'behavior.on.null.values': {
    type: 'string',
    default: 'FAIL',
    oneOf: ['IGNORE', 'DELETE', 'FAIL'],
    group: conversion,
    doc: 'What a record without a value (tombstone) does: nothing, delete the document, or it is an error.',
  },
  'behavior.on.malformed.documents': {
    type: 'string',
    default: 'FAIL',
    oneOf: ['IGNORE', 'WARN', 'FAIL'],
    group: conversion,
    doc: 'What happens with documents that Elasticsearch refuses. FAIL: they are errors (errors.tolerance, dead letters). WARN, IGNORE: with errors.tolerance=all the same; else they are left out, and each, or the first, is logged.',
  },
  'log.sensitive.data': {
    type: 'boolean',
    default: false,
    group: conversion,
    doc: "Whether the server's reasons are given whole; they may quote values of the record.",
  },
  'type.name': {
    type: 'string',
    default: '_doc',
    group: conversion,
    doc: 'Accepted and without effect: Elasticsearch has no types since version 7.',
  },
})

export type ElasticsearchConfig = ConfigOf<typeof elasticsearchConfig>

/** `a:b` pairs as a map; the last colon separates. */
export function pairs(list: readonly string[]): ReadonlyMap<string, string> {
  return new Map(list.map((pair) => [pair.slice(0, pair.lastIndexOf(':')), pair.slice(pair.lastIndexOf(':') + 1)]))
}

function pairsFault(list: readonly string[]): string | undefined {
  const wrong = list.find((pair) => !/^.+:[^:]+$/.test(pair))
  return wrong === undefined ? undefined : `"${wrong}" is no pair with a colon between`
}

function repeatedFault(list: readonly string[]): string | undefined {
  const seen = new Set<string>()
  for (const pair of list) {
    const topic = pair.slice(0, pair.lastIndexOf(':'))
    if (seen.has(topic)) return `topic "${topic}" is there twice`
    seen.add(topic)
  }
  return undefined
}

function streamPartFault(text: string): string | undefined {
  if (!/^[^\\/*?"<>| ,#:-]*$/.test(text.replaceAll('${topic}', 't'))) return 'it must not hold - \\ / * ? " < > | , # : or blanks'
  return Buffer.byteLength(text) > 100 ? 'it must not be longer than 100 bytes' : undefined
}
