import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { OffsetStore } from '../../core/contract/offsets.ts'
import { idle, record, type ConnectRecord, type Offsets, type RecordBatch } from '../../core/contract/record.ts'
import type { SinkTask } from '../../core/contract/sink.ts'
import type { SourceTask } from '../../core/contract/source.ts'
import { Gate } from '../../core/runtime/gate.ts'
import { runTask } from '../../core/runtime/task.ts'

/** One life of the task: how far it comes before it dies, and how its loop is set. */
interface Life {
  /** It dies at this step of all its calls; where there are fewer, it is stopped gracefully. */
  readonly steps: number
  /** Whether the fatal call still took effect. */
  readonly after: boolean
  readonly batch: number
  readonly flushRows: number
  readonly ahead: boolean
  /** Batches per source transaction. */
  readonly transaction: number
  /** Which of the connector's tasks lives. */
  readonly task: 0 | 1
}

/** Task 0 reads two logs in turn, task 1 one. */
const logsOf = [['a', 'b'], ['c']] as const
const logs = ['a', 'b', 'c'] as const
type Log = (typeof logs)[number]

/** What outlives a crash. */
class World {
  readonly length: number
  readonly sink: 'own offsets' | 'lazy' | 'none'
  /** Each log is forgotten up to here. */
  readonly pruned: Record<Log, number> = { a: 0, b: 0, c: 0 }
  /** One store for all tasks of the connector. */
  stored: Offsets | undefined
  readonly rows: Record<Log, number[]> = { a: [], b: [], c: [] }
  readonly sinkOffsets: (Offsets | undefined)[] = [undefined, undefined]
  constructor(length: number, sink: World['sink']) {
    this.length = length
    this.sink = sink
  }
}

class Crash extends Error {}

/** Counts calls and kills the task in one of them; a dead task has no effect on the world any more. */
class Fate {
  #left: number
  readonly #after: boolean
  dead = false
  constructor({ steps, after }: Life) {
    this.#left = steps
    this.#after = after
  }
  async call(effect: () => void): Promise<void> {
    await Promise.resolve()
    if (this.dead) throw new Crash()
    if (this.#left-- > 0) return effect()
    this.dead = true
    if (this.#after) effect()
    throw new Crash()
  }
}

class Upstream implements SourceTask {
  readonly #world: World
  readonly #fate: Fate
  readonly #life: Life
  readonly #done: () => void
  readonly #at = new Map<Log, number>()
  #batches = 0
  constructor(world: World, fate: Fate, life: Life, done: () => void) {
    this.#world = world
    this.#fate = fate
    this.#life = life
    this.#done = done
  }
  async open(offsets: Offsets | undefined): Promise<void> {
    await this.#fate.call(() => {
      for (const log of logsOf[this.#life.task]) {
        const at = Number(offsets?.[log] ?? 0)
        if (at < this.#world.pruned[log]) throw new Error(`gap: resume ${log} at ${at}, upstream pruned to ${this.#world.pruned[log]}`)
        this.#at.set(log, at)
      }
    })
  }
  async poll(signal: AbortSignal): Promise<RecordBatch> {
    let batch: RecordBatch = idle
    await this.#fate.call(() => {
      const behind = [...this.#at].filter(([, at]) => at < this.#world.length)
      const next = behind[this.#batches % behind.length]
      if (next === undefined) return
      const [log, from] = next
      const to = Math.min(from + this.#life.batch, this.#world.length)
      this.#at.set(log, to)
      const records = Array.from({ length: to - from }, (_, i) => record(log, from + i + 1))
      const open = ++this.#batches % this.#life.transaction !== 0 && (behind.length > 1 || to < this.#world.length)
      // A transaction may span logs: its positions come with its end.
      batch = open ? { records, offsets: {}, open } : { records, offsets: Object.fromEntries(this.#at) }
    })
    if (batch === idle) {
      this.#done()
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    }
    return batch
  }
  commit(offsets: Offsets): Promise<void> {
    return this.#fate.call(() => {
      for (const log of logsOf[this.#life.task]) {
        this.#world.pruned[log] = Math.max(this.#world.pruned[log], Number(offsets[log] ?? 0))
      }
    })
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

class Table implements SinkTask {
  readonly #world: World
  readonly #fate: Fate
  readonly #task: 0 | 1
  #buffer: ConnectRecord[] = []
  readonly committed?: () => Promise<Offsets | undefined>
  constructor(world: World, fate: Fate, task: 0 | 1) {
    this.#world = world
    this.#fate = fate
    this.#task = task
    if (world.sink !== 'none') {
      this.committed = async () => {
        await fate.call(() => {})
        return world.sinkOffsets[task]
      }
    }
  }
  put(records: readonly ConnectRecord[]): Promise<void> {
    return this.#fate.call(() => void this.#buffer.push(...records))
  }
  flush(offsets: Offsets): Promise<void> {
    return this.#fate.call(() => {
      // A lazy sink (a lake) makes no commit where there are no rows: then the store alone knows how far it came.
      if (this.#world.sink !== 'lazy' || this.#buffer.length > 0) this.#world.sinkOffsets[this.#task] = offsets
      for (const { topic, value } of this.#buffer) this.#world.rows[topic as Log].push(value as number)
      this.#buffer = []
    })
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

function storeOf(world: World, fate: Fate): OffsetStore {
  return {
    load: async () => {
      await fate.call(() => {})
      return world.stored
    },
    save: (_, offsets) => fate.call(() => void (world.stored = { ...world.stored, ...offsets })),
    reset: async () => {},
  }
}

/** Whole stretches are filtered away, so that positions move without rows. */
const passes = ({ value }: { readonly value: unknown }) => (value as number) % 20 < 12

async function live(world: World, life: Life, swapped: boolean): Promise<void> {
  const fate = new Fate(life)
  const stop = new AbortController()
  const source = new Upstream(world, fate, life, () => stop.abort())
  const store = storeOf(world, fate)
  const parts = swapped ? swap(source, store) : { source, offsets: store }
  try {
    await runTask(
      {
        ...parts,
        connector: 'c',
        task: life.task,
        chain: (records) => records.filter(passes),
        straight: false,
        sink: new Table(world, fate, life.task),
        limits: { rows: life.flushRows, bytes: 1e9, intervalMs: 60_000, aheadBytes: life.ahead ? 1e9 : -1 },
        observer: { step: () => {}, batch: () => {}, flushed: () => {} },
        gate: new Gate(false),
      },
      stop.signal,
      new AbortController().signal,
    )
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }
  fate.dead = true
}

/** The loop as it would be if it acknowledged before it saved. */
function swap(source: SourceTask, store: OffsetStore): { source: SourceTask; offsets: OffsetStore } {
  let late: (() => Promise<void>) | undefined
  return {
    source: {
      open: (offsets) => source.open(offsets),
      poll: (signal) => source.poll(signal),
      commit: async (offsets) => {
        await source.commit!(offsets)
        await late?.()
      },
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    },
    offsets: {
      ...store,
      save: async (connector, offsets) => {
        late = () => store.save(connector, offsets)
      },
    },
  }
}

const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.nat(40),
  after: fc.boolean(),
  batch: fc.integer({ min: 1, max: 6 }),
  flushRows: fc.integer({ min: 1, max: 12 }),
  ahead: fc.boolean(),
  transaction: fc.integer({ min: 1, max: 3 }),
  task: fc.constantFrom(0, 1),
})
const last: Life = { steps: 100_000, after: false, batch: 4, flushRows: 7, ahead: true, transaction: 1, task: 0 }
const histories = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.array(life, { maxLength: 10 }))

function law(sink: World['sink'], swapped = false) {
  return fc.asyncProperty(histories, async ([length, lives]) => {
    const world = new World(length, sink)
    for (const one of [...lives, last, { ...last, task: 1 as const }]) await live(world, one, swapped)
    const expected = Array.from({ length }, (_, index) => index + 1).filter((value) => passes({ value }))
    for (const log of logs) {
      if (sink === 'none')
        assert.deepEqual(
          [...new Set(world.rows[log])].sort((a, b) => a - b),
          expected,
        )
      else assert.deepEqual(world.rows[log], expected)
      assert.equal(Number(world.stored?.[log] ?? 0), length)
    }
  })
}

const numRuns = Number(process.env['LAW_RUNS'] ?? 2000)

for (const sink of ['own offsets', 'lazy'] as const) {
  test(`whatever crashes when, a sink that keeps its offsets (${sink}) has every record once, in order, and the upstream never forgets too early`, async () => {
    await fc.assert(law(sink), { numRuns })
  })
}

test('whatever crashes when, a sink without offsets of its own misses no record', async () => {
  await fc.assert(law('none'), { numRuns })
})

test('acknowledging before saving would be found out by these laws', async () => {
  const result = await fc.check(law('none', true), { numRuns })
  assert.ok(result.failed)
  assert.match(String(result.errorInstance), /gap: resume \w at/)
})
