import { apis } from './apis.ts'
import { byTopic } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import type { Coordination } from './coordination.ts'
import { refusal } from './kafka-error.ts'
import type { ProducerIdentity, TopicPartition, TransactionRequests } from './port.ts'
import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** Requests of idempotent and transactional producers (KIP-98). */
export class Transactions implements TransactionRequests {
  readonly #cluster: Cluster
  readonly #coordination: Coordination

  constructor(cluster: Cluster, coordination: Coordination) {
    this.#cluster = cluster
    this.#coordination = coordination
  }

  async identify(transactionalId: string | null, timeoutMs: number): Promise<ProducerIdentity> {
    const body = () => new WireWriter().string(transactionalId).int32(timeoutMs)
    const read = (answer: WireReader): ProducerIdentity => {
      answer.int32()
      const errorCode = answer.int16()
      if (errorCode !== 0)
        throw refusal(errorCode, `a producer id${transactionalId === null ? '' : ` to transactional id "${transactionalId}"`}`)
      return { producerId: answer.bigint(), epoch: answer.int16() }
    }
    if (transactionalId === null) return read(await this.#cluster.callAny(apis.InitProducerId, body))
    return this.#coordination.call({ key: transactionalId, kind: 1, api: apis.InitProducerId, body, read })
  }

  addPartitions(transactionalId: string, identity: ProducerIdentity, partitions: readonly TopicPartition[]): Promise<void> {
    return this.#coordination.call({
      key: transactionalId,
      kind: 1,
      api: apis.AddPartitionsToTxn,
      body: () => {
        const body = new WireWriter().string(transactionalId).int64(identity.producerId).int16(identity.epoch)
        return body.array(byTopic(partitions), ({ topic, items }) =>
          body.string(topic).array(items, ({ partition }) => body.int32(partition)),
        )
      },
      read: (answer) => {
        answer.int32()
        const refused: { readonly place: string; readonly errorCode: number }[] = []
        answer.array(() => {
          const topic = answer.string()
          answer.array(() => {
            const place = `${topic}-${answer.int32()}`
            const errorCode = answer.int16()
            if (errorCode !== 0) refused.push({ place, errorCode })
          })
        })
        // 55: only because of another partition's fault.
        const first = refused.find(({ errorCode }) => errorCode !== 55) ?? refused[0]
        if (first) throw refusal(first.errorCode, `to take ${first.place} into the transaction of "${transactionalId}"`)
      },
    })
  }

  end(transactionalId: string, identity: ProducerIdentity, commit: boolean): Promise<void> {
    return this.#coordination.call({
      key: transactionalId,
      kind: 1,
      api: apis.EndTxn,
      body: () => new WireWriter().string(transactionalId).int64(identity.producerId).int16(identity.epoch).boolean(commit),
      read: (answer) => {
        answer.int32()
        const errorCode = answer.int16()
        if (errorCode !== 0) throw refusal(errorCode, `to ${commit ? 'commit' : 'abort'} the transaction of "${transactionalId}"`)
      },
    })
  }
}
