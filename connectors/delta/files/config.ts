import { type ConfigIssue, type ConfigOf, defineConfig } from '../../../core/index.ts'
import { s3AddressFault } from '../s3/address.ts'
import { s3Config, s3Issues } from '../s3/config.ts'
import { knownKeys } from './known-keys.ts'
import { isTimezone, patternFault } from './time-pattern.ts'

const formats = ['json', 'parquet', 'bytearray'] as const
const extractors = ['wallclock', 'record', 'recordfield'] as const
const partitioners = ['default', 'field', 'timebased', 'daily', 'hourly'] as const
export type FileFormat = (typeof formats)[number]
export type ExtractorName = (typeof extractors)[number]
export type PartitionerName = (typeof partitioners)[number]

/** The file sink's keys: those of Confluent's S3 sink, and `path`. */
export const filesConfig = defineConfig({
  path: {
    type: 'string',
    importance: 'high',
    doc: 'Folder of the files, or s3://bucket/prefix. Not given: the bucket of s3.bucket.name.',
    check: (path: string) => (/[*?[\]]/.test(path) ? 'the characters * ? [ ] are not allowed in the path' : s3AddressFault(path)),
  },
  's3.bucket.name': { type: 'string', importance: 'high', doc: 'Bucket of the files, where path is not given.' },
  'store.url': { type: 'string', importance: 'low', doc: 'The same as s3.endpoint.' },
  's3.path.style.access.enabled': { type: 'boolean', importance: 'low', doc: 'The same as s3.path.style.' },
  'storage.class': {
    type: 'class',
    importance: 'low',
    doc: 'Known from existing configs; path or s3.bucket.name say where the files lie.',
  },
  'topics.dir': {
    type: 'string',
    default: 'topics',
    importance: 'low',
    doc: "Folder below the path in which the topics' folders lie; may be empty.",
    check: folderFault,
  },
  'format.class': {
    type: 'class',
    default: 'json',
    importance: 'high',
    doc:
      'json (or ...JsonFormat): one JSON object a line. parquet (or ...ParquetFormat): the fields of the value as columns. ' +
      'bytearray (or ...ByteArrayFormat): the bytes of the value, with format.bytearray.separator after each.',
    check: (name: string) =>
      formatOf(name) === undefined
        ? `is none that is written (${formats.join(', ')}); Parquet keeps the schemas that Avro files would`
        : undefined,
  },
  'partitioner.class': {
    type: 'class',
    default: 'default',
    importance: 'high',
    doc: 'Folders below that of the topic: default (partition=<n>), field, timebased, daily or hourly; the Java names end in ...Partitioner.',
    check: (name: string) => (partitionerOf(name) === undefined ? `must be one of ${partitioners.join(', ')}` : undefined),
  },
  'partition.field.name': {
    type: 'list',
    default: [],
    importance: 'medium',
    doc: 'Field partitioner: fields of the value, nested ones with dots; folders are field=value.',
  },
  'path.format': {
    type: 'string',
    default: "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH",
    importance: 'medium',
    doc: 'Time-based partitioner: folders, from y, M, d, D, H, m, s, S; other letters in quotes.',
    check: patternFault,
  },
  'partition.duration.ms': {
    type: 'long',
    default: 3_600_000,
    min: 1,
    importance: 'medium',
    doc: 'Time-based partitioner: length of the time that shares a folder, in ms.',
  },
  timezone: {
    type: 'string',
    default: 'UTC',
    importance: 'medium',
    doc: 'Zone of folders and of rotate.schedule.interval.ms.',
    check: zoneFault,
  },
  locale: { type: 'string', importance: 'low', doc: 'Known from existing configs; folders hold digits only.' },
  'timestamp.extractor': {
    type: 'class',
    default: 'Wallclock',
    importance: 'medium',
    doc: 'Which time counts for folders and rotate.interval.ms: Wallclock (of this machine), Record, or RecordField (a field of its value). The Java names end in ...TimestampExtractor.',
    check: (name: string) =>
      extractorOf(name) === undefined ? 'must be one of Wallclock, Record, RecordField; Java classes cannot run here' : undefined,
  },
  'timestamp.field': {
    type: 'string',
    default: 'timestamp',
    importance: 'medium',
    doc: 'RecordField: milliseconds since 1970, a Connect date or time stamp, or ISO text.',
  },
  'flush.size': {
    type: 'int',
    min: 1,
    importance: 'high',
    doc:
      'Records of a Kafka partition (of other sources: of a topic) after which its files end and their offsets are saved. Where neither this nor a rotate key is given, ' +
      "and for other sources than Kafka in any case, files also end with the runtime's flush (flush.interval.ms, flush.rows, flush.bytes).",
  },
  'rotate.interval.ms': {
    type: 'long',
    default: -1,
    min: -1,
    importance: 'medium',
    doc: 'Time between the first and the last record of a file, by timestamp.extractor, in ms; -1: any.',
  },
  'rotate.schedule.interval.ms': {
    type: 'long',
    default: -1,
    min: -1,
    importance: 'medium',
    doc: 'Files end at multiples of this time of the clock, counted from midnight of timezone, in ms; -1: not.',
  },
  'rotate.file.on.partition.change': {
    type: 'boolean',
    default: true,
    importance: 'low',
    doc: 'With rotate.interval.ms and a time-based partitioner: files end when a record belongs to another folder than the one before. false: late records do not cut files.',
  },
  'append.late.data': {
    type: 'boolean',
    default: false,
    importance: 'low',
    doc: 'true: the same as rotate.file.on.partition.change=false.',
  },
  'directory.delim': { type: 'string', default: '/', oneOf: ['/'], importance: 'low', doc: 'Between folders.' },
  'file.delim': {
    type: 'string',
    default: '+',
    importance: 'low',
    doc: 'Between topic, partition and offset in names of files.',
    check: (text: string) => (/^[+_.=~-]{1,3}$/.test(text) ? undefined : 'must be one to three of + _ . = ~ -'),
  },
  'filename.offset.zero.pad.width': {
    type: 'int',
    default: 10,
    min: 0,
    max: 20,
    importance: 'low',
    doc: 'Digits of offsets in names of files.',
  },
  's3.compression.type': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'gzip'],
    importance: 'medium',
    doc: 'Compression of files of JSON and bytes.',
  },
  's3.compression.level': { type: 'int', default: -1, min: -1, max: 9, importance: 'low', doc: 'Level of gzip; -1: its default.' },
  'format.bytearray.extension': {
    type: 'string',
    default: '.bin',
    importance: 'low',
    doc: 'End of the names of files of bytes.',
    check: (text: string) => (/^(\.[\w-]+)*$/.test(text) ? undefined : 'must be letters, digits, "_" and "-" after a dot'),
  },
  'format.bytearray.separator': {
    type: 'string',
    default: '\\n',
    importance: 'low',
    doc: 'After each record in files of bytes; may have \\n, \\r, \\t and \\\\. What stands in a record is not changed.',
  },
  's3.object.tagging': {
    type: 'boolean',
    default: false,
    importance: 'low',
    doc: 'Tags of objects: startOffset, endOffset and recordCount. Needs s3:PutObjectTagging.',
  },
  's3.object.tagging.key.value.pairs': {
    type: 'list',
    default: [],
    importance: 'low',
    doc: 'With s3.object.tagging: further tags, as name:value.',
    check: (pairs: readonly string[]) => {
      if (pairs.length > 7) return 'has more than 7 tags; objects have 10 at most, and 3 are given already'
      return pairs.every((pair) => /^[\p{L}\p{N} +=._/@-]{1,128}:[\p{L}\p{N} +=._:/@-]{0,256}$/u.test(pair))
        ? undefined
        : 'must be a list of name:value, of letters, digits, spaces and + - = . _ : / @'
    },
  },
  'parquet.codec': {
    type: 'string',
    default: 'snappy',
    oneOf: ['none', 'uncompressed', 'snappy', 'gzip', 'zstd'],
    importance: 'medium',
    doc: 'Compression of Parquet files.',
  },
  'behavior.on.null.values': {
    type: 'string',
    default: 'fail',
    importance: 'medium',
    doc: 'Records without a value: fail (reject) or ignore (leave out).',
    check: (given: string) => {
      if (['fail', 'ignore'].includes(given.toLowerCase())) return undefined
      return given.toLowerCase() === 'write'
        ? 'files of tombstones are not written, as keys are not; put the key into the value by a transform, or choose fail or ignore'
        : 'must be fail or ignore'
    },
  },
  'partitioner.max.open.files': {
    type: 'int',
    default: -1,
    min: -1,
    importance: 'low',
    doc: 'Files of one Kafka partition (of other sources: of a topic) at the same time; with more, they end. -1: as many as there are; a task has 1000 at most.',
  },
  'duckdb.memory.limit': {
    type: 'string',
    default: '256MB',
    importance: 'low',
    doc: 'Memory for rows of Parquet files; rows beyond it spill to the temporary folder.',
  },
  ...knownKeys,
  ...s3Config,
})

export type FilesConfig = ConfigOf<typeof filesConfig>

/** The format that a name or a Java class stands for; undefined: none of ours. */
export function formatOf(name: string): FileFormat | undefined {
  return formats.find((format) => format === lastPart(name, 'format'))
}

/** The partitioner that a name or a Java class stands for; undefined: none of ours. */
export function partitionerOf(name: string): PartitionerName | undefined {
  return partitioners.find((partitioner) => partitioner === lastPart(name, 'partitioner'))
}

/** The extractor that a name or a Java class stands for; undefined: none of ours. */
export function extractorOf(name: string): ExtractorName | undefined {
  const last = name.split('$').at(-1)!
  return extractors.find((extractor) => extractor === lastPart(last, 'timestampextractor'))
}

/** Where the files lie; undefined: the config does not say. */
export function placeOf(config: FilesConfig): string | undefined {
  return config.path ?? (config['s3.bucket.name'] === undefined ? undefined : `s3://${config['s3.bucket.name']}`)
}

/** The config with the names of Confluent's keys moved to ours. */
export function withAliases(config: FilesConfig): FilesConfig {
  return {
    ...config,
    's3.endpoint': config['s3.endpoint'] ?? config['store.url'],
    's3.path.style': config['s3.path.style'] ?? config['s3.path.style.access.enabled'],
  }
}

/** Faults of keys that do not go together. */
export function filesIssues(config: FilesConfig): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = [...s3Issues(config)]
  const place = placeOf(config)
  if (place === undefined)
    issues.push({ key: 'path', message: 'Neither path nor s3.bucket.name is given; one must say where the files go' })
  if (config.path === undefined && place !== undefined && s3AddressFault(place) !== undefined) {
    issues.push({ key: 's3.bucket.name', value: config['s3.bucket.name'] ?? null, message: `s3.bucket.name: ${s3AddressFault(place)}` })
  }
  if (partitionerOf(config['partitioner.class']) === 'field' && config['partition.field.name'].length === 0) {
    issues.push({ key: 'partition.field.name', message: 'The field partitioner needs partition.field.name' })
  }
  return issues
}

function lastPart(name: string, ending: string): string {
  const last = name.toLowerCase().split('.').at(-1)!
  return last.endsWith(ending) ? last.slice(0, -ending.length) : last
}

function folderFault(folder: string): string | undefined {
  if (folder === '') return undefined
  return folder.split('/').every((part) => /^[^._/\s][^/\0]*$/.test(part))
    ? undefined
    : 'must be a folder below the path: parts between "/", none beginning with "." or "_"'
}

function zoneFault(zone: string): string | undefined {
  return isTimezone(zone) ? undefined : 'is no time zone; use a name like UTC or Europe/Berlin'
}
