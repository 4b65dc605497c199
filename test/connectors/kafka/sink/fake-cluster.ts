import { RetriableError, FencedError } from '../../../../core/index.ts'
import type { KafkaClient, NewTopic, ProducedSet, ProduceSet, TopicMetadata } from '../../../../connectors/kafka/client/port.ts'
import { layout } from '../../../../connectors/kafka/records/batch-layout.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import type { DecodedBatch } from '../../../../connectors/kafka/records/record-set.ts'

export interface Fault {
  /** `before`: not written, no answer; `after`: written, no answer; a number: this error code, not written. */
  readonly kind: 'before' | 'after' | number
}

interface ProducerState {
  epoch: number
  next: number
  /** The last five batches, as a broker keeps them. */
  recent: { readonly first: number; readonly offset: number }[]
}

/**
 * A cluster in memory that takes record sets as a broker does: sequence numbers checked per producer and partition, duplicates of the last
 * five batches known, requests of one client in order. Faults are chosen by the test.
 */
export class FakeCluster {
  readonly logs = new Map<string, DecodedBatch[]>()
  readonly topics = new Map<string, number>()
  readonly created: NewTopic[] = []
  /** Ids of producers by transactional id. */
  readonly epochs = new Map<string, number>()
  readonly ends: { readonly id: string; readonly commit: boolean }[] = []
  readonly #states = new Map<string, ProducerState>()
  #nextId = 1000n
  #tail: Promise<void> = Promise.resolve()
  batchBytesMax = 1 << 20
  delayMs = 0
  underWay = 0
  underWayMost = 0
  requests = 0
  /** Decides the fate of one set; undefined: it is written. */
  fault: (set: ProduceSet) => Fault['kind'] | undefined = () => undefined

  client(): KafkaClient {
    const unused = () => Promise.reject(new Error('not in the fake'))
    return {
      clusterId: () => Promise.resolve('fake'),
      topics: async (names) => {
        const found = [...this.topics].filter(([name]) => names === null || names.includes(name))
        return new Map(
          found.map(([name, count]): [string, TopicMetadata] => [name, { name, internal: false, partitions: partitionsOf(count) }]),
        )
      },
      topicIds: async () => new Map(),
      fetch: unused,
      produce: (sets, options) => this.#produce(sets, options.transactionalId),
      offsetsAt: unused,
      groups: { join: unused, sync: unused, heartbeat: unused, leave: unused, commit: unused, committed: unused, forget: unused },
      transactions: {
        identify: async (id) => {
          if (id === null) return { producerId: this.#nextId++, epoch: 0 }
          const epoch = (this.epochs.get(id) ?? -1) + 1
          this.epochs.set(id, epoch)
          return { producerId: 1n, epoch }
        },
        addPartitions: async (id, { epoch }) => {
          if (this.epochs.get(id) !== epoch) throw new FencedError('fenced')
        },
        end: async (id, { epoch }, commit) => {
          if (this.epochs.get(id) !== epoch) throw new FencedError('fenced')
          this.ends.push({ id, commit })
        },
      },
      admin: {
        create: async (topics) => {
          for (const topic of topics) {
            this.created.push(topic)
            this.topics.set(topic.name, topic.partitions > 0 ? topic.partitions : 3)
          }
          return { created: topics.map(({ name }) => name) }
        },
        config: unused,
        deleteBefore: unused,
        grow: unused,
      },
      [Symbol.asyncDispose]: async () => {},
    }
  }

  /** Values of a partition in the log's order. */
  values(topic: string, partition: number): string[] {
    return (this.logs.get(`${topic}-${partition}`) ?? []).flatMap((batch) => {
      const columns = batch.records()
      return Array.from({ length: columns.count }, (_, n) => String(columns.value(n)))
    })
  }

  /** Forgets what brokers know of producers. */
  forgetProducers(): void {
    this.#states.clear()
  }

  #produce(sets: readonly ProduceSet[], transactionalId: string | null): Promise<readonly ProducedSet[]> {
    this.requests++
    this.underWayMost = Math.max(this.underWayMost, ++this.underWay)
    const copies = sets.map((set) => ({ ...set, records: Buffer.from(set.records) }))
    const answer = this.#tail.then(async () => {
      await new Promise((done) => (this.delayMs > 0 ? setTimeout(done, this.delayMs) : setImmediate(done)))
      this.underWay--
      let lost = false
      const answers = copies.map((set): ProducedSet => {
        const fate = this.fault(set)
        if (fate === 'before' || fate === 'after') lost = true
        const errorCode = typeof fate === 'number' ? fate : fate === 'before' ? 7 : this.#append(set, transactionalId)
        return { topic: set.topic, partition: set.partition, errorCode, errorMessage: null, baseOffset: 0 }
      })
      if (lost) throw new RetriableError('The connection was lost')
      return answers
    })
    this.#tail = answer.then(
      () => undefined,
      () => undefined,
    )
    return answer
  }

  #append(set: ProduceSet, transactionalId: string | null): number {
    const count = this.topics.get(set.topic)
    if (count === undefined || set.partition >= count) return 3
    if (set.records.length > this.batchBytesMax) return 10
    const [batch, more] = decodeBatches(set.records, { checkCrc: true, limits: { batchMaxBytes: 1 << 30, ratioMax: 1e9 } })
    if (batch === undefined || more !== undefined || batch.count !== batch.lastOffset - batch.baseOffset + 1) return 87
    if (transactionalId !== null && this.epochs.get(transactionalId) !== batch.producerEpoch) return 47
    const place = `${set.topic}-${set.partition}`
    if (batch.producerId >= 0n) {
      const first = batch.bytes.readInt32BE(layout.baseSequence)
      const known = this.#states.get(`${place} ${batch.producerId}`)
      if (known?.epoch === batch.producerEpoch) {
        if (known.recent.some((one) => one.first === first)) return 46
        if (first !== known.next) return 45
      }
      const recent = [...(known?.recent ?? []), { first, offset: 0 }].slice(-5)
      this.#states.set(`${place} ${batch.producerId}`, { epoch: batch.producerEpoch, next: first + batch.count, recent })
    }
    const log = this.logs.get(place) ?? []
    log.push(batch)
    this.logs.set(place, log)
    return 0
  }
}

function partitionsOf(count: number): TopicMetadata['partitions'] {
  return Array.from({ length: count }, (_, partition) => ({ partition, leader: 1 }))
}
