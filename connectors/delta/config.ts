import { type ConfigIssue, type ConfigOf, defineConfig } from '../../core/index.ts'
import { s3AddressFault } from './s3/address.ts'
import { s3Config, s3Issues } from './s3/config.ts'
import { formatFault } from './table-path.ts'

/** The Delta sink's keys. When and how much is flushed (`flush.*`) is the runtime's. */
export const deltaConfig = defineConfig({
  path: {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'Folder of the lake, or s3://bucket/prefix; each table is a folder below it. A folder is made where it is missing, a bucket is not.',
    check: (path: string) => (/[*?[\]]/.test(path) ? 'the characters * ? [ ] are not allowed in the path' : s3AddressFault(path)),
  },
  mode: {
    type: 'string',
    default: 'append',
    oneOf: ['append', 'upsert'],
    importance: 'high',
    doc:
      'append: every change is a row, with the columns __op (c, u, d, r, t), __lsn, __seq and __source_ts_ms. ' +
      'upsert: the table mirrors the source: one row per key, updated and deleted as the source is.',
  },
  'table.name.format': {
    type: 'string',
    default: '',
    importance: 'medium',
    doc:
      "Folder of a topic's table, from ${topic}, ${schema}, ${table} (last two parts of the topic) and ${source.db} (the parts before them). " +
      'Empty: <prefix>.<schema>.<table> becomes <schema>/<table>, other topics one folder per part. Several topics may share a table only if it is set.',
    check: formatFault,
  },
  'partition.by': {
    type: 'list',
    default: [],
    importance: 'medium',
    doc: 'Partition columns of tables that are created; tables that lack one of them are not partitioned by it.',
  },
  'key.columns': {
    type: 'list',
    default: [],
    importance: 'medium',
    doc: 'upsert: columns that identify a row, for all tables. Empty: the fields of the record key (a primitive key becomes the column __key).',
  },
  'delta.deletion.vectors': {
    type: 'boolean',
    default: true,
    importance: 'medium',
    doc:
      'upsert: mark replaced and deleted rows in deletion vectors (Delta reader version 3), which is quick. ' +
      'false: rewrite the files that hold them (copy-on-write), for readers that do not know deletion vectors.',
  },
  'schema.evolution': {
    type: 'string',
    default: 'add',
    oneOf: ['add', 'none'],
    importance: 'medium',
    doc: 'add: a new column of the source is added to the table. none: it stops the task. Any other change of a column stops it in either case.',
  },
  'delta.missing.columns': {
    type: 'string',
    default: 'fail',
    oneOf: ['fail', 'null'],
    importance: 'medium',
    doc:
      'What happens when rows no longer have a column of the table, because it was dropped, renamed or excluded at the source. fail: the task stops. ' +
      'null: the column is NULL in rows written from then on, and keeps its values in rows that do not change. ' +
      'Seen in Debezium envelopes with a schema, for tables that one source table and partition feeds.',
  },
  'parquet.writer': {
    type: 'string',
    default: 'duckdb',
    oneOf: ['duckdb', 'parquetjs-lite'],
    importance: 'low',
    doc: 'duckdb, or parquetjs-lite: pure JavaScript, append mode only, about ten times slower; it refuses the columns that it cannot hold exactly.',
  },
  'parquet.compression': {
    type: 'string',
    default: 'zstd',
    oneOf: ['zstd', 'snappy', 'gzip', 'uncompressed'],
    importance: 'low',
    doc: 'Codec of data files.',
  },
  'file.target.bytes': {
    type: 'long',
    default: 32 * 1024 * 1024,
    min: 1024 * 1024,
    importance: 'low',
    doc: 'Bytes of rows (before compression) after which a data file is closed within one flush; also what a table holds in memory before it writes ahead.',
  },
  'checkpoint.interval': {
    type: 'int',
    default: 10,
    min: 1,
    importance: 'low',
    doc: "Commits between two checkpoints of a table's log; a table's own delta.checkpointInterval goes before it.",
  },
  'delta.compact.files': {
    type: 'int',
    default: 32,
    min: 0,
    importance: 'low',
    doc: 'Small data files (rows of less than a quarter of file.target.bytes) of a table or partition that are merged into one after a flush; 0: never.',
  },
  'duckdb.memory.limit': {
    type: 'string',
    default: '256MB',
    importance: 'low',
    doc: "Memory of the task's DuckDB; rows beyond it spill to the temporary folder.",
    check: (text: string) => (/^\d+(\.\d+)?\s*[KMGT]i?B$/i.test(text) ? undefined : 'must be a number with KB, MB or GB'),
  },
  'unavailable.value.placeholder': {
    type: 'string',
    default: '__debezium_unavailable_value',
    importance: 'low',
    doc: "Text that stands for a value that the source did not send (unchanged TOAST); as in the source's config.",
  },
  ...s3Config,
})

export type DeltaConfig = ConfigOf<typeof deltaConfig>

/** The config with its choices in lower case, as the code compares them: `oneOf` takes any case. */
export function normalized(config: DeltaConfig): DeltaConfig {
  const choices = ['mode', 'schema.evolution', 'delta.missing.columns', 'parquet.writer', 'parquet.compression'] as const
  return { ...config, ...Object.fromEntries(choices.map((key) => [key, config[key].toLowerCase()])) }
}

/** Faults of keys that do not go together. */
export function deltaIssues(given: DeltaConfig): readonly ConfigIssue[] {
  const config = normalized(given)
  const issues: ConfigIssue[] = [...s3Issues(config)]
  if (config['parquet.writer'] !== 'parquetjs-lite') return issues
  if (config.mode === 'upsert') {
    issues.push({
      key: 'parquet.writer',
      value: config['parquet.writer'],
      message: 'parquetjs-lite writes in append mode only; use duckdb for mode=upsert',
    })
  }
  if (config['partition.by'].length > 0) {
    issues.push({
      key: 'partition.by',
      value: config['partition.by'].join(','),
      message: 'parquetjs-lite writes no partitions; use parquet.writer=duckdb',
    })
  }
  return issues
}
