import {
  definePlugin,
  idle,
  partitionKey,
  sink,
  source,
  wait,
  type ConnectRecord,
  type Offsets,
  type Plugin,
  type RecordBatch,
  type SinkTask,
  type SourceTask,
} from '../core/index.ts'

/** Names under which a config reaches the ends in memory. */
export const memoryClasses = { source: 'millrace.testing.GivenRecords', sink: 'millrace.testing.KeptRecords' } as const

const partition = partitionKey({ memory: 'records' })
/** Records of a batch: few, so that a test sees more than one. */
const batchRows = 10
const idleMs = 60_000

/** What outlives the tasks of a run in memory, as a database does. */
export interface MemoryPlace {
  /** What the source hands out. */
  readonly given: readonly ConnectRecord[]
  /** What was flushed into the sink, in order. */
  kept: readonly ConnectRecord[]
  committed: Offsets | undefined
}

/** A source of given records and a sink that keeps records, exactly once: it commits its offsets with them. */
export function memoryPlugin(place: MemoryPlace): Plugin {
  return definePlugin({
    name: 'millrace-testing',
    version: '1.0.0',
    api: 1,
    sources: [
      source({ class: memoryClasses.source, doc: 'Given records, then the end.', config: {}, create: () => new GivenRecords(place) }),
    ],
    sinks: [sink({ class: memoryClasses.sink, doc: 'Keeps records.', config: {}, create: () => new KeptRecords(place) })],
  })
}

class GivenRecords implements SourceTask {
  readonly #place: MemoryPlace
  #next = 0
  constructor(place: MemoryPlace) {
    this.#place = place
  }
  async open(offsets: Offsets | undefined): Promise<void> {
    this.#next = Number(offsets?.[partition] ?? 0)
  }
  async poll(signal: AbortSignal): Promise<RecordBatch> {
    const { given } = this.#place
    if (this.#next >= given.length && given.length > 0) {
      await wait(idleMs, signal)
      return idle
    }
    const records = given.slice(this.#next, this.#next + batchRows)
    this.#next += records.length
    return { records, offsets: { [partition]: this.#next }, end: this.#next >= given.length }
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

class KeptRecords implements SinkTask {
  readonly #place: MemoryPlace
  readonly #pending: ConnectRecord[] = []
  constructor(place: MemoryPlace) {
    this.#place = place
  }
  async put(records: readonly ConnectRecord[]): Promise<void> {
    this.#pending.push(...records)
  }
  async flush(offsets: Offsets): Promise<void> {
    const place = this.#place
    place.kept = [...place.kept, ...this.#pending.splice(0)]
    place.committed = offsets
  }
  async committed(): Promise<Offsets | undefined> {
    return this.#place.committed
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}
