import { isDeepStrictEqual } from 'node:util'
import { parseConfig, type ConnectRecord, type Predicate, type Transform } from '../../../core/index.ts'
import transforms from '../../../transforms/index.ts'
import type { OracleAnswer, OracleCase, OracleResult } from './oracle.ts'
import { recordToWire } from './wire.ts'

/** One record of which Java and Millrace make different things; `record` is null where one of them refuses the config. */
export interface Disagreement {
  readonly case: OracleCase
  readonly record: ConnectRecord | null
  readonly java: unknown
  readonly ours: unknown
}

/** What our own transforms make of a case, in the oracle's form. */
export function answerOurs(asked: OracleCase): OracleAnswer {
  const defs = [...transforms.transforms!, ...transforms.predicates!]
  const def = defs.find((one) => one.class === asked.class)
  if (def === undefined) throw new Error(`no ${asked.class}`)
  let part: Transform | Predicate
  try {
    const { config, issues } = parseConfig(def.config, asked.config)
    if (issues.length > 0) return { refused: issues[0]!.message }
    part = def.create(config as never)
  } catch (error) {
    if ((error as Error).name !== 'ConfigError') throw error
    return { refused: (error as Error).message }
  }
  return { results: asked.records.map((one) => applied(part, one)) }
}

function applied(part: Transform | Predicate, record: ConnectRecord): OracleResult {
  let out: ConnectRecord | null
  try {
    if ('test' in part) return { test: part.test(record) }
    out = part.apply(record)
  } catch (error) {
    if ((error as Error).name !== 'DataError') throw error
    return { error: (error as Error).message }
  }
  if (out === null) return null
  try {
    const { offset: _, ...wire } = recordToWire(out) as { readonly offset: unknown }
    return wire
  } catch (error) {
    // A value that its schema does not allow: never what Java made of it.
    return { invalid: (error as Error).message }
  }
}

/** All records on which both do not agree; that both refuse one is agreement. */
export function disagreements(cases: readonly OracleCase[], java: readonly OracleAnswer[]): readonly Disagreement[] {
  return cases.flatMap((asked, index): readonly Disagreement[] => {
    const theirs = java[index]!
    const ours = answerOurs(asked)
    if ('refused' in theirs || 'refused' in ours) {
      if ('refused' in theirs && 'refused' in ours) return []
      return [{ case: asked, record: null, java: 'refused' in theirs ? theirs : 'taken', ours: 'refused' in ours ? ours : 'taken' }]
    }
    return asked.records.flatMap((record, at) => {
      const [left, right] = [theirs.results[at], ours.results[at]]
      const same = isError(left) && isError(right) ? true : isDeepStrictEqual(left, right)
      return same ? [] : [{ case: asked, record, java: left, ours: right }]
    })
  })
}

/** True for a record that was refused. */
export function isError(result: unknown): result is { readonly error: string } {
  return typeof result === 'object' && result !== null && 'error' in result
}
