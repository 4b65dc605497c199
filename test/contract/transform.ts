import assert from 'node:assert/strict'
import { test } from 'node:test'
import { record, type ConnectRecord, type Transform } from '../../core/index.ts'

/** What every transform must do: pure, and careful with what it does not understand. `samples` are records that it accepts. */
export function transformLaws(name: string, create: () => Transform, samples: readonly ConnectRecord[]): void {
  test(`${name}: it never changes its input`, () => {
    const transform = create()
    for (const sample of samples) {
      const copy = structuredClone(sample)
      transform.apply(frozen(sample))
      assert.deepEqual(sample, copy)
    }
  })

  test(`${name}: the same input gives the same output, whatever came between`, () => {
    const transform = create()
    const first = samples.map((sample) => transform.apply(sample))
    const again = samples.toReversed().map((sample) => transform.apply(sample))
    assert.deepEqual(again.reverse(), first)
    assert.deepEqual(
      samples.map((sample) => create().apply(sample)),
      first,
    )
  })

  test(`${name}: the origin goes through unchanged`, () => {
    const transform = create()
    for (const sample of samples) {
      const out = transform.apply(sample)
      if (out) assert.equal(out.origin, sample.origin)
    }
  })

  test(`${name}: a tombstone passes, is dropped, or is refused with a reason, but does not break it`, () => {
    const transform = create()
    const tombstone = record('t', null, { origin: { partition: 'p', position: 1, seq: 0 } })
    try {
      const out = transform.apply(tombstone)
      if (out) assert.equal(out.origin, tombstone.origin)
    } catch (error) {
      assert.equal((error as Error).name, 'DataError')
    }
    for (const sample of samples) transform.apply(sample)
  })
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  for (const item of Object.values(value)) frozen(item)
  return Object.freeze(value)
}
