import { createHash, randomUUID } from 'node:crypto'
import type { ConnectRecord } from '../../../core/index.ts'
import type { FilesConfig } from './config.ts'
import { plain } from './partitioning.ts'

/** The log that a record came from, as names of files spell it. */
export interface Stream {
  /** Kafka topic, which a transform may have changed in the record; undefined: the source is not Kafka. */
  readonly kafkaTopic: string | undefined
  /** Number of the Kafka partition, or what stands for another source's. */
  readonly number: string
}

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
 * gives it. For other sources than Kafka the flush is a part of it, as their positions may come again.
 */
export function fileName(config: FilesConfig, record: ConnectRecord, stream: Stream, folder: string, flush: number): string {
  const topic = topicFolder(record.topic)
  const base = topicFolder(stream.kafkaTopic ?? record.topic)
  const parts = [...(config['topics.dir'] === '' ? [] : [config['topics.dir']]), topic, folder]
  return [...parts, [base, stream.number, place(config, record, stream, flush)].join(config['file.delim'])].join('/')
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
