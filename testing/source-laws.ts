import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { sameSchema, type ConnectRecord, type Offsets, type RecordBatch, type Schema, type SourceTask } from '../core/index.ts'
import { ensure, testLaws, type Law } from './law.ts'
import { ensureGone, heapBytes, openResources } from './leaks.ts'
import { recordFault, show } from './value-fault.ts'

/** A source over an upstream that holds exactly `records` records, whichever task reads it. Disposed after each law. */
export interface SourceUnderTest extends AsyncDisposable {
  readonly records: number
  /** A new task, not yet opened. */
  task(): Promise<SourceTask>
}

/** How long a poll may take to return once it was told to, in milliseconds. */
const returnMs = 2_000
/** How long reading everything may take, in milliseconds. */
const readMs = 20_000
/** Reading the rest is waited for ten times as long as reading it all took, and at least so long, in milliseconds. */
const restMsMin = 2_000
/** Most positions that reading is resumed at. */
const cutsMax = 8
/** Polls that must not make the heap grow, and the longest time they may take in all, in milliseconds. */
const pollsMax = 2_000
const pollsMs = 1_000
/** Heap that may be kept for each such poll on average, in bytes, beside what may grow once. */
const keptBytes = 512
const grownOnceBytes = 2 * 1024 * 1024

/** What every source must do, as tests of `node:test`. `open` makes a fresh upstream for each law. */
export function sourceLaws(name: string, open: () => Promise<SourceUnderTest>): void {
  testLaws(name, sourceLawsOf(open))
}

/** The laws of `sourceLaws` as a list. */
export function sourceLawsOf(open: () => Promise<SourceUnderTest>): readonly Law[] {
  return [
    {
      name: 'a poll returns what it has when it is told to, and is no error',
      mend: 'Wait for data with `await wait(ms, signal)`, which ends with the signal, give the signal to every request, and return `idle` when it aborts.',
      check: () => pollObeys(open),
    },
    {
      name: 'origins rise within their partition, and positions survive JSON',
      mend: '`origin` counts (position, seq) upwards within a partition, the same for a record however often it is read; `offsets` holds plain JSON: no bigint, Date, undefined or NaN.',
      check: () => originsRise(open),
    },
    {
      name: 'every record is what its schemas say',
      mend: 'The table in the documentation of `Schema` says what a value of each type is in memory: int64 is bigint, a struct has all its fields in order, a missing value is null.',
      check: () => recordsFit(open),
    },
    {
      name: 'read again from the start, it says the same',
      mend: 'Open without offsets begins at the beginning; neither the time nor what another task read may change what is given.',
      check: () => readsAlike(open),
    },
    {
      name: 'resumed at any position that it gave, it gives exactly the rest',
      mend: "A batch's `offsets` is the position after its last record: `open(offsets)` goes on with the record that follows it. Do not move it when reading ahead.",
      check: () => resumes(open),
    },
    {
      name: 'a commit of what was given is taken, and a disposed task leaves nothing running',
      mend: 'Close in `[Symbol.asyncDispose]` all that was opened: timers, sockets, servers, watchers.',
      check: () => leavesNothing(open),
    },
    {
      name: 'polls leave no listener and no memory behind',
      mend: 'Remove what a poll adds to its signal (`wait` does, `{ once: true }` alone does not), and let no list grow with every poll.',
      check: () => pollsKeepNothing(open),
    },
  ]
}

async function pollObeys(open: () => Promise<SourceUnderTest>): Promise<void> {
  await using upstream = await open()
  await using task = await upstream.task()
  await task.open(undefined)
  const batches = await readAll(task, upstream.records)
  if (batches.at(-1)?.end) return // It has nothing more and never will: nobody polls it again.
  const signal = new AbortController()
  const poll = task.poll(signal.signal)
  await sleep(50)
  const told = performance.now()
  signal.abort()
  const batch = await within(poll, returnMs, () => `a poll did not return within ${returnMs} ms after its signal aborted`)
  ensure(batch.records.length === 0, () => `the upstream holds ${upstream.records} records, and after them came ${show(batch.records[0])}`)
  ensure(performance.now() - told < returnMs, `a poll took longer than ${returnMs} ms to return after its signal aborted`)
  const second = await within(task.poll(signal.signal), returnMs, () => 'a poll whose signal had aborted before did not return')
  ensure(second.records.length === 0, 'a poll whose signal had aborted before gave records that the upstream does not hold')
}

async function originsRise(open: () => Promise<SourceUnderTest>): Promise<void> {
  await using upstream = await open()
  await using task = await upstream.task()
  await task.open(undefined)
  const last = new Map<string, { position: number; seq: number }>()
  for (const batch of await readAll(task, upstream.records)) {
    ensure(survivesJson(batch.offsets), () => `the offsets ${show(batch.offsets)} are not the same after JSON`)
    for (const { origin } of batch.records) {
      if (!origin) continue
      const { position, seq } = origin
      ensure(
        Number.isSafeInteger(position) && position >= 0 && Number.isSafeInteger(seq) && seq >= 0,
        () => `the origin ${show({ position, seq })} is not made of whole numbers from 0`,
      )
      const before = last.get(origin.partition)
      const rises = !before || position > before.position || (position === before.position && seq > before.seq)
      ensure(rises, () => `in ${origin.partition}, ${show({ position, seq })} came after ${show(before)}`)
      last.set(origin.partition, { position, seq })
    }
  }
}

async function recordsFit(open: () => Promise<SourceUnderTest>): Promise<void> {
  await using upstream = await open()
  await using task = await upstream.task()
  await task.open(undefined)
  const schemas: Schema[] = []
  let seen = 0
  for (const batch of await readAll(task, upstream.records)) {
    for (const record of batch.records) {
      seen++
      const fault = recordFault(record)
      ensure(fault === undefined, () => `of record ${seen}, ${fault}`)
      for (const schema of [record.keySchema, record.valueSchema]) {
        if (schema === null || schemas.includes(schema)) continue
        ensure(
          !schemas.some((one) => sameSchema(one, schema)),
          () =>
            `record ${seen} brings the schema ${schema.name ?? schema.type} as a new object, though it is the same as before: keep it, sinks cache by identity`,
        )
        schemas.push(schema)
      }
    }
  }
}

async function readsAlike(open: () => Promise<SourceUnderTest>): Promise<void> {
  await using upstream = await open()
  const [first, second] = [await readFrom(upstream, undefined), await readFrom(upstream, undefined)]
  ensureSame(second, first, 'the second time')
  ensure(first.length === upstream.records, () => `it gave ${first.length} records, and the upstream holds ${upstream.records}`)
}

async function resumes(open: () => Promise<SourceUnderTest>): Promise<void> {
  await using upstream = await open()
  const began = performance.now()
  const whole = await readFrom(upstream, undefined)
  const restMs = Math.min(readMs, Math.max(restMsMin, 10 * (performance.now() - began)))
  const cuts: { readonly position: Offsets; readonly seen: number }[] = []
  {
    await using task = await upstream.task()
    await task.open(undefined)
    let position: Offsets = {}
    let seen = 0
    for (const batch of await readAll(task, upstream.records)) {
      position = { ...position, ...batch.offsets }
      seen += batch.records.length
      if (!batch.open && Object.keys(position).length > 0) cuts.push({ position, seen })
    }
  }
  ensure(cuts.length > 0, 'no batch carried `offsets`: after a crash everything would come again')
  ensure(
    cuts.at(-1)!.seen === upstream.records,
    'the last batch carries no `offsets`, or its transaction stays open: its records would come again for ever',
  )
  for (const cut of spread(cuts, cutsMax)) {
    const when = `resumed at ${show(cut.position)}, after ${cut.seen} records`
    const rest = await readFrom(upstream, cut.position, upstream.records - cut.seen, { ms: restMs, when })
    ensureSame(rest, whole.slice(cut.seen), when)
  }
}

async function leavesNothing(open: () => Promise<SourceUnderTest>): Promise<void> {
  await using upstream = await open()
  const before = openResources()
  {
    await using task = await upstream.task()
    await task.open(undefined)
    const batches = await readAll(task, upstream.records)
    await task.commit?.(Object.assign({}, ...batches.map(({ offsets }) => offsets)) as Offsets)
  }
  await ensureGone(before, 'the task was disposed')
}

async function pollsKeepNothing(open: () => Promise<SourceUnderTest>): Promise<void> {
  await using upstream = await open()
  await using task = await upstream.task()
  await task.open(undefined)
  const window = new AbortController()
  const batches = await readAll(task, upstream.records, window)
  if (batches.at(-1)?.end) return
  const heard = getEventListeners(window.signal, 'abort').length
  ensure(heard <= 2, () => `after ${batches.length} polls their signal, which never aborted, has ${heard} listeners`)
  window.abort()
  const deadline = performance.now() + pollsMs
  const polls = async (count: number) => {
    let done = 0
    for (; done < count && performance.now() < deadline; done++) await task.poll(window.signal)
    return done
  }
  await polls(pollsMax / 4)
  const before = heapBytes()
  const done = await polls(pollsMax)
  const grown = heapBytes() - before
  ensure(grown < grownOnceBytes + done * keptBytes, () => `${done} empty polls made the heap grow by ${grown} bytes`)
}

/** Everything that the upstream holds, as batches; the window's signal is given to every poll, and aborts where one comes too late. */
async function readAll(
  task: SourceTask,
  records: number,
  window = new AbortController(),
  { ms, when }: Patience = { ms: readMs, when: 'read from the start' },
): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = []
  const deadline = performance.now() + ms
  for (let seen = 0; seen < records;) {
    const left = deadline - performance.now()
    const missing = () => `${when}, only ${seen} of the ${records} records came within ${(ms / 1000).toFixed(0)} s`
    ensure(left > 0, missing)
    const batch = await within(task.poll(window.signal), left, missing).catch((error: unknown) => {
      window.abort() // Nobody waits for that poll any more.
      throw error
    })
    if (batch.records.length > 0 || Object.keys(batch.offsets).length > 0) batches.push(batch)
    seen += batch.records.length
    ensure(!batch.end || seen >= records, () => `it said that it has no more after ${seen} of the ${records} records`)
    ensure(seen <= records, () => `the upstream holds ${records} records, and ${seen} came`)
  }
  return batches
}

interface Patience {
  readonly ms: number
  /** What is read, for the reason. */
  readonly when: string
}

async function readFrom(
  upstream: SourceUnderTest,
  offsets: Offsets | undefined,
  records = upstream.records,
  patience?: Patience,
): Promise<unknown[]> {
  await using task = await upstream.task()
  await task.open(offsets)
  const batches = await readAll(task, records, undefined, patience)
  return batches.flatMap((batch) => batch.records).map(comparable)
}

/** Without the timestamp: some sources give the time of reading. */
function comparable({ topic, key, value, origin }: ConnectRecord): unknown {
  return { topic, key, value, origin: origin && { partition: origin.partition, position: origin.position, seq: origin.seq } }
}

function ensureSame(given: readonly unknown[], wanted: readonly unknown[], when: string): void {
  const at = wanted.findIndex((record, index) => !isDeepStrictEqual(given[index], record))
  ensure(at < 0, () => `${when}, record ${at + 1} of ${wanted.length} is ${show(given[at])}, not ${show(wanted[at])}`)
  ensure(given.length === wanted.length, () => `${when}, ${given.length} records came, not ${wanted.length}`)
}

function survivesJson(offsets: Offsets): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(offsets)), { ...offsets })
  } catch {
    return false // A bigint or a cycle: exactly what this law is about.
  }
}

function spread<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items
  return Array.from({ length: most }, (_, index) => items[Math.round((index * (items.length - 1)) / (most - 1))]!)
}

async function within<T>(work: Promise<T>, ms: number, reason: () => string): Promise<T> {
  const over = new AbortController()
  const late = sleep(ms, undefined, { signal: over.signal }).then(() => ensure(false, reason) as never)
  late.catch(() => {}) // Decided already, or the wait was called off.
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}
