import { createHash, randomUUID } from 'node:crypto'
import { type ConnectRecord, DataError } from '../../../core/index.ts'
import { type FilesConfig, placeOf } from './config.ts'
import { plain } from './partitioning.ts'

/** The log that a record came from, as names of files spell it. */
export interface Stream {
  /** Kafka topic, which a transform may have changed in the record; undefined: the source is not Kafka. */
  readonly kafkaTopic: string | undefined
  /** Number of the Kafka partition, or what stands for another source's. */
  readonly number: string
}

/** Longest part of a name on disk (files for S3 are made there, too), longest key of S3, and longest path of Linux. Bytes of UTF-8. */
const partBytesMax = 255
const keyBytesMax = 1024
const pathBytesMax = 4000
/** Room for extensions such as `.snappy.parquet`, beside one that the config gives. */
const extensionBytes = 24

/** Tells records' streams apart; remembers those it has seen. */
export class Streams {
  readonly #known = new Map<string, Stream>()

  of({ origin, partition }: ConnectRecord): Stream {
    if (origin === null) return { kafkaTopic: undefined, number: String(partition ?? 0) }
    let stream = this.#known.get(origin.partition)
    if (!stream) this.#known.set(origin.partition, (stream = read(origin.partition)))
    return stream
  }
}

function read(key: string): Stream {
  let parts: { readonly kafka_topic?: unknown; readonly kafka_partition?: unknown } | null | undefined
  try {
    parts = JSON.parse(key) as NonNullable<typeof parts> | null
  } catch {
    // A source may name its partitions by any text.
  }
  if (typeof parts?.kafka_topic === 'string' && typeof parts.kafka_partition === 'number') {
    return { kafkaTopic: parts.kafka_topic, number: String(parts.kafka_partition) }
  }
  return { kafkaTopic: undefined, number: createHash('sha256').update(key).digest('hex').slice(0, 8) }
}

/**
 * Name of the file whose first record this is, without its extension: `<topics.dir>/<topic>/<folder>/<topic>+<partition>+<offset>`, as Confluent's S3 sink
 * gives it. For other sources than Kafka the flush is a part of it, as their positions may come again. Throws a DataError for a name that is
 * longer than the place can have.
 */
export function fileName(config: FilesConfig, record: ConnectRecord, stream: Stream, folder: string, flush: number): string {
  const topic = topicFolder(record.topic)
  const base = topicFolder(stream.kafkaTopic ?? record.topic)
  const parts = [...(config['topics.dir'] === '' ? [] : [config['topics.dir']]), topic, folder]
  const name = [...parts, [base, stream.number, place(config, record, stream, flush)].join(config['file.delim'])].join('/')
  return checkedLength(config, name, record.topic)
}

function checkedLength(config: FilesConfig, name: string, topic: string): string {
  const ending = extensionBytes + Buffer.byteLength(config['format.bytearray.extension'])
  const parts = name.split('/').map((part) => Buffer.byteLength(part))
  const longest = Math.max(...parts.slice(0, -1), parts.at(-1)! + ending)
  const root = placeOf(config)!
  const s3 = /^s3:\/\/[^/]*\/?(.*)$/s.exec(root)
  const whole = Buffer.byteLength(s3 ? s3[1]! : root) + 1 + Buffer.byteLength(name) + ending
  if (longest <= partBytesMax && whole <= (s3 ? keyBytesMax : pathBytesMax)) return name
  throw new DataError(
    `A record of topic ${topic} belongs to a file whose name is too long (${longest} bytes in one part, ${whole} in all): "${name.slice(0, 100)}..."; ` +
      'choose other fields (partition.field.name), or shorten them or the topic by a transform',
  )
}

function place(config: FilesConfig, { origin }: ConnectRecord, stream: Stream, flush: number): string {
  if (origin === null) return randomUUID()
  const offset = String(origin.position).padStart(config['filename.offset.zero.pad.width'], '0')
  return stream.kafkaTopic === undefined ? `${offset}-${origin.seq}-${flush}` : offset
}

/** Hidden folders, and those that hold what is ours, are no topic's. */
function topicFolder(topic: string): string {
  return plain(topic).replace(/^[._]/, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
