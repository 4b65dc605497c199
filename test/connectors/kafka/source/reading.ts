import { setTimeout as sleep } from 'node:timers/promises'
import { kafkaSourceConfig } from '../../../../connectors/kafka/source/config.ts'
import { openSource } from '../../../../connectors/kafka/source/open-source.ts'
import {
  parseConfig,
  type ConnectRecord,
  type Converter,
  type Json,
  type Logger,
  type Offsets,
  type Progress,
  type SinkTask,
  type SourceTask,
  type TaskContext,
  type WholeRecords,
} from '../../../../core/index.ts'
import { converterOf } from '../../../core/converter/convert.ts'
import { Retry, RetryingSource } from '../../../../core/runtime/retry.ts'
import { runTask } from '../../../../core/runtime/task.ts'
import { MemoryStore } from '../../../../core/store/memory.ts'
import type { TestKafka } from '../../../kafka.ts'

export interface ReadingOptions {
  readonly config: Readonly<Record<string, string>>
  /** Name of the connector: its group is `connect-<name>`. */
  readonly name: string
  readonly task?: number
  readonly store?: MemoryStore
  readonly converters?: { readonly key?: Converter; readonly value?: Converter; readonly header?: Converter }
  readonly tolerant?: boolean
  /** Takes record batches undecoded. */
  readonly whole?: boolean
  /** How long each write takes, in milliseconds. */
  readonly putMs?: number
  /** Tries again what is retriable, as the runtime does. */
  readonly retry?: boolean
  /** Time between flushes. */
  readonly flushMs?: number
}

/** A task of the Kafka source in the runtime's own loop, with a sink in memory whose records count when they are flushed. */
export class Reading implements AsyncDisposable {
  readonly durable: ConnectRecord[] = []
  readonly forwarded: WholeRecords[] = []
  readonly rejected: { readonly record: ConnectRecord; readonly error: Error; readonly stage: string | undefined }[] = []
  readonly messages: string[] = []
  readonly store: MemoryStore
  readonly name: string
  progress: Progress = {}
  /** Resolves when the task ends by itself or fails. */
  readonly ended: Promise<'complete' | 'stopped'>
  #error: unknown
  readonly #stop = new AbortController()
  #pending: ConnectRecord[] = []
  readonly #options: ReadingOptions

  constructor(kafka: TestKafka, options: ReadingOptions) {
    this.#options = options
    this.name = options.name
    this.store = options.store ?? new MemoryStore()
    this.ended = this.#run(kafka)
    this.ended.catch((error: unknown) => (this.#error = error))
  }

  get values(): readonly unknown[] {
    return this.durable.map(({ value }) => value)
  }

  /** Waits until that many records are durable; throws what the task failed with. */
  async count(records: number, withinMs = 20_000): Promise<void> {
    await this.until(
      () => this.durable.length >= records,
      withinMs,
      () => `${this.durable.length} of ${records} records came`,
    )
  }

  async until(met: () => boolean, withinMs = 20_000, what: () => string = () => 'it did not happen'): Promise<void> {
    const late = performance.now() + withinMs
    while (!met()) {
      if (this.#error) throw this.#error
      if (performance.now() > late) throw new Error(`${what()} within ${withinMs} ms; the log says: ${this.messages.slice(-20).join('\n')}`)
      await sleep(5)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.ended.catch(() => {}) // What it failed with is the test's to look at.
  }

  async #run(kafka: TestKafka): Promise<'complete' | 'stopped'> {
    const { whole, flushMs = 20 } = this.#options
    const bare = await openTask(kafka, this.#options, this)
    const policy = { timeoutMs: 60_000, delayMaxMs: 1_000 }
    const source = this.#options.retry
      ? new RetryingSource(bare, new Retry(policy, loggerOf(this.messages), this.#stop.signal, () => {}))
      : bare
    const sink: SinkTask = {
      put: async (records) => {
        if (this.#options.putMs) await sleep(this.#options.putMs)
        this.#pending.push(...records)
      },
      ...(whole ? { formats: ['kafka-v2'], forward: async (records: WholeRecords) => void this.forwarded.push(records) } : {}),
      flush: async () => {
        this.durable.push(...this.#pending)
        this.#pending = []
      },
      [Symbol.asyncDispose]: async () => {},
    }
    const parts = {
      connector: this.name,
      task: this.#options.task ?? 0,
      source,
      chain: (records: readonly ConnectRecord[]) => records,
      straight: true,
      sink,
      offsets: this.store.offsets,
      limits: { rows: 10_000, bytes: 64 << 20, intervalMs: flushMs, aheadBytes: 16 << 20 },
      observer: { step() {}, batch() {}, flushed() {} },
      gate: { closed: false, onClose: () => ({ [Symbol.dispose]() {} }), wait: async () => {} },
    }
    return runTask(parts, this.#stop.signal, new AbortController().signal)
  }
}

/** A task with settings that make tests quick: short heartbeats, frequent looks for topics. */
export async function openTask(kafka: TestKafka, options: ReadingOptions, told?: Reading): Promise<SourceTask> {
  const quick = { 'heartbeat.interval.ms': '100', 'session.timeout.ms': '10000', 'metadata.max.age.ms': '500', 'fetch.max.wait.ms': '100' }
  const raw = { 'bootstrap.servers': kafka.bootstrap, ...quick, ...options.config }
  return openSource(configOf(raw), contextOf(options, told))
}

export function configOf(raw: Readonly<Record<string, string>>) {
  const { config, issues } = parseConfig(kafkaSourceConfig, raw)
  if (issues.length > 0) throw new Error(issues.map(({ message }) => message).join('\n'))
  return config
}

function contextOf({ name, task, converters, tolerant }: ReadingOptions, told?: Reading): TaskContext {
  return {
    connector: name,
    task: task ?? 0,
    generation: 0,
    log: loggerOf(told?.messages ?? []),
    converters: {
      key: converters?.key ?? converterOf('string'),
      value: converters?.value ?? converterOf('string'),
      header: converters?.header ?? converterOf('simple'),
    },
    reject: async (record, error, stage) => {
      if (!tolerant) throw error
      told?.rejected.push({ record, error, stage })
    },
    report: (progress) => {
      if (told) told.progress = { ...told.progress, ...progress }
    },
  }
}

export function loggerOf(messages: string[]): Logger {
  const note = (level: string) => (fields: object, message: string) => void messages.push(`${level} ${message} ${detail(fields)}`)
  return { trace: note('trace'), debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
}

function detail(fields: object): string {
  const { err } = fields as { readonly err?: unknown }
  return err instanceof Error ? err.message : ''
}

/** What is saved, for tests of restarts. */
export async function savedOf(store: MemoryStore, name: string): Promise<Offsets | undefined> {
  const offsets = await store.offsets.load(name)
  return offsets && Object.fromEntries(Object.entries(offsets).flatMap(([key, at]) => (key.startsWith('#') ? [] : [[key, shown(at)]])))
}

/** Without what the source keeps for itself. */
function shown(position: Json): Json {
  if (typeof position !== 'object' || position === null || Array.isArray(position)) return position
  return Object.fromEntries(Object.entries(position).filter(([member]) => !member.startsWith('#')))
}
