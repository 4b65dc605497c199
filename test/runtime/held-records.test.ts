import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConnectRecord, type Offsets, type RecordBatch, record } from '../../core/index.ts'
import { Gate } from '../../core/runtime/gate.ts'
import { runTask } from '../../core/runtime/task.ts'

interface Seen {
  readonly saved: Offsets[]
  readonly committed: Offsets[]
  /** Offsets that a flush was asked for, and whether all had to be durable. */
  readonly flushed: (readonly [Offsets, boolean])[]
  readonly forgotten: (readonly string[])[]
}

/** A sink that makes whole pairs of records durable and holds the rest, by partition `a` and `b`; batches come as given, then nothing for `idleMs`, then the end. */
async function run(batches: readonly RecordBatch[], idleMs = 0): Promise<Seen> {
  const seen: Seen = { saved: [], committed: [], flushed: [], forgotten: [] }
  let held: ConnectRecord[] = []
  const left = [...batches]
  let over: number | undefined
  await runTask(
    {
      connector: 'c',
      task: 0,
      straight: true,
      source: {
        open: async () => {},
        async poll(signal) {
          const next = left.shift()
          if (next) return next
          over ??= performance.now() + idleMs
          if (performance.now() >= over) return { records: [], offsets: {}, end: true }
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, idleMs)
            signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
          })
          return { records: [], offsets: {} }
        },
        commit: async (offsets) => void seen.committed.push(offsets),
        [Symbol.asyncDispose]: async () => {},
      },
      chain: (records) => records,
      sink: {
        put: async (records) => void held.push(...records),
        async flush(offsets, _kill, all = false) {
          seen.flushed.push([offsets, all])
          const durable: Record<string, Offsets[string]> = { ...offsets }
          held = ['a', 'b'].flatMap((topic) => {
            const own = held.filter((one) => one.topic === topic)
            const rest = all ? [] : own.slice(own.length - (own.length % 2))
            if (rest.length > 0) durable[topic] = { n: rest[0]!.value as number }
            return rest
          })
          return durable
        },
        async forget(partitions) {
          seen.forgotten.push(partitions)
          held = held.filter(({ topic }) => !partitions.includes(topic))
        },
        [Symbol.asyncDispose]: async () => {},
      },
      offsets: { load: async () => undefined, save: async (_connector, offsets) => void seen.saved.push(offsets), reset: async () => {} },
      limits: { rows: 1e9, bytes: 1e9, intervalMs: 30, aheadBytes: 1e9 },
      observer: { step() {}, batch() {}, flushed() {} },
      gate: new Gate(false),
    },
    new AbortController().signal,
    new AbortController().signal,
  )
  return seen
}

const batch = (topic: string, from: number, to: number, more: Partial<RecordBatch> = {}): RecordBatch => ({
  records: Array.from({ length: to - from + 1 }, (_, index) => record(topic, from + index)),
  offsets: { [topic]: { n: to + 1 } },
  checkpoint: true,
  ...more,
})

test('what a sink holds is not saved until it is durable, and all of it is when the source ends', async () => {
  const { saved, committed, flushed } = await run([batch('a', 0, 2), batch('b', 0, 1), batch('a', 3, 5)])
  assert.deepEqual(saved, [
    { a: { n: 2 }, '#flush/0': 1 },
    { a: { n: 2 }, b: { n: 2 }, '#flush/0': 2 },
    { a: { n: 6 }, '#flush/0': 3 },
  ])
  assert.deepEqual(committed, [{ a: { n: 2 } }, { a: { n: 2 }, b: { n: 2 } }, { a: { n: 6 } }])
  assert.deepEqual(flushed.at(-1), [{ a: { n: 6 }, b: { n: 2 }, '#flush/0': 3 }, false])
  const ended = await run([batch('a', 0, 2)])
  assert.deepEqual(ended.flushed.at(-1), [{ a: { n: 3 }, '#flush/0': 2 }, true])
  assert.deepEqual(ended.saved.at(-1), { a: { n: 3 }, '#flush/0': 2 })
})

test('a sink that holds something is asked again though nothing comes', async () => {
  const { flushed } = await run([batch('a', 0, 2)], 200)
  assert.ok(flushed.length >= 3, `it was asked ${flushed.length} times: with the records, while nothing came, at the end`)
  const idle = await run([batch('a', 0, 1)], 200)
  assert.equal(idle.flushed.length, 1)
})

test('what is held of a partition that is read again, or that another task reads now, is forgotten and not saved', async () => {
  const { saved, forgotten, flushed } = await run([
    batch('a', 0, 2),
    batch('b', 0, 0),
    { records: [], offsets: { a: { n: 2 } }, rewound: ['a'], released: ['b'], checkpoint: true },
    batch('a', 2, 3),
  ])
  assert.deepEqual(forgotten, [['b', 'a']])
  assert.deepEqual(saved.at(-1), { a: { n: 4 }, '#flush/0': 4 })
  assert.deepEqual(flushed.at(-1), [{ a: { n: 4 }, '#flush/0': 4 }, false])
})
