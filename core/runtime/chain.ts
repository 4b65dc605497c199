import { DataError } from '../contract/errors.ts'
import type { ConnectRecord } from '../contract/record.ts'
import type { Predicate, Transform } from '../contract/transform.ts'

/** One place in the chain: a transform, and for which records it runs. */
export interface ChainStep {
  /** The alias from the config, for errors. */
  readonly name: string
  readonly transform: Transform
  /** Absent: every record. */
  readonly predicate?: Predicate
  readonly negate?: boolean
}

/** A record that a transform refused, with the step and its error. */
export interface Refused {
  readonly record: ConnectRecord
  readonly step: string
  readonly error: Error
}

export interface ChainResult {
  readonly kept: readonly ConnectRecord[]
  readonly refused: readonly Refused[]
}

/** Applies the chain to a batch. Refused records are collected, never thrown, so that one does not cost its neighbours. */
export type Chain = (records: readonly ConnectRecord[]) => ChainResult

/** A chain in which some transform has to look things up before it runs. */
export type PreparedChain = (records: readonly ConnectRecord[]) => Promise<ChainResult>

const none: readonly Refused[] = Object.freeze([])

/** Builds the chain once per task: predicates are folded into steps here, so that the loop over records has no options to look at. */
export function buildChain(steps: readonly ChainStep[]): Chain {
  if (steps.length === 0) return (records) => ({ kept: records, refused: none })
  const applies = steps.map(compile)
  return (records) => {
    const kept: ConnectRecord[] = []
    let refused: Refused[] | undefined
    for (const record of records) {
      let current: ConnectRecord | null = record
      let at = 0
      try {
        for (; at < applies.length && current !== null; at++) {
          const given: ConnectRecord | null = applies[at]!(current)
          // A transform that forgot to return, or returned a promise.
          if (given !== null && typeof given?.topic !== 'string') throw new TypeError(strange(given))
          current = given
        }
      } catch (error) {
        ;(refused ??= []).push({ record, step: steps[at]!.name, error: asError(error, steps[at]!.name) })
        continue
      }
      if (current !== null) kept.push(current)
    }
    return { kept, refused: refused ?? none }
  }
}

/**
 * A chain that is cut before every transform that prepares: each stretch runs over the whole batch, so that a look-up is one for all records.
 * After a look-up that failed, the same array given again goes on where it stood.
 * undefined: no transform prepares, and `buildChain` does.
 */
export function buildPreparedChain(steps: readonly ChainStep[]): PreparedChain | undefined {
  if (!steps.some(({ transform }) => transform.prepare)) return undefined
  const cuts = steps.flatMap(({ transform }, index) => (transform.prepare && index > 0 ? [index] : []))
  const stretches = [0, ...cuts].map((from, at) => {
    const part = steps.slice(from, cuts[at])
    return { first: part[0]!, apply: buildChain(part) }
  })
  // A batch whose look-up failed comes again, and goes on from there: a transform that remembers (Deduplicate) must not see it twice.
  let unfinished:
    { readonly records: readonly ConnectRecord[]; at: number; kept: readonly ConnectRecord[]; readonly refused: Refused[] } | undefined
  return async (records) => {
    const run = unfinished?.records === records ? unfinished : { records, at: 0, kept: records, refused: [] }
    unfinished = run
    for (; run.at < stretches.length && run.kept.length > 0; run.at++) {
      const { first, apply } = stretches[run.at]!
      await first.transform.prepare?.(run.kept.filter((record) => applies(first, record)))
      const result = apply(run.kept)
      run.refused.push(...result.refused)
      run.kept = result.kept
    }
    unfinished = undefined
    return { kept: run.kept, refused: run.refused }
  }
}

/** A predicate that fails does so again when the chain comes to it, and is told there. */
function applies({ predicate, negate }: ChainStep, record: ConnectRecord): boolean {
  try {
    return predicate === undefined || predicate.test(record) !== (negate ?? false)
  } catch {
    return false
  }
}

function compile({ transform, predicate, negate }: ChainStep): (record: ConnectRecord) => ConnectRecord | null {
  if (!predicate) return (record) => transform.apply(record)
  return negate
    ? (record) => (predicate.test(record) ? record : transform.apply(record))
    : (record) => (predicate.test(record) ? transform.apply(record) : record)
}

function strange(given: unknown): string {
  const isPromise = typeof (given as { then?: unknown } | undefined)?.then === 'function'
  const what = isPromise
    ? 'a promise (transforms are synchronous; what has to be awaited belongs into "prepare")'
    : 'neither a record nor null'
  return `apply gave ${what}`
}

function asError(error: unknown, step: string): Error {
  if (error instanceof Error && ['DATA', 'RETRIABLE'].includes((error as { code?: unknown }).code as string)) return error
  return new DataError(`Transform "${step}" failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}
