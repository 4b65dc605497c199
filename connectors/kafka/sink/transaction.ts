import { FencedError } from '../../../core/index.ts'
import type { ProducerIdentity, TransactionRequests } from '../client/port.ts'
import type { Lane } from './lane.ts'
import { patiently } from './patience.ts'
import type { Admission } from './producer-parts.ts'

export interface TransactionSettings {
  readonly id: string
  /** How long a request is tried again; milliseconds. */
  readonly patienceMs: number
}

/** The transactions of one transactional id, one after the other: each begins with the first partition that enters it. */
export class Transaction implements Admission {
  readonly #requests: TransactionRequests
  readonly #settings: TransactionSettings
  readonly #identity: ProducerIdentity
  readonly #lanes = new Set<Lane>()
  readonly #closing: () => boolean

  /** `closing`: nobody waits for an answer any more. */
  constructor(requests: TransactionRequests, settings: TransactionSettings, identity: ProducerIdentity, closing: () => boolean) {
    this.#requests = requests
    this.#settings = settings
    this.#identity = identity
    this.#closing = closing
  }

  has(lane: Lane): boolean {
    return this.#lanes.has(lane)
  }

  get open(): boolean {
    return this.#lanes.size > 0
  }

  /** Rejects with a FencedError where a newer producer has the id. */
  async add(lanes: readonly Lane[]): Promise<void> {
    const partitions = lanes.map(({ topic, partition }) => ({ topic, partition }))
    const { id, patienceMs } = this.#settings
    try {
      await patiently(() => this.#requests.addPartitions(id, this.#identity, partitions), patienceMs, this.#closing)
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== 'RETRIABLE') throw cause
      // The producer keeps this failure, so trying again here would be in vain.
      throw new FencedError(`No coordinator takes the transaction of ${id}; the task starts again`, { cause })
    }
    for (const lane of lanes) this.#lanes.add(lane)
  }

  /**
   * Makes what was written visible, all of it or nothing. A request whose answer got lost is repeated: brokers take it once. Rejects with a
   * FencedError where it stays unknown whether the transaction was committed, so that the task starts again from what is.
   */
  async commit(): Promise<void> {
    if (!this.open) return
    const { id, patienceMs } = this.#settings
    try {
      await patiently(() => this.#requests.end(id, this.#identity, true), patienceMs, this.#closing)
    } catch (cause) {
      if ((cause as { code?: unknown }).code === 'FENCED') throw cause
      throw new FencedError(`Whether the transaction of ${id} was committed is not known; the task starts again from what the topic has`, {
        cause,
      })
    }
    this.#lanes.clear()
  }

  /** Gives up what was written since the last commit. */
  async abort(): Promise<void> {
    if (!this.open) return
    this.#lanes.clear()
    await this.#requests.end(this.#settings.id, this.#identity, false)
  }
}
