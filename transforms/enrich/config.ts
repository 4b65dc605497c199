import { defineConfig, type ConfigOf } from '../../core/index.ts'
import { pathsFault } from '../field-path.ts'
import { choicesOf, typesOf } from './columns.ts'
import { fileKeys } from './file-config.ts'
import { httpKeys } from './http-config.ts'
import { kafkaKeys } from './kafka-config.ts'
import { postgresKeys } from './postgres-config.ts'

function fault(read: (texts: readonly string[]) => unknown): (texts: readonly string[]) => string | undefined {
  return (texts) => {
    try {
      read(texts)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }
}

/** Settings of Enrich: what holds for every lookup, then the lookups' own. */
export const enrichConfig = defineConfig({
  lookup: {
    type: 'string',
    required: true,
    oneOf: ['postgres', 'kafka', 'file', 'http'],
    importance: 'high',
    doc: 'Where keys are looked up.',
  },
  key: {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'Field or fields of the record that are looked up, dots lead into nested ones; empty: the whole key or value, which then is a single value.',
    check: (paths: readonly string[]) =>
      pathsFault(paths, 'own') ?? (paths.some((path) => /\[\]/.test(path)) ? 'a path with [] has many values; a key takes one' : undefined),
  },
  'key.of': {
    type: 'string',
    oneOf: ['key', 'value'],
    importance: 'medium',
    doc: "Whether the fields of key are those of the record's key or of its value. Default: the side that is enriched.",
  },
  'lookup.key': {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'Columns or members that hold the key where it is looked up, in the order of key. Must name one row at most. Default: the last names of the paths in key.',
  },
  fields: {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'Fields of what is found that are added, field or field:new-name. Empty: all, and into is needed.',
    check: fault(choicesOf),
  },
  into: {
    type: 'string',
    default: '',
    importance: 'high',
    doc: 'Name of a struct that takes the fields; empty: they stand beside those of the record.',
  },
  types: {
    type: 'list',
    default: [],
    importance: 'medium',
    doc: 'field:type for each field of JSON, needed for records with a schema; for tables and typed files another type than the column has. Types: int8 to int64, float32, float64, decimal(places), boolean, string, bytes (hex), uuid, json, date, time, timestamp, timestamptz.',
    check: fault(typesOf),
  },
  join: {
    type: 'string',
    default: 'left',
    oneOf: ['left', 'inner'],
    importance: 'high',
    doc: 'left: records whose key is not found go on, as missing says; inner: they are dropped.',
  },
  missing: {
    type: 'string',
    default: 'null',
    oneOf: ['null', 'keep', 'error'],
    importance: 'high',
    doc: 'With join=left, a record whose key is null or not found: null adds nulls, keep adds nothing, error rejects the record.',
  },
  'cache.bytes': {
    type: 'long',
    default: 67_108_864,
    min: 65_536,
    importance: 'medium',
    doc: 'Most bytes that what was found takes in memory, about. A file or topic that comes to more stops the task, as it is held whole.',
  },
  'cache.ttl.ms': {
    type: 'long',
    default: 300_000,
    min: -1,
    importance: 'medium',
    doc: 'How long a found row is used before it is asked for again; 0: in every batch anew, -1: for ever. For postgres and http.',
  },
  'cache.missing.ttl.ms': {
    type: 'long',
    default: 10_000,
    min: -1,
    importance: 'medium',
    doc: 'The same for keys that were not found.',
  },
  'batch.max.keys': {
    type: 'int',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    importance: 'low',
    doc: 'Most keys in one question; a batch with more distinct keys asks several.',
  },
  ...postgresKeys,
  ...fileKeys,
  ...httpKeys,
  ...kafkaKeys,
})

export type EnrichConfig = ConfigOf<typeof enrichConfig>
