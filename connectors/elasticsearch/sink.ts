import { DataError, type ConnectRecord, type Offsets, type Schema, type SinkTask, type TaskContext } from '../../core/index.ts'
import { Batch } from './batch.ts'
import { Bulk } from './bulk.ts'
import { ElasticsearchClient } from './client.ts'
import type { ElasticsearchConfig } from './config.ts'
import { Indices } from './indices.ts'
import { Outdated } from './outdated.ts'
import { planner, type Operation, type Planner } from './operation.ts'

/** Room that is made for a put before it is known to be needed. Bytes. */
const expectedMax = 8 * 1024 * 1024

/**
 * Writes records as documents. At least once, and harmless when repeated: ids come from records, and versions keep a replay from undoing what
 * came later. `put` sends what is full; `flush` waits until the server has everything.
 */
export class ElasticsearchSinkTask implements SinkTask {
  readonly #config: ElasticsearchConfig
  readonly #context: TaskContext
  readonly #client: ElasticsearchClient
  readonly #indices: Indices
  readonly #bulk: Bulk
  readonly #plan: Planner
  readonly #schemaless: ReadonlySet<string>
  readonly #outdated: Outdated
  #ignored = false
  /** About the bytes of a put. */
  #expected = 16 * 1024

  constructor(config: ElasticsearchConfig, context: TaskContext) {
    this.#config = config
    this.#context = context
    this.#client = new ElasticsearchClient(config)
    this.#indices = new Indices(this.#client, config, context.log)
    this.#plan = planner(config)
    this.#outdated = new Outdated(context.log)
    this.#schemaless = new Set(config['topic.schema.ignore'])
    this.#bulk = new Bulk({
      client: this.#client,
      config,
      log: context.log,
      streams: () => this.#indices.streamsByTemplate,
      restore: (operations) => this.#restore(operations),
      refuse: (record, reason) => this.#refuse(record, reason),
      outdated: (operation, reason) => {
        // Versions from a header are the user's: older ones are meant to do nothing.
        if (!config['external.version.header']) this.#outdated.add(operation, reason)
      },
      alive: () => context.report({}),
    })
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    await this.#bulk.room(kill)
    // Written at once, so that neither values nor texts are kept while indices are asked for; the lanes then copy bytes.
    const batch = new Batch(this.#expected)
    const refused: (readonly [ConnectRecord, DataError])[] = []
    this.#outdated.read(records)
    for (const record of records) {
      try {
        const one = this.#plan(record)
        if (one !== null) batch.add(one)
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        refused.push([record, error])
      }
    }
    for (const [index, schemas] of this.#unknown(batch.operations)) {
      for (const schema of schemas) await this.#indices.need(index, schema)
    }
    for (const [record, error] of refused) {
      if (!this.#config['drop.invalid.message']) await this.#context.reject(record, error)
      else if (!(await this.#lettered(record, error)))
        this.#context.log.warn({ topic: record.topic, place: record.origin?.position }, `Left out a record: ${error.message}`)
    }
    this.#bulk.add(batch)
    this.#expected = Math.ceil(Math.min(batch.bytes, expectedMax) * 1.1) + 1024
  }

  async flush(_: Offsets, kill: AbortSignal): Promise<void> {
    await this.#bulk.settled(kill)
    this.#outdated.tell()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#outdated.tell(true)
    this.#bulk[Symbol.dispose]()
    this.#client[Symbol.dispose]()
  }

  /** Indices, and schemas of them, that were not seen before. */
  #unknown(operations: readonly Operation[]): ReadonlyMap<string, ReadonlySet<Schema | null>> {
    const unknown = new Map<string, Set<Schema | null>>()
    let lastIndex: string | undefined
    let lastSchema: Schema | null | undefined
    for (const one of operations) {
      const schema = this.#schemaOf(one)
      if (one.index === lastIndex && schema === lastSchema) continue
      lastIndex = one.index
      lastSchema = schema
      if (this.#indices.has(one.index, schema)) continue
      const schemas = unknown.get(one.index)
      if (schemas) schemas.add(schema)
      else unknown.set(one.index, new Set([schema]))
    }
    return unknown
  }

  #schemaOf({ record, kind }: Operation): Schema | null {
    if (this.#config['schema.ignore'] || kind === 'delete' || this.#schemaless.has(record.topic)) return null
    return record.valueSchema?.type === 'struct' ? record.valueSchema : null
  }

  async #restore(operations: readonly Operation[]): Promise<void> {
    for (const { index } of operations) this.#indices.forget(index)
    for (const [index, schemas] of this.#unknown(operations)) {
      for (const schema of schemas) await this.#indices.need(index, schema)
    }
  }

  async #refuse(record: ConnectRecord, reason: string): Promise<void> {
    const error = new DataError(`Elasticsearch refused the document of a record of topic ${record.topic}: ${reason}`)
    const behavior = this.#config['behavior.on.malformed.documents'].toUpperCase()
    if (behavior === 'FAIL') return this.#context.reject(record, error)
    if (await this.#lettered(record, error)) return
    const place = { topic: record.topic, place: record.origin?.position }
    if (behavior === 'WARN') this.#context.log.warn(place, `Left out: ${error.message}`)
    else if (!this.#ignored) this.#context.log.warn(place, `Left out, as all that follow and are not logged: ${error.message}`)
    this.#ignored = true
  }

  /** True: the record is a dead letter now. False: nothing is tolerated, so it is left out or not, as a key of ours says. */
  async #lettered(record: ConnectRecord, error: DataError): Promise<boolean> {
    try {
      await this.#context.reject(record, error)
      return true
    } catch (thrown) {
      if (thrown !== error) throw thrown
      return false
    }
  }
}
