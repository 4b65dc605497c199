import { ConfigError, DataError, idle, partitionKey, record, wait } from 'millrace'
import type { ConfigOf, ConnectRecord, Offsets, RecordBatch, SourceTask, TaskContext } from 'millrace'
import { request, type Answer } from './client.ts'
import type { config } from './config.ts'
import { readPosition, start, type Position } from './position.ts'

type Settings = ConfigOf<typeof config>

/** Asks again and again; a position is saved with every batch, so a restart goes on behind the last record that was written. */
export class HttpPollTask implements SourceTask {
  readonly #settings: Settings
  readonly #context: TaskContext
  readonly #partition: string
  #position: Position = start
  /** When the next request is due, on the clock of `performance`. */
  #dueMs = 0

  constructor(settings: Settings, context: TaskContext) {
    this.#settings = settings
    this.#context = context
    this.#partition = partitionKey({ url: settings.url })
  }

  async open(offsets: Offsets | undefined): Promise<void> {
    this.#position = readPosition(offsets?.[this.#partition])
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    if (!(await wait(Math.max(0, this.#dueMs - performance.now()), signal))) return idle
    const answer = await this.#ask(signal)
    if (answer === undefined) return idle // Told to return: nothing was taken, so the next poll asks again.
    const before = this.#position
    const records = answer === null ? [] : await this.#take(answer)
    if (records.length === 0) this.#dueMs = performance.now() + this.#settings['poll.interval.ms']
    this.#context.report({ phase: records.length === 0 ? 'waiting' : 'reading' })
    return this.#position === before ? idle : { records, offsets: { [this.#partition]: { ...this.#position } } }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #ask(signal: AbortSignal): Promise<Answer | null | undefined> {
    try {
      return await request(this.#settings, this.#position, signal)
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }

  /** The records of an answer; moves the position behind them. */
  async #take({ body, etag, modified }: Answer): Promise<readonly ConnectRecord[]> {
    const { topic, 'cursor.kind': kind } = this.#settings
    const { cursor, count } = this.#position
    const seen = new Set(this.#position.seen)
    const items = this.#items(body).map((item) => ({ item, id: this.#idOf(item) ?? JSON.stringify(item, exact) }))
    const records: ConnectRecord[] = []
    for (const { item, id } of items) {
      if (seen.has(id)) continue
      const origin = { partition: this.#partition, position: count + records.length + 1, seq: 0 }
      if (this.#idOf(item) === undefined) await this.#reject(item)
      else records.push(record(topic, item, { key: id, origin }))
    }
    const next = (kind === 'item' ? this.#cursorOf(items.at(-1)?.item) : textOf(at(body, this.#settings['cursor.path']))) ?? cursor
    const moved = next !== cursor
    const again = items.filter(({ item }) => (kind === 'item' ? this.#cursorOf(item) === next : !moved)).map(({ id }) => id)
    // What marks an answer counts for the same request only: another cursor is another request.
    const marks = moved ? { etag: null, modified: null } : { etag, modified }
    const position = { cursor: next, count: count + records.length, seen: again, ...marks }
    if (JSON.stringify(position) !== JSON.stringify(this.#position)) this.#position = position
    return records
  }

  #items(body: unknown): readonly unknown[] {
    const items = at(body, this.#settings['items.path'])
    if (Array.isArray(items)) return items
    const message = `The answer has no list at "${this.#settings['items.path']}"`
    throw new ConfigError([{ key: 'items.path', value: this.#settings['items.path'], message }])
  }

  /** Undefined: nothing names it. */
  #idOf(item: unknown): string | undefined {
    return textOf(at(item, this.#settings['id.field']))
  }

  async #reject(item: unknown): Promise<void> {
    const fault = new DataError(
      `An item has no "${this.#settings['id.field']}" (id.field) that is a text or a number: ${JSON.stringify(item, exact)}`,
    )
    await this.#context.reject(record(this.#settings.topic, item), fault)
  }

  #cursorOf(item: unknown): string | undefined {
    return textOf(at(item, this.#settings['cursor.path']))
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined
}

/** 64-bit integers come as bigint, which JSON.stringify does not know. */
function exact(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function at(value: unknown, path: string): unknown {
  if (path === '') return value
  return path.split('.').reduce<unknown>((inner, step) => {
    return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step) ? (inner as Record<string, unknown>)[step] : undefined
  }, value)
}
