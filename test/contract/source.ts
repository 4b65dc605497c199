import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectRecord, Offsets, RecordBatch, SourceTask } from '../../core/index.ts'

/** A source over an upstream that holds exactly `records` records, whichever task reads it. */
export interface SourceUnderTest extends AsyncDisposable {
  readonly records: number
  task(): Promise<SourceTask>
}

/** How long a poll may take to return once it was told to, in milliseconds. */
const returnMs = 1_000
/** How long reading everything may take, in milliseconds. */
const readMs = 20_000

/** What every source must do. `open` makes a fresh upstream for each law. */
export function sourceLaws(name: string, open: () => Promise<SourceUnderTest>): void {
  test(`${name}: a poll returns what it has when it is told to, and is no error`, async () => {
    await using upstream = await open()
    await using task = await upstream.task()
    await task.open(undefined)
    await readAll(task, upstream.records)
    const signal = new AbortController()
    const began = performance.now()
    const poll = task.poll(signal.signal)
    await sleep(50)
    signal.abort()
    const batch = await poll
    assert.ok(performance.now() - began < returnMs + 50)
    assert.equal(batch.records.length, 0)
    assert.equal((await task.poll(signal.signal)).records.length, 0, 'a poll with an aborted signal returns, too')
  })

  test(`${name}: origins rise within their partition, and positions survive JSON`, async () => {
    await using upstream = await open()
    await using task = await upstream.task()
    await task.open(undefined)
    const last = new Map<string, { position: number; seq: number }>()
    for (const batch of await readAll(task, upstream.records)) {
      assert.deepEqual(JSON.parse(JSON.stringify(batch.offsets)), batch.offsets)
      for (const { origin } of batch.records) {
        if (!origin) continue
        assert.ok(Number.isSafeInteger(origin.position) && origin.position >= 0 && Number.isSafeInteger(origin.seq))
        const before = last.get(origin.partition)
        if (before) assert.ok(origin.position > before.position || (origin.position === before.position && origin.seq > before.seq))
        last.set(origin.partition, origin)
      }
    }
  })

  test(`${name}: read again from the start, it says the same`, async () => {
    await using upstream = await open()
    const [first, second] = [await readFrom(upstream, undefined), await readFrom(upstream, undefined)]
    assert.deepEqual(second, first)
    assert.equal(first.length, upstream.records)
  })

  test(`${name}: resumed at any position that it gave, it gives exactly the rest`, async () => {
    await using upstream = await open()
    const whole = await readFrom(upstream, undefined)
    await using task = await upstream.task()
    await task.open(undefined)
    let position: Offsets = {}
    let seen = 0
    const cuts: { readonly position: Offsets; readonly seen: number }[] = []
    for (const batch of await readAll(task, upstream.records)) {
      position = { ...position, ...batch.offsets }
      seen += batch.records.length
      if (!batch.open && Object.keys(position).length > 0) cuts.push({ position, seen })
    }
    assert.ok(cuts.length > 0)
    for (const cut of [cuts[0]!, cuts[Math.floor(cuts.length / 2)]!, cuts.at(-1)!]) {
      assert.deepEqual(await readFrom(upstream, cut.position, upstream.records - cut.seen), whole.slice(cut.seen))
    }
  })

  test(`${name}: a commit of what was given is taken, and a disposed task leaves nothing running`, async () => {
    await using upstream = await open()
    const before = process.getActiveResourcesInfo().length
    {
      await using task = await upstream.task()
      await task.open(undefined)
      const batches = await readAll(task, upstream.records)
      await task.commit?.(Object.assign({}, ...batches.map(({ offsets }) => offsets)) as Offsets)
    }
    for (let i = 0; i < 50 && process.getActiveResourcesInfo().length > before; i++) await sleep(20)
    assert.ok(process.getActiveResourcesInfo().length <= before, `still running: ${process.getActiveResourcesInfo().join(', ')}`)
  })
}

async function readAll(task: SourceTask, records: number): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = []
  const signal = AbortSignal.timeout(readMs)
  for (let seen = 0; seen < records;) {
    const batch = await task.poll(signal)
    assert.ok(!signal.aborted, `only ${seen} of ${records} records came`)
    if (batch.records.length > 0 || Object.keys(batch.offsets).length > 0) batches.push(batch)
    seen += batch.records.length
  }
  return batches
}

async function readFrom(upstream: SourceUnderTest, offsets: Offsets | undefined, records = upstream.records): Promise<unknown[]> {
  await using task = await upstream.task()
  await task.open(offsets)
  const batches = await readAll(task, records)
  return batches.flatMap((batch) => batch.records).map(comparable)
}

// Without the timestamp: some sources give the time of reading.
function comparable({ topic, key, value, origin }: ConnectRecord): unknown {
  return { topic, key, value, origin }
}
