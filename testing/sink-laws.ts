import { isDeepStrictEqual } from 'node:util'
import type { ConnectRecord, Offsets, SinkTask } from '../core/index.ts'
import { ensure, testLaws, type Law } from './law.ts'
import { ensureGone, openResources } from './leaks.ts'
import { show } from './value-fault.ts'

/** A sink over a place of its own. Disposed after each law. */
export interface SinkUnderTest extends AsyncDisposable {
  /** A new task for the same place, not yet opened. */
  task(generation: number): Promise<SinkTask>
  /** What a reader sees now: the records' numbers, in any order. */
  read(): Promise<readonly number[]>
  /** Record number `n` (from 1), with its origin in `partition`. */
  record(n: number, partition: string): ConnectRecord
}

export interface SinkPromises {
  /** Records that it has committed are dropped when they come again. */
  readonly dropsReplays: boolean
}

const partition = '{"log":"contract"}'
/** How long a step may go on once it was told to give up, in milliseconds. */
const giveUpMs = 3_000

/** What every sink must do, as tests of `node:test`; more where it keeps offsets. `open` makes a fresh place for each law. */
export function sinkLaws(name: string, open: () => Promise<SinkUnderTest>, promises: SinkPromises): void {
  testLaws(name, sinkLawsOf(open, promises))
}

/** The laws of `sinkLaws` as a list. */
export function sinkLawsOf(open: () => Promise<SinkUnderTest>, { dropsReplays }: SinkPromises): readonly Law[] {
  const laws: Law[] = [
    {
      name: 'what was flushed is there for other readers',
      mend: '`flush` resolves only when all that was put is durable: await every write, and fsync or commit, before it returns.',
      check: () => flushIsDurable(open),
    },
    {
      name: 'a flush may be repeated, and one with nothing to write is fine',
      mend: 'Forget what is buffered only once it is durable, and then at once; a flush with an empty buffer writes nothing.',
      check: () => flushRepeats(open),
    },
    {
      name: 'what was not flushed is not half there after a restart',
      mend: 'Make the data and the offsets durable in one step, and give those offsets from `committed`; without `committed`, lose nothing that was flushed.',
      check: () => restartIsClean(open),
    },
    {
      name: 'offsets that it keeps belong to one generation',
      mend: 'Keep `context.generation` beside the offsets, and let `committed` answer undefined for another one: a person has reset the connector.',
      check: () => generationsDiffer(open),
    },
    {
      name: 'told to give up, it does',
      mend: 'Give the `kill` signal of `put` and `flush` to everything that waits: requests, timers, locks.',
      check: () => givesUp(open),
    },
    {
      name: 'the records it gets stay as they are',
      mend: 'Build new objects instead of changing records, keys or values: other ends and dead letters still read them.',
      check: () => leavesRecords(open),
    },
    {
      name: 'a disposed task leaves nothing running',
      mend: 'Close in `[Symbol.asyncDispose]` all that was opened: timers, sockets, pools, files.',
      check: () => leavesNothing(open),
    },
  ]
  if (dropsReplays) {
    laws.push({
      name: 'a replay of what is committed changes nothing',
      mend: "Keep the last (position, seq) of each origin's partition with the data, and drop records at or below it; or write by a key made of the origin.",
      check: () => replayIsHarmless(open),
    })
  }
  return laws
}

const batch = (place: SinkUnderTest, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => place.record(from + index, partition))
/** The runtime counts a task's flushes one by one, across restarts. */
const at = (n: number, flush = n): Offsets => ({ [partition]: { n }, '#flush/0': flush })
const upTo = (to: number) => Array.from({ length: to }, (_, index) => index + 1)
const never = () => new AbortController().signal

async function ensureThere(place: SinkUnderTest, wanted: readonly number[], when: string): Promise<void> {
  const there = (await place.read()).toSorted((a, b) => a - b)
  ensure(isDeepStrictEqual(there, wanted), () => `${when}, a reader sees ${show(there)}, not ${show(wanted)}`)
}

async function opened(place: SinkUnderTest, generation = 0): Promise<SinkTask> {
  const task = await place.task(generation)
  await task.open?.()
  return task
}

async function flushIsDurable(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  await using task = await opened(place)
  await task.put(batch(place, 1, 5), never())
  await task.put(batch(place, 6, 9), never())
  await task.flush?.(at(9), never(), true)
  await ensureThere(place, upTo(9), 'after the flush')
}

async function flushRepeats(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  await using task = await opened(place)
  await task.flush?.(at(0), never(), true)
  await task.put(batch(place, 1, 5), never())
  await task.flush?.(at(5), never(), true)
  await task.flush?.(at(5), never(), true)
  await ensureThere(place, upTo(5), 'after two flushes')
}

async function restartIsClean(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  {
    await using task = await opened(place)
    await task.put(batch(place, 1, 5), never())
    await task.flush?.(at(5), never(), true)
    await task.put(batch(place, 6, 8), never())
  }
  await using task = await opened(place)
  const committed = await task.committed?.()
  if (!task.committed) {
    const there = new Set(await place.read())
    const lost = upTo(5).filter((n) => !there.has(n))
    return ensure(lost.length === 0, () => `after a restart ${show(lost)} is gone, though it was flushed`)
  }
  ensure(isDeepStrictEqual(committed?.[partition], { n: 5 }), () => `committed() says ${show(committed)} after a flush of ${show(at(5))}`)
  await ensureThere(place, upTo(5), 'after a restart, with 6 to 8 put but not flushed')
  await task.put(batch(place, 6, 8), never())
  await task.flush!(at(8, 6), never(), true)
  await ensureThere(place, upTo(8), 'after 6 to 8 came again')
}

async function generationsDiffer(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  {
    await using task = await opened(place)
    await task.put(batch(place, 1, 3), never())
    await task.flush?.(at(3), never(), true)
  }
  await using task = await opened(place, 1)
  const committed = await task.committed?.()
  ensure(committed === undefined, () => `in generation 1, committed() gives the offsets of generation 0: ${show(committed)}`)
}

async function givesUp(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  await using task = await opened(place)
  const kill = AbortSignal.abort()
  // Whether it still does the work or rejects is its own affair: nobody waits for the answer any more.
  const tried = (step: () => Promise<unknown> | undefined) =>
    Promise.resolve()
      .then(step)
      .catch(() => {})
  const steps = async () => {
    await tried(() => task.put(batch(place, 1, 3), kill))
    await tried(() => task.flush?.(at(3), kill))
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, giveUpMs, 'late')))
  const outcome = await Promise.race([steps(), late])
  clearTimeout(timer)
  ensure(outcome !== 'late', `put and flush still went on ${giveUpMs / 1000} s after they were told to give up`)
}

async function leavesRecords(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  await using task = await opened(place)
  const given = batch(place, 1, 4)
  const list = [...given]
  const before = structuredClone(given)
  await task.put(given, never())
  await task.flush?.(at(4), never(), true)
  ensure(isDeepStrictEqual(given, list), 'put changed the list of records that it was given')
  const changed = before.findIndex((record, index) => !isDeepStrictEqual(structuredClone(given[index]), record))
  ensure(changed < 0, () => `record ${changed + 1} was ${show(before[changed])} and is ${show(given[changed])} now`)
}

async function leavesNothing(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  {
    await using task = await opened(place) // What a process loads once and keeps (a library's pool of threads) is no leak of a task.
    await task.put(batch(place, 1, 2), never())
    await task.flush?.(at(2), never(), true)
  }
  const before = openResources()
  {
    await using task = await opened(place)
    await task.put(batch(place, 3, 5), never())
    await task.flush?.(at(5, 3), never(), true)
    await task.put(batch(place, 6, 7), never())
  }
  await ensureGone(before, 'the task was disposed')
}

async function replayIsHarmless(open: () => Promise<SinkUnderTest>): Promise<void> {
  await using place = await open()
  {
    await using task = await opened(place)
    await task.put(batch(place, 1, 6), never())
    await task.flush?.(at(6), never(), true)
  }
  await using task = await opened(place)
  await task.put(batch(place, 4, 9), never())
  await task.flush?.(at(9, 7), never(), true)
  await ensureThere(place, upTo(9), 'after 4 to 6 came a second time')
}
