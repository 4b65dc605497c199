import {
  parseConfig,
  type ConnectRecord,
  type Logger,
  type Offsets,
  type Progress,
  type SourceTask,
  type TaskContext,
} from '../../../core/index.ts'
import { config as definition } from '../../../connectors/postgres/config.ts'
import { PostgresSourceTask } from '../../../connectors/postgres/source.ts'
import type { PostgresServer } from '../../postgres.ts'

export interface Entry {
  readonly level: string
  readonly message: string
  readonly fields: object
}

/** A log that keeps what is written. */
export function memoryLog(): { readonly log: Logger; readonly entries: Entry[] } {
  const entries: Entry[] = []
  const at = (level: string) => (fields: object, message: string) => {
    entries.push({ level, message, fields })
    if (process.env.SHOW_LOG)
      process.stderr.write(
        `${level} ${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.message : value))}\n`,
      )
  }
  return { log: { trace: () => {}, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, entries }
}

/** Runs a Postgres source as the loop does, and keeps what comes: for tests that look at records and positions. */
export class Tail implements AsyncDisposable {
  readonly task: SourceTask
  readonly records: ConnectRecord[] = []
  readonly rejected: { record: ConnectRecord; error: Error }[] = []
  readonly progress: Progress[] = []
  readonly entries: Entry[]
  /** Merged over all closed batches; what a restart begins with. */
  offsets: Offsets | undefined
  /** Records that belong to closed transactions. */
  closed = 0

  constructor(server: PostgresServer, overrides: Readonly<Record<string, string>> = {}, offsets?: Offsets) {
    const raw = {
      ...server.connectorConfig(),
      'topic.prefix': 'app',
      'status.update.interval.ms': '200',
      'skipped.operations': 'none',
      ...overrides,
    }
    const { config, issues } = parseConfig(definition, raw)
    if (issues.length > 0) throw new Error(issues.map((issue) => issue.message).join('\n'))
    const { log, entries } = memoryLog()
    this.entries = entries
    this.offsets = offsets
    const context: TaskContext = {
      connector: 'tail',
      task: 0,
      generation: 1,
      log,
      converters: undefined as never,
      reject: (record, error) => {
        this.rejected.push({ record, error })
        return Promise.resolve()
      },
      report: (progress) => {
        this.progress.push(progress)
      },
    }
    this.task = new PostgresSourceTask(config, context)
  }

  static async open(server: PostgresServer, overrides?: Readonly<Record<string, string>>, offsets?: Offsets): Promise<Tail> {
    const tail = new Tail(server, overrides, offsets)
    try {
      await tail.task.open(offsets)
    } catch (error) {
      await tail[Symbol.asyncDispose]()
      throw error
    }
    return tail
  }

  /** One poll of at most `ms`. */
  async poll(ms = 500): Promise<readonly ConnectRecord[]> {
    const batch = await this.task.poll(AbortSignal.timeout(ms))
    this.records.push(...batch.records)
    if (!batch.open) {
      this.closed = this.records.length
      this.offsets = { ...this.offsets, ...batch.offsets }
    }
    return batch.records
  }

  /** Polls until `done` holds; throws after `ms`. */
  async until(done: (tail: Tail) => boolean, ms = 10_000): Promise<this> {
    const deadline = Date.now() + ms
    while (!done(this)) {
      if (Date.now() > deadline)
        throw new Error(`It did not come to pass in ${ms} ms; ${this.records.length} records came: ${this.summary().slice(-20).join(' ')}`)
      await this.poll(100)
    }
    return this
  }

  /** Polls until so many records came. */
  count(count: number, ms?: number): Promise<this> {
    return this.until((tail) => tail.records.length >= count, ms)
  }

  /** Tells the source that everything so far is durable and saved. */
  commit(): Promise<void> {
    return this.task.commit!(this.offsets ?? {})
  }

  /** `c 1`: operation and key or first column, for each record; `-` for a tombstone. */
  summary(): string[] {
    return this.records.map((record) => {
      const value = record.value as { op?: string; before: Record<string, unknown> | null; after: Record<string, unknown> | null } | null
      const row = (record.key as Record<string, unknown> | null) ?? value?.after ?? value?.before ?? {}
      return `${value === null ? '-' : (value.op ?? '?')} ${String(Object.values(row ?? {})[0])}`
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.task[Symbol.asyncDispose]())
  }
}

/** Topic, position and content of every record, for comparing two runs. */
export function identities(records: readonly ConnectRecord[]): string[] {
  return records.map(({ topic, origin, key, value }) => {
    const { before, after, op } = (value ?? {}) as Record<string, unknown>
    const json = JSON.stringify({ key, before, after, op }, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item))
    return `${topic} ${origin!.position}/${origin!.seq} ${json}`
  })
}

/** The snapshot is over and the server sends changes. */
export function streaming(tail: Tail): boolean {
  return tail.entries.some((entry) => entry.message === 'Streaming changes')
}
