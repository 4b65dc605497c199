import { test } from 'node:test'

/** One promise that every part of a kind keeps, and how to find out. Made by `sourceLawsOf`, `sinkLawsOf` and the others. */
export interface Law {
  /** A sentence about what the part does. */
  readonly name: string
  /** What to change in a part that breaks it. */
  readonly mend: string
  /** Rejects with the reason where the law is broken. */
  check(): Promise<void> | void
}

/** What became of one law. */
export interface Finding {
  /** The part: its kind and class. */
  readonly part: string
  readonly law: string
  /** `untried`: there was nothing to try it on. */
  readonly outcome: 'held' | 'broken' | 'untried'
  /** Why it is broken, or why it was not tried; absent where it held. */
  readonly reason?: string
  /** How to mend it; absent where it held. */
  readonly mend?: string
}

/** Says what a part did against its law. Whoever reads it knows the law: the message tells the values. */
export class BrokenLaw extends Error {
  override readonly name = 'BrokenLaw'
}

/** Most time for one law, in milliseconds: a part that never answers breaks it. */
export const lawMs = 60_000

/** Throws a BrokenLaw with the reason unless the condition holds. */
export function ensure(condition: boolean, reason: string | (() => string)): asserts condition {
  if (!condition) throw new BrokenLaw(typeof reason === 'string' ? reason : reason())
}

/** Registers each law as a test of `node:test`. */
export function testLaws(name: string, laws: readonly Law[]): void {
  for (const law of laws) test(`${name}: ${law.name}`, { timeout: lawMs }, () => law.check())
}

/** Tries the laws one after the other; `began` hears of each before it is tried. Never rejects for a broken law. */
export async function findingsOf(part: string, laws: readonly Law[], began: (law: string) => void = () => {}): Promise<Finding[]> {
  const found: Finding[] = []
  for (const law of laws) {
    began(law.name)
    found.push(await tried(part, law))
  }
  return found
}

async function tried(part: string, law: Law): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BrokenLaw(`it did not come to an end within ${lawMs / 1000} s`)), lawMs)
  })
  try {
    await Promise.race([law.check(), late])
    return { part, law: law.name, outcome: 'held' }
  } catch (error) {
    return { part, law: law.name, outcome: 'broken', reason: reasonOf(error), mend: law.mend }
  } finally {
    clearTimeout(timer)
  }
}

/** A broken law speaks for itself; an error of the plugin's own code is shown with the place where it was thrown. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}, which is no Error`
  if (error.name === 'BrokenLaw') return error.message
  const place = error.stack?.split('\n').find((line) => /^\s+at /.test(line) && !/node:|millrace\/(dist\/)?testing/.test(line))
  return `${error.name}: ${error.message}${place === undefined ? '' : `\n${place.trim()}`}`
}
