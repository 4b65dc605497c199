import { ConfigError, RetriableError } from '../../../core/index.ts'
import { apis } from './apis.ts'
import { byTopic, partitionName } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { movedCodes } from './error-codes.ts'
import type { ProducedSet, ProduceOptions, ProduceSet } from './port.ts'
import type { TopicCache } from './topic-cache.ts'
import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

type Answer = Pick<ProducedSet, 'errorCode' | 'errorMessage' | 'baseOffset'>

/** Produce requests. Requests of one call leave in its order, and calls leave in theirs while the leaders are known. */
export class Producing {
  readonly #cluster: Cluster
  readonly #topics: TopicCache

  constructor(cluster: Cluster, topics: TopicCache) {
    this.#cluster = cluster
    this.#topics = topics
  }

  /**
   * As KafkaClient.produce. Without an answer from a broker its sets get code 13 (NETWORK_EXCEPTION): nobody knows whether they were written;
   * where no broker answered at all, the call rejects with what the connection rejected with.
   */
  async produce(sets: readonly ProduceSet[], options: ProduceOptions): Promise<readonly ProducedSet[]> {
    const unknown = sets.filter(({ topic, partition }) => !((this.#topics.leader(topic, partition) ?? -1) >= 0))
    if (unknown.length > 0) {
      for (const { topic } of unknown) this.#topics.distrust(topic)
      await this.#topics.refresh(unknown.map(({ topic }) => topic))
    }
    const answers = new Map<ProduceSet, Answer>()
    const requests: { node: number; sets: ProduceSet[]; names: Set<string> }[] = []
    for (const set of sets) {
      const node = this.#topics.leader(set.topic, set.partition)
      if (node === undefined || node < 0) {
        answers.set(set, { errorCode: node === undefined ? this.#topics.whyUnknown(set.topic) : 5, errorMessage: null, baseOffset: -1 })
        continue
      }
      const name = partitionName(set)
      // A partition can stand in a request once: what follows for it goes behind, on the same connection.
      const last = requests.findLast((request) => request.node === node)
      if (last && !last.names.has(name)) {
        last.sets.push(set)
        last.names.add(name)
      } else requests.push({ node, sets: [set], names: new Set([name]) })
    }
    const failures: Error[] = []
    await Promise.all(
      requests.map(async (request) => {
        try {
          await this.#send(request.node, request.sets, options, answers)
        } catch (error) {
          if (error instanceof ConfigError || !(error instanceof RetriableError)) throw error
          failures.push(error)
          for (const set of request.sets) {
            this.#topics.distrust(set.topic)
            answers.set(set, { errorCode: 13, errorMessage: error.message, baseOffset: -1 })
          }
        }
      }),
    )
    if (failures.length > 0 && failures.length === requests.length) throw failures[0]!
    return sets.map((set) => ({ topic: set.topic, partition: set.partition, ...answers.get(set)! }))
  }

  async #send(node: number, sets: readonly ProduceSet[], options: ProduceOptions, answers: Map<ProduceSet, Answer>): Promise<void> {
    const answered = options.acks !== 0
    const answer = await this.#cluster.call(node, 'produce', apis.Produce, produceRequest(sets, options), {
      waitMs: options.timeoutMs,
      answered,
    })
    const found = answered ? readAnswer(answer) : undefined
    for (const set of sets) {
      const { errorCode, errorMessage, baseOffset } = found?.get(partitionName(set)) ?? {
        errorCode: answered ? 13 : 0,
        errorMessage: answered ? 'the broker left the partition out of its answer' : null,
        baseOffset: -1,
      }
      if (errorCode === 3 || movedCodes.has(errorCode)) this.#topics.distrust(set.topic)
      answers.set(set, { errorCode, errorMessage, baseOffset })
    }
  }
}

/** Produce v8. Record sets are sent from where they lie. */
function produceRequest(sets: readonly ProduceSet[], { acks, timeoutMs, transactionalId }: ProduceOptions): WireWriter {
  const body = new WireWriter(128 + sets.length * 40)
  body.string(transactionalId).int16(acks).int32(timeoutMs)
  return body.array(byTopic(sets), ({ topic, items }) =>
    body.string(topic).array(items, ({ partition, records }) => body.int32(partition).bytesReference(records)),
  )
}

function readAnswer(answer: WireReader): ReadonlyMap<string, Answer> {
  const found = new Map<string, Answer>()
  answer.array(() => {
    const topic = answer.string()
    answer.array(() => {
      const partition = answer.int32()
      const errorCode = answer.int16()
      const baseOffset = answer.int64()
      answer.int64()
      answer.int64()
      const wrong = answer.array(() => ({ index: answer.int32(), said: answer.nullableString() }))
      const said = answer.nullableString()
      const first = wrong[0]
      const errorMessage = first?.said ? `${said ?? 'a record is wrong'}; record ${first.index} of the set: ${first.said}` : said
      found.set(partitionName({ topic, partition }), { errorCode, errorMessage, baseOffset })
    })
  })
  return found
}
