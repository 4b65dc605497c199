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
}

/** What outlives a crash. */
class World {
  readonly length: number
  readonly sinkKeepsOffsets: boolean
  /** The upstream has forgotten everything up to here. */
  pruned = 0
  stored: Offsets | undefined
  readonly rows: number[] = []
  sinkOffsets: Offsets | undefined
  constructor(length: number, sinkKeepsOffsets: boolean) {
    this.length = length
    this.sinkKeepsOffsets = sinkKeepsOffsets
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
  #at = 0
  #batches = 0
  constructor(world: World, fate: Fate, life: Life, done: () => void) {
    this.#world = world
    this.#fate = fate
    this.#life = life
    this.#done = done
  }
  async open(offsets: Offsets | undefined): Promise<void> {
    await this.#fate.call(() => {
      this.#at = Number(offsets?.['log'] ?? 0)
      if (this.#at < this.#world.pruned) throw new Error(`gap: resume at ${this.#at}, upstream pruned to ${this.#world.pruned}`)
    })
  }
  async poll(signal: AbortSignal): Promise<RecordBatch> {
    let batch: RecordBatch = idle
    await this.#fate.call(() => {
      const from = this.#at
      this.#at = Math.min(this.#at + this.#life.batch, this.#world.length)
      if (from === this.#at) return
      const records = Array.from({ length: this.#at - from }, (_, i) => record('log', from + i + 1))
      const open = ++this.#batches % this.#life.transaction !== 0 && this.#at < this.#world.length
      batch = open ? { records, offsets: {}, open } : { records, offsets: { log: this.#at } }
    })
    if (batch === idle) {
      this.#done()
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    }
    return batch
  }
  commit(offsets: Offsets): Promise<void> {
    return this.#fate.call(() => {
      this.#world.pruned = Math.max(this.#world.pruned, Number(offsets['log'] ?? 0))
    })
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

class Table implements SinkTask {
  readonly #world: World
  readonly #fate: Fate
  #buffer: number[] = []
  readonly committed?: () => Promise<Offsets | undefined>
  constructor(world: World, fate: Fate) {
    this.#world = world
    this.#fate = fate
    if (world.sinkKeepsOffsets) {
      this.committed = async () => {
        await fate.call(() => {})
        return world.sinkOffsets
      }
    }
  }
  put(records: readonly ConnectRecord[]): Promise<void> {
    return this.#fate.call(() => void this.#buffer.push(...records.map((one) => one.value as number)))
  }
  flush(offsets: Offsets): Promise<void> {
    return this.#fate.call(() => {
      this.#world.rows.push(...this.#buffer)
      this.#buffer = []
      if (this.#world.sinkKeepsOffsets) this.#world.sinkOffsets = offsets
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
        task: 0,
        chain: (records) => records.filter((one) => (one.value as number) % 5 !== 0),
        sink: new Table(world, fate),
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
})
const last: Life = { steps: 100_000, after: false, batch: 4, flushRows: 7, ahead: true, transaction: 1 }
const histories = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.array(life, { maxLength: 8 }))

function law(sinkKeepsOffsets: boolean, swapped = false) {
  return fc.asyncProperty(histories, async ([length, lives]) => {
    const world = new World(length, sinkKeepsOffsets)
    for (const one of [...lives, last]) await live(world, one, swapped)
    const expected = Array.from({ length }, (_, index) => index + 1).filter((n) => n % 5 !== 0)
    if (sinkKeepsOffsets) assert.deepEqual(world.rows, expected)
    else
      assert.deepEqual(
        [...new Set(world.rows)].sort((a, b) => a - b),
        expected,
      )
    assert.equal(Number(world.stored?.['log'] ?? 0), length)
  })
}

const numRuns = Number(process.env['LAW_RUNS'] ?? 5000)

test('whatever crashes when, a sink that keeps its offsets has every record once, in order, and the upstream never forgets too early', async () => {
  await fc.assert(law(true), { numRuns })
})

test('whatever crashes when, a sink without offsets of its own misses no record', async () => {
  await fc.assert(law(false), { numRuns })
})

test('acknowledging before saving would be found out by these laws', async () => {
  const result = await fc.check(law(false, true), { numRuns })
  assert.ok(result.failed)
  assert.match(String(result.errorInstance), /gap: resume at/)
})
