import { RetriableError } from '../../../core/index.ts'
import { codeName } from '../client/kafka-error.ts'
import type { ProducedSet } from '../client/port.ts'
import { isDoubtful, isMoved, recordRefusal, refusal, verdictOf } from './answers.ts'
import { Alarm } from './alarm.ts'
import { Changes } from './changes.ts'
import { Builders, Lane, type RecordSet } from './lane.ts'
import { patiently } from './patience.ts'
import type { ProducerParts } from './producer-parts.ts'
import type { Serialized } from './serialize.ts'

/** How often those who wait look at the clock; milliseconds. */
const tickMs = 1000

/**
 * Sends sets of records to the leaders of their partitions, in order and without doubling any (KIP-98). What is there goes out at once as
 * long as a broker has fewer than `inFlightMax` requests of ours; what arrives meanwhile is gathered and goes with the next one.
 *
 * A failure that no retry cures stays: everybody who waits or comes later gets it, and nothing more is sent.
 */
export class Producer {
  readonly #parts: ProducerParts
  readonly #lanes = new Map<string, Lane[]>()
  readonly #builders = new Builders()
  /** Lanes that may have something to send. */
  readonly #ready = new Set<Lane>()
  readonly #requests = new Map<number, number>()
  #bytes = 0
  #failure: Error | undefined
  #lastError: Error | undefined
  #flushing = false
  #closed = false
  #entering = false
  readonly #alarm = new Alarm(() => this.send())
  readonly #changes: Changes

  constructor(parts: ProducerParts) {
    this.#parts = parts
    this.#changes = new Changes(parts.alive)
  }

  /** Bytes taken and not yet answered for. */
  get bytes(): number {
    return this.#bytes
  }

  /** Resolves when there is room for more. Rejects with what went wrong, or a RetriableError where brokers do not answer in time. */
  async room(kill: AbortSignal): Promise<void> {
    this.#throwFailure()
    this.#throwOverdue()
    if (this.#bytes < this.#parts.settings.memoryBytes) return
    await this.#until(() => this.#bytes < this.#parts.settings.memoryBytes, kill)
  }

  /** Takes a record for a partition; `send` lets it go. Synchronous, takes all or throws the failure that stays. */
  append(lane: Lane, record: Serialized, size: number, timestamp: number, nowMs: number): void {
    if (lane.openBytes > 0 && lane.openBytes + size > this.#parts.settings.batchBytes) lane.seal(nowMs)
    this.#bytes += lane.append(record, timestamp, nowMs)
    this.#ready.add(lane)
  }

  /** Takes a whole record batch for a partition. */
  appendWhole(lane: Lane, batch: Uint8Array, count: number, nowMs: number): void {
    lane.appendWhole(batch, count, nowMs)
    this.#bytes += batch.length
    this.#ready.add(lane)
  }

  lane(topic: string, partition: number): Lane {
    let lanes = this.#lanes.get(topic)
    if (lanes === undefined) this.#lanes.set(topic, (lanes = []))
    return (lanes[partition] ??= new Lane(topic, partition, this.#parts.settings, this.#builders, this.#parts.identity))
  }

  /** Sends what may go now. */
  send(): void {
    if (this.#failure || this.#closed) return
    const now = performance.now()
    const outsiders: Lane[] = []
    for (;;) {
      const requests = new Map<number, { lanes: Lane[]; sets: RecordSet[]; bytes: number }>()
      for (const lane of this.#ready) {
        if (this.#parts.admission && !this.#parts.admission.has(lane)) {
          if (!outsiders.includes(lane)) outsiders.push(lane)
          continue
        }
        this.#gather(lane, now, requests)
      }
      if (requests.size === 0) break
      for (const [broker, { lanes, sets }] of requests) {
        this.#request(broker, lanes, sets).catch((error: unknown) => this.#fail(error as Error))
      }
    }
    if (outsiders.length > 0) this.#enter(outsiders)
  }

  /** Resolves when the log has all that was taken. Rejects as `room` does; may be asked again. */
  async settled(kill: AbortSignal): Promise<void> {
    this.#throwFailure()
    this.#flushing = true
    try {
      this.send()
      await this.#until(() => this.#bytes === 0, kill)
    } finally {
      this.#flushing = false
    }
  }

  /** Resolves when no request is under way any more, at most after `timeoutMs`. Sends nothing from now on. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    this.#alarm.stop()
    const end = performance.now() + timeoutMs
    while (performance.now() < end && [...this.#requests.values()].some((count) => count > 0)) await this.#changes.next(50)
  }

  #gather(lane: Lane, now: number, requests: Map<number, { lanes: Lane[]; sets: RecordSet[]; bytes: number }>): void {
    const { lingerMs, inFlightMax, requestBytesMax } = this.#parts.settings
    const broker = this.#parts.topics.leader(lane.topic, lane.partition)
    if (broker < 0) {
      this.#ready.delete(lane)
      void this.#parts.topics.refresh(lane.topic).then(() => {
        this.#again(lane)
        this.send()
      })
      return
    }
    if ((this.#requests.get(broker) ?? 0) >= inFlightMax) return
    const ripe = lingerMs === 0 || this.#flushing || now - lane.openedMs >= lingerMs
    const set = lane.next(now, ripe)
    if (set === undefined) {
      // Those that only wait for their time stay; for the others an answer comes.
      if (lane.retryMs > now) this.#alarm.ringAt(lane.retryMs)
      else if (!ripe && lane.openBytes > 0) this.#alarm.ringAt(lane.openedMs + lingerMs)
      else this.#ready.delete(lane)
      return
    }
    let request = requests.get(broker)
    if (request === undefined) requests.set(broker, (request = { lanes: [], sets: [], bytes: 0 }))
    if (request.sets.length > 0 && request.bytes + set.bytes.length > requestBytesMax) return
    request.lanes.push(lane)
    request.sets.push(set)
    request.bytes += set.bytes.length
  }

  async #request(broker: number, lanes: readonly Lane[], sets: readonly RecordSet[]): Promise<void> {
    const { client, settings, transactionalId } = this.#parts
    for (const [n, lane] of lanes.entries()) lane.sent(sets[n]!)
    this.#requests.set(broker, (this.#requests.get(broker) ?? 0) + 1)
    let answers: readonly ProducedSet[] | undefined
    let error: unknown
    try {
      answers = await client.produce(
        sets.map((set, n) => ({ topic: lanes[n]!.topic, partition: lanes[n]!.partition, records: set.bytes })),
        { acks: settings.acks, timeoutMs: settings.requestTimeoutMs, transactionalId },
      )
    } catch (cause) {
      error = cause
    }
    this.#requests.set(broker, this.#requests.get(broker)! - 1)
    const now = performance.now()
    for (const [n, lane] of lanes.entries()) {
      const answer = answers?.[n]
      if (answer) this.#answered(lane, sets[n]!, answer, now)
      else this.#unanswered(lane, sets[n]!, error, now)
    }
    this.#changes.tell()
    this.send()
  }

  #answered(lane: Lane, set: RecordSet, { errorCode, errorMessage }: ProducedSet, now: number): void {
    const verdict = verdictOf(errorCode)
    if (verdict === 'done') {
      lane.acknowledged(set, now)
      this.#bytes -= set.size
      this.#again(lane)
      return
    }
    const { transactionalId, log } = this.#parts
    const error = refusal(errorCode, errorMessage, lane.topic, lane.partition, transactionalId)
    if (isDoubtful(errorCode)) set.doubtful = true
    if (isMoved(errorCode)) void this.#parts.topics.refresh(lane.topic)
    const oldest = lane.failed(set)
    switch (verdict) {
      case 'again':
        return this.#retry(lane, set, error, now)
      case 'behind':
      case 'forgotten':
        // Behind a set that failed, nothing else can come of it: it goes again after that one.
        if (!oldest) {
          set.attempts--
          return this.#again(lane)
        }
        return this.#lost(lane, error)
      case 'divide':
        if (!oldest) return this.#again(lane)
        log.debug({ err: error, records: set.count }, `A set for ${place(lane)} is divided: ${codeName(errorCode)}`)
        void this.#divide(lane, set, recordRefusal(errorCode, errorMessage, lane.topic, set.bytes.length))
        return
      case 'fenced':
        // Without a transaction the identity is nobody else's: the broker has only lost it.
        return transactionalId === null ? this.#lost(lane, error) : this.#fail(error)
      case 'fatal':
        return this.#fail(error)
      default:
        return verdict satisfies never
    }
  }

  /** The request failed as a whole: whether the broker has its sets is unknown. */
  #unanswered(lane: Lane, set: RecordSet, cause: unknown, now: number): void {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    const code = (error as { code?: unknown }).code
    lane.failed(set)
    if (code === 'FENCED' || code === 'CONFIG') return this.#fail(error)
    set.doubtful = true
    void this.#parts.topics.refresh(lane.topic)
    if (code === 'RETRIABLE') return this.#retry(lane, set, error, now)
    this.#fail(error)
  }

  #retry(lane: Lane, set: RecordSet, error: Error, now: number): void {
    const { retries, retryBackoffMs, retryBackoffMaxMs } = this.#parts.settings
    this.#lastError = error
    if (set.attempts > retries) {
      return this.#fail(new Error(`${place(lane)} was not written after ${set.attempts} attempts (retries=${retries})`, { cause: error }))
    }
    lane.failures++
    lane.retryMs = now + Math.min(retryBackoffMs * 2 ** Math.min(lane.failures - 1, 20), retryBackoffMaxMs) * (0.8 + Math.random() * 0.4)
    this.#parts.log.debug({ err: error, attempt: set.attempts }, `A set for ${place(lane)} is sent again`)
    this.#again(lane)
    this.#alarm.ringAt(lane.retryMs)
  }

  /** The broker has lost what it knew of this producer: it begins anew under another identity, where that can double nothing. */
  #lost(lane: Lane, error: Error): void {
    const { client, transactionalId, identity, log } = this.#parts
    if (transactionalId !== null || identity === null || lane.doubtful) {
      this.#fail(refusal(90, `${error.message}`, lane.topic, lane.partition, transactionalId ?? 'this producer'))
      return
    }
    lane.blocked = true
    log.warn({ err: error }, `The broker has forgotten this producer for ${place(lane)}; it goes on under a new identity`)
    const renew = async () => {
      while (lane.underWay > 0) await this.#changes.next(tickMs)
      const ask = () => client.transactions.identify(null, 0)
      lane.reidentify(await patiently(ask, this.#parts.settings.deliveryTimeoutMs, () => this.#closed))
      lane.blocked = false
      this.#again(lane)
      this.send()
    }
    renew().catch((cause: unknown) => this.#fail(cause as Error))
  }

  /** Finds the record that the broker refuses, by halves, and has it settled. */
  async #divide(lane: Lane, set: RecordSet, error: Error): Promise<void> {
    lane.blocked = true
    try {
      while (lane.underWay > 0) await this.#changes.next(tickMs)
      if (set.count > 1) lane.divide(set)
      else {
        await this.#parts.refuse(set, lane, error)
        lane.drop(set)
        this.#bytes -= set.size
      }
      lane.blocked = false
      this.#again(lane)
      this.#changes.tell()
      this.send()
    } catch (cause) {
      this.#fail(cause as Error)
    }
  }

  #enter(lanes: readonly Lane[]): void {
    if (this.#entering) return
    this.#entering = true
    this.#parts
      .admission!.add(lanes)
      .finally(() => (this.#entering = false))
      .then(
        () => this.send(),
        (error: unknown) => this.#fail(error as Error),
      )
  }

  #again(lane: Lane): void {
    if (!lane.empty) this.#ready.add(lane)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#changes.tell()
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure
  }

  #throwOverdue(): void {
    const { deliveryTimeoutMs } = this.#parts.settings
    const limit = performance.now() - deliveryTimeoutMs
    for (const lanes of this.#lanes.values()) {
      for (const lane of lanes) {
        // The list has holes: partitions that nothing was written to.
        if (lane === undefined || lane.sinceMs > limit) continue
        throw new RetriableError(
          `Records for ${place(lane)} have not been written within delivery.timeout.ms=${deliveryTimeoutMs}${this.#lastError ? `: ${this.#lastError.message}` : ''}`,
          this.#lastError ? { cause: this.#lastError } : {},
        )
      }
    }
  }

  async #until(done: () => boolean, kill: AbortSignal): Promise<void> {
    const stop = () => this.#changes.tell()
    kill.addEventListener('abort', stop, { once: true })
    try {
      while (!done()) {
        this.#throwFailure()
        kill.throwIfAborted()
        this.#throwOverdue()
        await this.#changes.next(tickMs)
      }
      this.#throwFailure()
    } finally {
      kill.removeEventListener('abort', stop)
    }
  }
}

function place(lane: Lane): string {
  return `partition ${lane.partition} of topic ${lane.topic}`
}
