import { type ConnectRecord, DataError, type SinkTask, type TaskContext } from '../../core/index.ts'
import { errorOf } from './answers.ts'
import { HttpClient } from './client.ts'
import type { HttpConfig } from './config.ts'
import { type Rendered, type Rendering, rendering } from './rendering.ts'

const beatMs = 2_000

/**
 * Sends records by HTTP, one or several a request. Without a `flush`: what `put` resolved for was accepted by the server. At least once: a request
 * whose answer is lost is sent again.
 */
export class HttpSinkTask implements SinkTask {
  readonly #config: HttpConfig
  readonly #context: TaskContext
  readonly #client: HttpClient
  readonly #render: Rendering
  readonly #addressVaries: boolean
  readonly #frame: { readonly prefix: Buffer; readonly separator: Buffer; readonly suffix: Buffer }
  /** Records of a `put` that failed which were accepted or rejected before: the next attempt leaves them out. */
  #settled = new Set<ConnectRecord>()

  constructor(config: HttpConfig, context: TaskContext) {
    this.#config = config
    this.#context = context
    this.#client = new HttpClient(config)
    this.#render = rendering(config, context.converters)
    this.#addressVaries = config['http.api.url'].includes('${')
    const [prefix, separator, suffix] = config['batch.json.as.array']
      ? ['[', ',', ']']
      : [config['batch.prefix'], config['batch.separator'].replaceAll('\\n', '\n'), config['batch.suffix']]
    this.#frame = { prefix: Buffer.from(prefix), separator: Buffer.from(separator), suffix: Buffer.from(suffix) }
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    const left = this.#settled.size === 0 ? records : records.filter((record) => !this.#settled.has(record))
    await this.#prepare(left)
    const rendered: Rendered[] = []
    const refused: [ConnectRecord, Error][] = []
    for (const record of left) {
      try {
        const one = this.#render(record)
        if (one) rendered.push(one)
      } catch (error) {
        refused.push([record, error as Error])
      }
    }
    for (const [record, error] of refused) await this.#reject(record, error)
    await this.#sendAll(rendered, kill)
    this.#settled = new Set()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]()
  }

  async #prepare(records: readonly ConnectRecord[]): Promise<void> {
    const { value } = this.#context.converters
    if (!value.prepare || this.#config['request.body'] !== '') return
    for (const [topic, group] of Map.groupBy(records, (record) => record.topic)) {
      await value.prepare(
        topic,
        group.map((record) => ({ schema: record.valueSchema, value: record.value })),
      )
    }
  }

  /** Records of one key go through one lane, in their order. After a failure no lane begins another request, and all are waited for. */
  async #sendAll(rendered: readonly Rendered[], kill: AbortSignal): Promise<void> {
    const lanes = this.#lanes(rendered)
    let failure: { readonly error: unknown } | undefined
    const work = async (lane: readonly Rendered[]): Promise<void> => {
      for (const batch of this.#batches(lane)) {
        if (failure) return
        try {
          await this.#deliver(batch, kill)
        } catch (error) {
          failure ??= { error }
        }
      }
    }
    // A server that takes its time is no task that hangs: http.request.timeout.ms ends each request.
    const beat = setInterval(() => this.#context.report({}), beatMs)
    try {
      await Promise.all(lanes.map(work))
    } finally {
      clearInterval(beat)
    }
    if (failure) throw failure.error
  }

  #lanes(rendered: readonly Rendered[]): readonly (readonly Rendered[])[] {
    const count = this.#config['requests.in.flight']
    if (count === 1) return [rendered]
    const lanes: Rendered[][] = Array.from({ length: count }, () => [])
    let next = 0
    for (const one of rendered) {
      const { key } = one.record
      lanes[key === null ? next++ % count : hash(keyText(key)) % count]!.push(one)
    }
    return lanes
  }

  /** Neighbours of the same address share a request, up to its bounds. */
  #batches(lane: readonly Rendered[]): readonly (readonly Rendered[])[] {
    const batches: Rendered[][] = []
    let bytes = 0
    for (const one of lane) {
      const last = batches.at(-1)
      const size = one.body?.length ?? 0
      const fits = last && last.length < this.#config['batch.max.size'] && bytes + size <= this.#config['batch.max.bytes']
      if (fits && isSameAddress(last[0]!, one)) {
        last.push(one)
        bytes += size
      } else {
        batches.push([one])
        bytes = size
      }
    }
    return batches
  }

  /** Sends a batch; where its records are blamed, sends halves of it, so that only the wrong ones are rejected. */
  async #deliver(batch: readonly Rendered[], kill: AbortSignal): Promise<void> {
    kill.throwIfAborted()
    const [{ method, url, headers }] = batch as readonly [Rendered]
    const request = { method, url, headers, body: this.#bodyOf(batch) }
    const error = errorOf(request, await this.#client.send(request, kill), this.#addressVaries)
    if (error === undefined) {
      for (const { record } of batch) this.#settled.add(record)
    } else if (!(error instanceof DataError)) {
      throw error
    } else if (batch.length === 1) {
      await this.#reject(batch[0]!.record, error)
    } else {
      const middle = batch.length >> 1
      await this.#deliver(batch.slice(0, middle), kill)
      await this.#deliver(batch.slice(middle), kill)
    }
  }

  async #reject(record: ConnectRecord, error: Error): Promise<void> {
    await this.#context.reject(record, error)
    this.#settled.add(record)
  }

  #bodyOf(batch: readonly Rendered[]): Buffer | undefined {
    if (batch[0]!.body === undefined) return undefined
    const { prefix, separator, suffix } = this.#frame
    const parts = batch.flatMap(({ body }, index) => (index === 0 ? [body!] : [separator, body!]))
    return Buffer.concat([prefix, ...parts, suffix])
  }
}

function isSameAddress(a: Rendered, b: Rendered): boolean {
  if (a.body === undefined || b.body === undefined || a.method !== b.method || a.url !== b.url) return false
  return Object.entries(a.headers).every(([name, text]) => b.headers[name] === text)
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key
  return JSON.stringify(key, (_name, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? ''
}

/** FNV-1a: spreads keys over lanes. */
function hash(text: string): number {
  let sum = 0x811c9dc5
  for (let index = 0; index < text.length; index++) sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193)
  return sum >>> 0
}
