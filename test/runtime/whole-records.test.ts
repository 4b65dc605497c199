import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectRecord, Offsets, RecordBatch, WholeRecords } from '../../core/index.ts'
import { record } from '../../core/index.ts'
import { Gate } from '../../core/runtime/gate.ts'
import { runTask, type TaskParts } from '../../core/runtime/task.ts'

interface Seen {
  readonly put: ConnectRecord[]
  readonly whole: WholeRecords[]
  readonly flushed: Offsets[]
  decoded: number
}

/** Runs three batches of two records, each offered whole, with what `parts` lays over. */
async function run(
  parts: Partial<TaskParts>,
  formats: readonly string[],
  more: (n: number) => Partial<RecordBatch> = () => ({}),
): Promise<Seen> {
  const seen: Seen = { put: [], whole: [], flushed: [], decoded: 0 }
  const stop = new AbortController()
  let n = 0
  const batch = (): RecordBatch => {
    const at = ++n
    return {
      get records() {
        seen.decoded++
        return [record('t', `${at}a`), record('t', `${at}b`)]
      },
      whole: { format: 'log', count: 2, chunks: [{ topic: 't', partition: 0, count: 2, bytes: Buffer.from([at]) }] },
      offsets: { p: at },
      ...more(at),
    }
  }
  await runTask(
    {
      connector: 'c',
      task: 0,
      straight: true,
      source: {
        open: async () => {},
        poll: async () => (n < 3 ? batch() : { records: [], offsets: {}, end: true }),
        [Symbol.asyncDispose]: async () => {},
      },
      chain: (records) => records,
      sink: {
        formats,
        put: async (records) => void seen.put.push(...records),
        forward: async (whole) => void seen.whole.push(whole),
        flush: async (offsets) => void seen.flushed.push(offsets),
        [Symbol.asyncDispose]: async () => {},
      },
      offsets: { load: async () => undefined, save: async () => {}, reset: async () => {} },
      limits: { rows: 1e9, bytes: 1e9, intervalMs: 60_000, aheadBytes: 1e9 },
      observer: { step() {}, batch() {}, flushed() {} },
      gate: new Gate(false),
      ...parts,
    },
    stop.signal,
    new AbortController().signal,
  )
  return seen
}

test('records go to a sink whole, undecoded, where nothing stands between the ends', async () => {
  const seen = await run({}, ['log'])
  assert.equal(seen.decoded, 0)
  assert.deepEqual(
    seen.whole.map(({ chunks }) => chunks[0]!.bytes[0]),
    [1, 2, 3],
  )
  assert.deepEqual(seen.flushed, [{ p: 3, '#flush/0': 1 }])
})

test('a transform, or a sink of another format, gets them decoded', async () => {
  for (const [parts, formats] of [
    [{ straight: false }, ['log']],
    [{}, ['other']],
    [{}, []],
  ] as const) {
    const seen = await run(parts, formats)
    assert.deepEqual(
      seen.put.map(({ value }) => value),
      ['1a', '1b', '2a', '2b', '3a', '3b'],
    )
    assert.deepEqual(seen.whole, [])
  }
})

test('a partition that moved to another task is in no later flush of this one', async () => {
  const seen = await run({}, ['log'], (n) => ({
    ...(n === 1 ? { offsets: { old: 1, p: 1 }, checkpoint: true } : {}),
    ...(n === 2 ? { released: ['old'] } : {}),
  }))
  assert.deepEqual(seen.flushed, [
    { old: 1, p: 1, '#flush/0': 1 },
    { p: 3, '#flush/0': 2 },
  ])
})
