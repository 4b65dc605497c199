import type { Logger } from '../../contract/context.ts'
import type { ConnectRecord } from '../../contract/record.ts'
import type { SourceTask } from '../../contract/source.ts'
import { createConverters, loadSource, type PluginLoader } from '../parts.ts'
import type { LetterPage, LetterQuery } from './letter-shelf.ts'
import type { LetterReader, LetterStep } from './letter-reader.ts'
import type { LetterTopicSpec } from './letter-topic.ts'
import { letterOfMessage } from './message.ts'
import { newestPage, type LetterSeen, type ListPlace } from './newest-first.ts'
import type { LetterSpan } from './redrive-job.ts'

/** Longest wait for messages that the broker said are there, in milliseconds. */
const readTimeoutMs = 20_000
/** Messages that one look backwards reads of a partition. */
const lookBackMessages = 500

/** Reads a dead letter topic through the Kafka source in its bounded mode, outside the connector's group. Runs in hosts alone. */
export class TopicReader implements LetterReader {
  readonly #spec: LetterTopicSpec
  readonly #connector: string
  readonly #loader: PluginLoader
  readonly #log: Logger

  constructor(spec: LetterTopicSpec, connector: string, loader: PluginLoader, log: Logger) {
    this.#spec = spec
    this.#connector = connector
    this.#loader = loader
    this.#log = log
  }

  async *read(spans: readonly LetterSpan[], span: number, at: number): AsyncGenerator<LetterStep> {
    for (let index = span; index < spans.length; index++) {
      const one = spans[index]!
      const from = index === span ? Math.max(at, one.from) : one.from
      for await (const { next, letter } of this.#messages({ ...one, from })) yield { span: index, next, letter }
    }
  }

  /** What lies in the topic now, partition by partition; none where the topic does not exist yet. */
  async spans(): Promise<readonly LetterSpan[]> {
    await using source = await this.#open('earliest', 'latest')
    await source.open(undefined)
    const signal = AbortSignal.timeout(readTimeoutMs)
    while (!signal.aborted) {
      // A bounded run notes where it begins and ends before it reads.
      const { offsets, end } = await source.poll(signal)
      const noted = Object.entries(offsets)
      if (noted.length > 0) return noted.map(([key, position]) => spanOf(key, position)).filter(({ from, to }) => to > from)
      if (end) return []
    }
    throw new Error(`The dead letter topic ${this.#spec.topic} did not tell its ends within ${readTimeoutMs} ms`)
  }

  async list(query: LetterQuery): Promise<LetterPage> {
    const spans = await this.spans()
    const byPartition = new Map(spans.map((span) => [partitionOf(span.unit), span]))
    return newestPage(query, [...byPartition.keys()], (partition, place) => this.#backwards(byPartition.get(partition)!, place))
  }

  async *#backwards(span: LetterSpan, place: ListPlace | undefined): AsyncGenerator<LetterSeen> {
    for (let to = Math.min(place?.before ?? span.to, span.to); to > span.from;) {
      const from = Math.max(span.from, to - lookBackMessages)
      const seen: LetterSeen[] = []
      for await (const { at, next, bytes, letter } of this.#messages({ ...span, from, to })) {
        seen.push({ part: 0, at, next, bytes, letter, blank: false })
      }
      yield* seen.toReversed()
      to = from
    }
  }

  async *#messages({ unit, from, to }: LetterSpan): AsyncGenerator<LetterStep & { readonly at: number; readonly bytes: number }> {
    const { topic, onlyTopic } = this.#spec
    const offsets = (offset: number) => JSON.stringify({ [topic]: { [partitionOf(unit)]: offset } })
    await using source = await this.#open(offsets(from), offsets(to))
    await source.open(undefined)
    for (let quiet = performance.now(); ;) {
      const { records, end } = await source.poll(AbortSignal.timeout(readTimeoutMs))
      for (const message of records) {
        const at = message.origin!.position
        const letter = letterOfMessage(message, unit, { connector: this.#connector, onlyTopic })
        yield { span: 0, at, next: at + 1, bytes: bytesOf(message), letter }
      }
      if (end) return
      if (records.length > 0) quiet = performance.now()
      else if (performance.now() - quiet > readTimeoutMs) {
        throw new Error(`No message of ${unit} from ${from} to ${to} came within ${readTimeoutMs} ms: is its broker well?`)
      }
    }
  }

  async #open(start: string, end: string): Promise<SourceTask> {
    const { source: spec, bytes, topic } = this.#spec
    if (spec === null) throw new Error(`This worker has no Kafka source with which the dead letter topic ${topic} could be read`)
    const { part, config } = await loadSource({ ...spec, config: { ...spec.config, start, end } }, this.#loader)
    return part.create(config, {
      connector: this.#connector,
      task: 0,
      generation: 0,
      log: this.#log,
      converters: await createConverters({ key: bytes, value: bytes, header: bytes }, this.#loader),
      reject: (_, error) => Promise.reject(error),
      report: () => {}, // Nobody watches it but the one who reads.
    })
  }
}

/** The unit of a partition: `<topic>-<number>`, as Kafka's tools write it. */
function partitionOf(unit: string): number {
  return Number(unit.slice(unit.lastIndexOf('-') + 1))
}

/** What the Kafka source notes of a partition in a bounded run. */
function spanOf(key: string, position: unknown): LetterSpan {
  const { kafka_topic: topic, kafka_partition: partition } = JSON.parse(key) as { kafka_topic: string; kafka_partition: number }
  const { kafka_offset: from, kafka_end: to } = position as { kafka_offset: number; kafka_end: number }
  return { unit: `${topic}-${partition}`, from, to }
}

function bytesOf({ origin }: ConnectRecord): number {
  const raw = origin!.raw
  return (
    (raw?.key?.length ?? 0) + (raw?.value?.length ?? 0) + (raw?.headers ?? []).reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  )
}
