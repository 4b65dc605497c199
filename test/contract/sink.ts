import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectRecord, Offsets, SinkTask } from '../../core/index.ts'

/** A sink over a place of its own. */
export interface SinkUnderTest extends AsyncDisposable {
  task(generation: number): Promise<SinkTask>
  /** What a reader sees now: the records' numbers, in any order. */
  read(): Promise<readonly number[]>
  /** Record number `n` (from 1), with its origin in `partition`. */
  record(n: number, partition: string): ConnectRecord
}

const partition = '{"log":"contract"}'
const kill = new AbortController().signal

/** What every sink must do; more where it keeps offsets. `dropsReplays`: records that it has committed are dropped when they come again. */
export function sinkLaws(name: string, open: () => Promise<SinkUnderTest>, { dropsReplays }: { readonly dropsReplays: boolean }): void {
  const batch = (place: SinkUnderTest, from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => place.record(from + index, partition))
  const at = (n: number): Offsets => ({ [partition]: { n }, '#flush/0': n })
  const sorted = async (place: SinkUnderTest) => (await place.read()).toSorted((a, b) => a - b)
  const numbers = (to: number) => Array.from({ length: to }, (_, index) => index + 1)

  test(`${name}: what was flushed is there for other readers`, async () => {
    await using place = await open()
    await using task = await place.task(0)
    await task.open?.()
    await task.put(batch(place, 1, 5), kill)
    await task.put(batch(place, 6, 9), kill)
    await task.flush?.(at(9), kill)
    assert.deepEqual(await sorted(place), numbers(9))
  })

  test(`${name}: a flush may be repeated, and one with nothing to write is fine`, async () => {
    await using place = await open()
    await using task = await place.task(0)
    await task.open?.()
    await task.flush?.(at(0), kill)
    await task.put(batch(place, 1, 5), kill)
    await task.flush?.(at(5), kill)
    await task.flush?.(at(5), kill)
    assert.deepEqual(await sorted(place), numbers(5))
  })

  test(`${name}: what was not flushed is not half there after a restart`, async () => {
    await using place = await open()
    {
      await using task = await place.task(0)
      await task.open?.()
      await task.put(batch(place, 1, 5), kill)
      await task.flush?.(at(5), kill)
      await task.put(batch(place, 6, 8), kill)
    }
    await using task = await place.task(0)
    await task.open?.()
    const committed = await task.committed?.()
    if (!task.committed) return
    assert.deepEqual(committed?.[partition], { n: 5 })
    assert.deepEqual(await sorted(place), numbers(5))
    await task.put(batch(place, 6, 8), kill)
    await task.flush!(at(8), kill)
    assert.deepEqual(await sorted(place), numbers(8))
  })

  test(`${name}: offsets that it keeps belong to one generation`, async () => {
    await using place = await open()
    {
      await using task = await place.task(0)
      await task.open?.()
      await task.put(batch(place, 1, 3), kill)
      await task.flush?.(at(3), kill)
    }
    await using task = await place.task(1)
    await task.open?.()
    assert.equal(await task.committed?.(), undefined)
  })

  if (!dropsReplays) return
  test(`${name}: a replay of what is committed changes nothing`, async () => {
    await using place = await open()
    {
      await using task = await place.task(0)
      await task.open?.()
      await task.put(batch(place, 1, 6), kill)
      await task.flush?.(at(6), kill)
    }
    await using task = await place.task(0)
    await task.open?.()
    await task.put(batch(place, 4, 9), kill)
    await task.flush?.({ ...at(9), '#flush/0': 7 }, kill)
    assert.deepEqual(await sorted(place), numbers(9))
  })
}
