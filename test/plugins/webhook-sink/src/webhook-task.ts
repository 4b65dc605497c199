import { createHash } from 'node:crypto'
import { answerError, batches, DataError, requestError } from 'millrace'
import type { ConfigOf, ConnectRecord, SinkTask, TaskContext } from 'millrace'
import type { config } from './config.ts'
import { eventOf, type Event } from './event.ts'

type Settings = ConfigOf<typeof config>

/**
 * Sends what it gets before `put` resolves, so it needs no `flush`. At least once: a request whose answer was lost is sent again, with the same
 * ids; the receiver tells repeats by them.
 */
export class WebhookTask implements SinkTask {
  readonly #settings: Settings
  readonly #context: TaskContext
  readonly #headers: Readonly<Record<string, string>>
  /** Records of a `put` that failed which were taken or rejected before: the same `put` comes again, and leaves them out. */
  #settled = new Set<ConnectRecord>()

  constructor(settings: Settings, context: TaskContext) {
    this.#settings = settings
    this.#context = context
    const json = { 'content-type': 'application/json' }
    this.#headers = settings.token === undefined ? json : { ...json, authorization: `Bearer ${settings.token}` }
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    const events: Event[] = []
    for (const record of records) {
      if (this.#settled.has(record)) continue
      try {
        events.push(eventOf(record))
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        await this.#reject(record, error)
      }
    }
    const bounds = { items: this.#settings['batch.events'], bytes: this.#settings['batch.bytes'], bytesOf: (event: Event) => event.bytes }
    for (const batch of batches(events, bounds)) await this.#deliver(batch, kill)
    this.#settled = new Set()
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Where the receiver blames the batch, halves of it are sent, so that only the wrong events are rejected. */
  async #deliver(batch: readonly Event[], kill: AbortSignal): Promise<void> {
    this.#context.report({ phase: `sending ${batch.length} events` })
    const fault = await this.#post(batch, kill)
    if (fault === undefined) {
      for (const { record } of batch) this.#settled.add(record)
    } else if (batch.length === 1) {
      await this.#reject(batch[0]!.record, fault)
    } else {
      const middle = batch.length >> 1
      await this.#deliver(batch.slice(0, middle), kill)
      await this.#deliver(batch.slice(middle), kill)
    }
  }

  /**
   * A DataError where the events are to blame. Throws a RetriableError where the same request may pass later (the runtime has the same `put` come
   * again, after the wait that the receiver asks for), and any other Error where settings or receiver are to blame.
   */
  async #post(batch: readonly Event[], kill: AbortSignal): Promise<DataError | undefined> {
    const { url, 'request.timeout.ms': timeoutMs } = this.#settings
    const signal = AbortSignal.any([kill, AbortSignal.timeout(timeoutMs)])
    const headers = { ...this.#headers, 'idempotency-key': keyOf(batch) }
    let answer: Response
    let text: string
    try {
      answer = await fetch(url, {
        method: 'POST',
        headers,
        body: `[${batch.map(({ json }) => json).join(',')}]`,
        signal,
        redirect: 'manual',
      })
      text = (await answer.text()).slice(0, 500)
    } catch (error) {
      throw requestError(error, `POST ${new URL(url).origin}`, kill)
    }
    if (answer.ok) return undefined
    const error = answerError(answer, text)
    if (error instanceof DataError) return error
    throw error
  }

  /** With errors.tolerance=all the record is a dead letter and work goes on; else this throws, and stops the task. */
  async #reject(record: ConnectRecord, error: DataError): Promise<void> {
    await this.#context.reject(record, error)
    this.#settled.add(record)
  }
}

/** The same for the same events: a receiver that knows the header answers a repeated request without doing it again. */
function keyOf(batch: readonly Event[]): string {
  const hash = createHash('sha256')
  for (const { id, json } of batch) hash.update(id ?? json).update('\n')
  return hash.digest('hex')
}
