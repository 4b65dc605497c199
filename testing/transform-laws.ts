import { isDeepStrictEqual } from 'node:util'
import { record, type ConnectRecord, type Predicate, type Transform } from '../core/index.ts'
import { ensure, testLaws, type Law } from './law.ts'
import { recordFault, show } from './value-fault.ts'

/** What every transform must do, as tests of `node:test`: pure, and careful with what it does not understand. `samples` are records that it accepts. */
export function transformLaws(name: string, create: () => Transform, samples: readonly ConnectRecord[]): void {
  testLaws(name, transformLawsOf(create, samples))
}

/** The laws of `transformLaws` as a list. */
export function transformLawsOf(create: () => Transform, samples: readonly ConnectRecord[]): readonly Law[] {
  return [
    {
      name: 'it never changes its input',
      mend: 'Return a new record: `{ ...record, value: { ...record.value, field } }`.',
      check: () => inputStays(create, samples),
    },
    {
      name: 'the same input gives the same output, whatever came between',
      mend: 'Keep nothing from one record to the next that changes what is given: no counters, clocks or random numbers.',
      check: () => answersAlike(create, samples),
    },
    {
      name: 'it answers at once, with a record or null',
      mend: '`apply` is synchronous; what has to be looked up is looked up in `prepare`, for the whole batch.',
      check: () => answersAtOnce(create, samples),
    },
    {
      name: 'what it gives is what its schemas say',
      mend: 'Where the value changes its shape, the schema changes with it: build the new schema once for each old one, and keep it.',
      check: () => outputFits(create, samples),
    },
    {
      name: 'the origin goes through unchanged',
      mend: 'Spread the record (`{ ...record, ... }`) rather than build one anew: sinks drop replays by `origin`.',
      check: () => originStays(create, samples),
    },
    {
      name: 'a record that it does not understand passes, is dropped, or is refused with a DataError',
      mend: 'Look at the value before using it (null is a tombstone), and throw a DataError that names the field for what cannot pass: any other error stops the task.',
      check: () => strangersAreSafe(create, samples),
    },
  ]
}

/** What every predicate must do, as a list of laws. */
export function predicateLawsOf(create: () => Predicate, samples: readonly ConnectRecord[]): readonly Law[] {
  const asTransform = (): Transform => {
    const predicate = create()
    return { apply: (one) => (predicate.test(one) ? one : null) }
  }
  return [
    {
      name: 'it says true or false',
      mend: '`test` is synchronous and returns a boolean.',
      check: () => {
        const predicate = create()
        for (const sample of samples) {
          const answer: unknown = predicate.test(sample)
          ensure(typeof answer === 'boolean', () => `for ${show(sample)} it said ${show(answer)}`)
        }
      },
    },
    ...transformLawsOf(asTransform, samples).filter(({ name }) => /never changes|the same input|does not understand/.test(name)),
  ]
}

async function prepared(transform: Transform, records: readonly ConnectRecord[]): Promise<Transform> {
  await transform.prepare?.(records)
  return transform
}

async function inputStays(create: () => Transform, samples: readonly ConnectRecord[]): Promise<void> {
  const transform = await prepared(create(), samples)
  for (const [index, sample] of samples.entries()) {
    const copy = structuredClone(sample)
    try {
      transform.apply(frozen(sample))
    } catch (error) {
      ensure(
        !(error instanceof TypeError && /read only|not extensible|Cannot (add|delete|assign)/.test(error.message)),
        () => `it tried to change sample ${index + 1}: ${(error as Error).message}`,
      )
      throw error
    }
    ensure(isDeepStrictEqual(structuredClone(sample), copy), () => `sample ${index + 1} was ${show(copy)} and is ${show(sample)} now`)
  }
  await transform[Symbol.asyncDispose]?.()
}

async function answersAlike(create: () => Transform, samples: readonly ConnectRecord[]): Promise<void> {
  const transform = await prepared(create(), samples)
  const first = samples.map((sample) => transform.apply(sample))
  const again = samples
    .toReversed()
    .map((sample) => transform.apply(sample))
    .reverse()
  const anew = await prepared(create(), samples)
  const other = samples.map((sample) => anew.apply(sample))
  for (const [index] of samples.entries()) {
    ensure(
      isDeepStrictEqual(again[index], first[index]),
      () => `sample ${index + 1} gave ${show(first[index])}, and ${show(again[index])} the second time`,
    )
    ensure(
      isDeepStrictEqual(other[index], first[index]),
      () => `sample ${index + 1} gave ${show(first[index])}, and ${show(other[index])} in another task`,
    )
  }
  await transform[Symbol.asyncDispose]?.()
  await anew[Symbol.asyncDispose]?.()
}

async function answersAtOnce(create: () => Transform, samples: readonly ConnectRecord[]): Promise<void> {
  await using opened = disposable(await prepared(create(), samples))
  for (const [index, sample] of samples.entries()) {
    const answer: unknown = opened.transform.apply(sample)
    ensure(!(answer instanceof Promise), () => `apply answered sample ${index + 1} with a promise`)
    ensure(
      answer === null || (typeof answer === 'object' && 'topic' in answer!),
      () => `apply answered sample ${index + 1} with ${show(answer)}`,
    )
  }
}

async function outputFits(create: () => Transform, samples: readonly ConnectRecord[]): Promise<void> {
  await using opened = disposable(await prepared(create(), samples))
  for (const [index, sample] of samples.entries()) {
    const answer = opened.transform.apply(sample)
    const fault = answer === null || recordFault(sample) !== undefined ? undefined : recordFault(answer)
    ensure(fault === undefined, () => `what it makes of sample ${index + 1} is wrong: ${fault}`)
  }
}

async function originStays(create: () => Transform, samples: readonly ConnectRecord[]): Promise<void> {
  await using opened = disposable(await prepared(create(), samples))
  for (const [index, sample] of samples.entries()) {
    const answer = opened.transform.apply(sample)
    ensure(
      answer === null || answer.origin === sample.origin,
      () => `the origin of sample ${index + 1} was ${show(sample.origin)} and is ${show(answer!.origin)}`,
    )
  }
}

async function strangersAreSafe(create: () => Transform, samples: readonly ConnectRecord[]): Promise<void> {
  await using opened = disposable(create())
  const { transform } = opened
  const origin = { partition: 'p', position: 1, seq: 0 }
  for (const value of [null, 'text', 7, 7n, true, new Uint8Array([1, 2]), [1, 'two'], new Map([['a', 1]]), {}]) {
    const stranger = record('t', value, { origin })
    try {
      await transform.prepare?.([stranger])
      const answer = transform.apply(stranger)
      ensure(answer === null || answer.origin === origin, () => `a record with the value ${show(value)} lost its origin`)
    } catch (error) {
      const { name, message } = error as Error
      if (name === 'BrokenLaw') throw error
      ensure(name === 'DataError', () => `a record with the value ${show(value)} made it throw ${name}: ${message}`)
    }
  }
  await transform.prepare?.(samples)
  for (const sample of samples) transform.apply(sample)
}

function disposable(transform: Transform): { readonly transform: Transform } & AsyncDisposable {
  return { transform, [Symbol.asyncDispose]: async () => void (await transform[Symbol.asyncDispose]?.()) }
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  for (const item of Object.values(value)) frozen(item)
  return Object.freeze(value)
}
