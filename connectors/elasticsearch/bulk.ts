import { setTimeout as sleep } from 'node:timers/promises'
import { RetriableError, type ConnectRecord, type Logger } from '../../core/index.ts'
import { bulkOutcomes, reasonOf, requestFault, type Outcome } from './answers.ts'
import { Batch } from './batch.ts'
import type { ElasticsearchClient } from './client.ts'
import type { ElasticsearchConfig } from './config.ts'
import { Lane } from './lane.ts'
import type { Operation } from './operation.ts'

/** The longest wait between two attempts. Milliseconds. */
const backoffMsMax = 10_000
/** The request without what nobody reads of its answer. */
const path = '/_bulk?filter_path=errors,items.*.status,items.*.error'

export interface BulkParts {
  readonly client: Pick<ElasticsearchClient, 'request'>
  readonly config: ElasticsearchConfig
  readonly log: Logger
  /** Asked for data streams that only exist by a template: then a plain index must not come to be. */
  readonly streams: () => boolean
  /** The index of these operations has gone: makes it again. */
  restore(operations: readonly Operation[]): Promise<void>
  /** A document that can never pass. */
  refuse(record: ConnectRecord, reason: string): Promise<void>
  /** An operation changed nothing, as its document has a newer version. */
  outdated(operation: Operation, reason: string): void
  /** Tells the watchdog that work goes on. */
  alive(): void
}

/** What must be sent again, in order, and why. */
interface PutOff {
  readonly again: Batch
  readonly reason: string
}

/**
 * Writes operations by bulk requests, several at a time, those for one document in order: each document has its lane, which sends one request
 * at a time, except where versions decide anyway. What the server puts off is sent again alone, with all later operations for the same
 * document, so that the last one stays the last.
 */
export class Bulk implements Disposable {
  readonly #parts: BulkParts
  /** The first is for what needs no order. */
  readonly #lanes: readonly Lane[]
  readonly #stop = new AbortController()
  #buffered = 0
  #bytes = 0
  #flying = 0
  #failure: Error | undefined
  #lingering: NodeJS.Timeout | undefined
  #flushing = false
  #changed = Promise.withResolvers<void>()

  constructor(parts: BulkParts) {
    this.#parts = parts
    const { config } = parts
    const inFlight = config['max.in.flight.requests']
    const limits = { records: config['batch.size'], bytes: bulkBytes(config), inFlight: 1 }
    this.#lanes = [new Lane({ ...limits, inFlight }), ...Array.from({ length: inFlight }, () => new Lane(limits))]
  }

  /** Takes them all; they are sent when a batch is full, has waited long enough, or at a flush. */
  add(batch: Batch): void {
    const others = this.#lanes.length - 1
    for (const [place, { ordered, id }] of batch.operations.entries()) this.#lanes[ordered ? 1 + (hash(id) % others) : 0]!.add(batch, place)
    this.#buffered += batch.count
    this.#bytes += batch.bytes
    const linger = this.#parts.config['linger.ms']
    if (linger === 0) this.#seal()
    else if (this.#lingering === undefined && this.#lanes.some((lane) => lane.gathering)) {
      this.#lingering = setTimeout(() => {
        this.#seal()
        this.#send()
      }, linger)
    }
    this.#send()
  }

  /**
   * Resolves when there is room for more. Rejects with what failed since the last call; after a RetriableError the work goes on. Of a document
   * that was refused and is not tolerated `settled` tells, and this only when there is no room, as an error of another class: a DataError of
   * a put would be about that put's records.
   */
  async room(kill: AbortSignal): Promise<void> {
    const records = this.#parts.config['max.buffered.records']
    const bytes = bulkBytes(this.#parts.config) * (this.#parts.config['max.in.flight.requests'] + 1)
    const reached = () => this.#buffered < records && this.#bytes < bytes
    if (isDataError(this.#failure) && reached()) return
    try {
      await this.#until(reached, kill)
    } catch (error) {
      throw isDataError(error) ? new Error(error.message, { cause: error }) : error
    }
  }

  /** Resolves when the server has everything. Rejects as `room` does. */
  async settled(kill: AbortSignal): Promise<void> {
    this.#flushing = true
    try {
      this.#seal()
      this.#send()
      await this.#until(() => this.#buffered === 0, kill)
    } finally {
      this.#flushing = false
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#lingering)
    this.#stop.abort(new Error('The Elasticsearch sink was closed'))
  }

  async #until(reached: () => boolean, kill: AbortSignal): Promise<void> {
    const limitMs = this.#parts.config['flush.timeout.ms']
    const deadline = performance.now() + limitMs
    let late: NodeJS.Timeout | undefined
    const wake = () => this.#wake()
    kill.addEventListener('abort', wake)
    try {
      for (;;) {
        this.#raise()
        if (reached()) return
        kill.throwIfAborted()
        if (performance.now() >= deadline)
          throw new RetriableError(
            `Elasticsearch did not take everything within ${limitMs} ms (flush.timeout.ms); ${this.#buffered} records wait`,
          )
        late ??= setTimeout(wake, limitMs + 1)
        await this.#changed.promise
      }
    } finally {
      clearTimeout(late)
      kill.removeEventListener('abort', wake)
    }
  }

  #raise(): void {
    const failure = this.#failure
    if (failure === undefined) return
    if (failure instanceof RetriableError) {
      this.#failure = undefined
      this.#send()
    }
    throw failure
  }

  #seal(): void {
    clearTimeout(this.#lingering)
    this.#lingering = undefined
    for (const lane of this.#lanes) lane.seal()
  }

  #send(): void {
    if (this.#stop.signal.aborted) return
    const most = this.#parts.config['max.in.flight.requests']
    for (const lane of this.#lanes) {
      // After a failure nothing starts until somebody has heard of it.
      for (let batch; this.#failure === undefined && this.#flying < most && (batch = lane.next()) !== undefined;)
        void this.#fly(lane, batch)
    }
  }

  /** Never rejects: what fails is kept for the next caller. */
  async #fly(lane: Lane, batch: Batch): Promise<void> {
    this.#flying++
    let left = batch
    try {
      const retries = this.#parts.config['max.retries']
      for (let attempt = 0; ; attempt++) {
        const { again, reason } = await this.#attempt(left)
        this.#buffered -= left.count - again.count
        this.#bytes -= left.bytes - again.bytes
        this.#wake()
        left = again
        this.#parts.alive()
        if (left.count === 0) break
        if (attempt >= retries) throw new RetriableError(`Elasticsearch put off ${left.count} records ${attempt + 1} times: ${reason}`)
        await sleep(this.#backoffMs(attempt), undefined, { signal: this.#stop.signal })
      }
      lane.landed()
    } catch (error) {
      lane.giveBack(left)
      if (!this.#stop.signal.aborted) this.#failure ??= error as Error
    } finally {
      this.#flying--
      if (this.#flushing) this.#seal()
      this.#send()
      this.#wake()
    }
  }

  /** Sends them once. What must be sent again comes back, in order. */
  async #attempt(batch: Batch): Promise<PutOff> {
    const { client, config, log } = this.#parts
    const whole = config['log.sensitive.data']
    let answer
    try {
      answer = await client.request('POST', this.#parts.streams() ? `${path}&require_data_stream=true` : path, {
        type: 'application/x-ndjson',
        bytes: batch.body,
      })
    } catch (error) {
      if (!(error instanceof RetriableError)) throw error
      log.debug({ records: batch.count }, error.message)
      return { again: batch, reason: error.message }
    }
    if (answer.status >= 200 && answer.status < 300) return this.#sort(batch, bulkOutcomes(answer, batch.operations, whole))
    const reason = reasonOf(answer, whole)
    switch (requestFault(answer)) {
      case 'again':
        log.debug({ records: batch.count, status: answer.status }, 'Elasticsearch put a bulk request off')
        return { again: batch, reason }
      case 'fatal':
        throw new Error(`Elasticsearch refused a bulk request with status ${answer.status}: ${reason}`)
      case 'smaller':
        return this.#halves(batch, reason)
    }
  }

  /** A request that is refused as a whole for one of its parts, or for its size: halves, down to the one at fault. */
  async #halves(batch: Batch, reason: string): Promise<PutOff> {
    if (batch.count === 1) {
      await this.#parts.refuse(batch.operations[0]!.record, reason)
      return { again: new Batch(0), reason }
    }
    const middle = batch.count >> 1
    const first = await this.#attempt(batch.pick(places(0, middle)))
    if (first.again.count === 0) return this.#attempt(batch.pick(places(middle, batch.count)))
    // For their order the second half waits until the first is through.
    const left = new Set(first.again.operations)
    return { again: batch.pick(places(0, batch.count).filter((n) => n >= middle || left.has(batch.operations[n]!))), reason: first.reason }
  }

  async #sort(batch: Batch, outcomes: readonly Outcome[] | undefined): Promise<PutOff> {
    if (outcomes === undefined) return { again: new Batch(0), reason: '' }
    const again: number[] = []
    const waiting = new Set<string>()
    const missing: Operation[] = []
    let reason = ''
    for (const [n, outcome] of outcomes.entries()) {
      const one = batch.operations[n]!
      const document = `${one.index}/${one.id}`
      if (outcome.kind === 'again') {
        again.push(n)
        waiting.add(document)
        if (outcome.missing) missing.push(one)
        reason = outcome.reason
      } else if (outcome.kind === 'fatal') {
        throw new Error(`Elasticsearch refused to write to index "${one.index}": ${outcome.reason}`)
      } else if (outcome.kind === 'refused') await this.#parts.refuse(one.record, outcome.reason)
      else if (waiting.has(document) && one.ordered) again.push(n)
      else if (outcome.newer !== undefined) this.#parts.outdated(one, outcome.newer)
    }
    if (missing.length > 0) await this.#parts.restore(missing)
    return { again: batch.pick(again), reason }
  }

  #backoffMs(attempt: number): number {
    const most = Math.min(this.#parts.config['retry.backoff.ms'] * 2 ** Math.min(attempt, 20), backoffMsMax)
    return most * (0.5 + Math.random() / 2)
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

function isDataError(error: unknown): error is Error {
  return (error as { readonly code?: unknown } | undefined)?.code === 'DATA'
}

function bulkBytes(config: ElasticsearchConfig): number {
  return config['bulk.size.bytes'] < 0 ? Infinity : config['bulk.size.bytes']
}

function places(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n)
}

/** FNV-1a: spreads ids over lanes. */
function hash(id: string): number {
  let sum = 0x811c9dc5
  for (let n = 0; n < id.length; n++) sum = Math.imul(sum ^ id.charCodeAt(n), 0x01000193)
  return sum >>> 0
}
