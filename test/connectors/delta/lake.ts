import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ConnectRecord,
  type Json,
  type Schema,
  type SinkTask,
  type TaskContext,
  optional,
  parseConfig,
  primitive,
  record,
  structOf,
  withExtras,
} from '../../../core/index.ts'
import { type DeltaConfig, deltaConfig } from '../../../connectors/delta/config.ts'
import { DeltaSinkTask } from '../../../connectors/delta/sink.ts'

/** Never aborts. */
export const noKill = new AbortController().signal

/** A folder for one test's lake. */
export async function newLake(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lake-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Records that a task rejected, with why. */
export interface Rejections {
  readonly list: { readonly record: ConnectRecord; readonly error: Error }[]
}

/** A warning tells of work that failed without stopping the task; in these tests nothing may. */
const strict = {
  trace() {},
  debug() {},
  info() {},
  warn(fields: object, message: string) {
    throw new Error(message, { cause: (fields as { readonly error?: unknown }).error ?? fields })
  },
  error() {},
}

/** A task's context; with `rejections` it goes on after a rejected record, without it throws as `errors.tolerance=none` does. */
export function contextOf(options: { generation?: number; rejections?: Rejections; connector?: string } = {}): TaskContext {
  return {
    connector: options.connector ?? 'c1',
    task: 0,
    generation: options.generation ?? 1,
    log: strict,
    converters: undefined as unknown as TaskContext['converters'],
    async reject(one, error) {
      if (!options.rejections) throw error
      options.rejections.list.push({ record: one, error })
    },
    report() {},
  }
}

/** An open sink on the lake. */
export async function openSink(
  path: string,
  settings: Readonly<Record<string, string>> = {},
  context: TaskContext = contextOf(),
): Promise<SinkTask & Required<Pick<SinkTask, 'flush' | 'committed'>>> {
  const { config, issues } = parseConfig(deltaConfig, { path, ...settings })
  if (issues.length > 0) throw new Error(issues.map((issue) => issue.message).join('\n'))
  const sink = new DeltaSinkTask(config as DeltaConfig, context)
  await sink.open()
  return sink
}

/** Puts the records and flushes them with an offset. */
export async function write(
  sink: Awaited<ReturnType<typeof openSink>>,
  records: readonly ConnectRecord[],
  offset: Json = 0,
): Promise<void> {
  await sink.put(records, noKill)
  await sink.flush({ p: offset }, noKill)
}

export type Row = Readonly<Record<string, unknown>>

/** A source table: makes records as the Postgres source would, numbering them as it does. */
export class Source {
  readonly topic: string
  readonly rowSchema: Schema
  readonly keySchema: Schema | null
  readonly envelope: Schema
  readonly #keys: readonly string[]
  /** Position (LSN) of the transaction that is being made, and its last sequence number. */
  position = 100
  seq = 0

  constructor(topic: string, fields: readonly (readonly [string, Schema])[], keys: readonly string[]) {
    this.topic = topic
    this.rowSchema = structOf(fields, { name: `${topic}.Value`, optional: true })
    this.#keys = keys
    const keyFields = fields
      .filter(([name]) => keys.includes(name))
      .map(([name, schema]) => [name, withExtras(schema, { optional: false })] as const)
    this.keySchema = keys.length > 0 ? structOf(keyFields, { name: `${topic}.Key` }) : null
    this.envelope = envelopeOf(topic, this.rowSchema)
  }

  /** The records after it belong to another transaction. */
  commit(position = this.position + 10): this {
    this.position = position
    this.seq = 0
    return this
  }

  create(row: Row): ConnectRecord {
    return this.#record('c', null, row)
  }
  read(row: Row, snapshot = 'true'): ConnectRecord {
    return this.#record('r', null, row, snapshot)
  }
  update(row: Row, before: Row | null = null): ConnectRecord {
    return this.#record('u', before, row)
  }
  delete(before: Row): ConnectRecord {
    return this.#record('d', before, null)
  }
  truncate(): ConnectRecord {
    return this.#record('t', null, null)
  }
  tombstone(key: Row): ConnectRecord {
    return record(this.topic, null, { key, keySchema: this.keySchema, origin: this.#origin() })
  }

  #record(op: string, before: Row | null, after: Row | null, snapshot = 'false'): ConnectRecord {
    const [, schema, table] = this.topic.split('.')
    const source = { ts_ms: 1_700_000_000_000n, snapshot, schema: schema ?? null, table: table ?? this.topic }
    const row = after ?? before
    const key = this.keySchema && row ? Object.fromEntries(this.#keys.map((name) => [name, row[name]])) : null
    return record(
      this.topic,
      { before, after, source, op, ts_ms: 1_700_000_000_001n },
      { key, keySchema: key ? this.keySchema : null, valueSchema: this.envelope, origin: this.#origin() },
    )
  }

  #origin(): ConnectRecord['origin'] {
    return { partition: '{"server":"p"}', position: this.position, seq: ++this.seq }
  }
}

const text = primitive('string')
const optionalLong = optional(primitive('int64'))

function envelopeOf(topic: string, row: Schema): Schema {
  const source = structOf([
    ['ts_ms', primitive('int64')],
    ['snapshot', optional(text)],
    ['schema', optional(text)],
    ['table', text],
  ])
  return structOf(
    [
      ['before', row],
      ['after', row],
      ['source', source],
      ['op', text],
      ['ts_ms', optionalLong],
    ],
    { name: `${topic}.Envelope` },
  )
}
