import { RE2JS } from 're2js'
import { re2Pattern } from './java-pattern.ts'

/** A pattern of a config, in Java's syntax, run by RE2: its time grows with the text only, whatever the pattern. */
export interface JavaRegex {
  /** Java's `Matcher.matches()`: the whole text. */
  matches(text: string): boolean
  /** Java's `Matcher.replaceFirst()`: the first place that matches, with `$1`, `${name}` and `\x` in the replacement. */
  replaceFirst(text: string, replacement: string): string
}

/**
 * Bounds of a pattern. RE2's time grows with the text only, but by a factor that is the size of the program, and compiling takes more than
 * that (measured: 32 s for 200,000 groups). Within these, compiling takes less than a second.
 */
const patternCharsMax = 20_000
const groupsMax = 1_000
/** The sum of all counts: `a{1000}b{1000}` makes 2,000 steps. Nested counts multiply, and RE2 itself stops at 1,000 for these. */
const repeatsMax = 10_000

/**
 * Compiles a pattern. Throws an Error that says why it cannot: what Java would refuse, what RE2 cannot do (see java-pattern.ts), and what is
 * too large.
 */
export function javaRegex(pattern: string): JavaRegex {
  boundPattern(pattern)
  const compiled = RE2JS.compile(re2Pattern(pattern))
  return {
    matches: (text) => compiled.matches(text),
    replaceFirst: (text, replacement) => compiled.matcher(text).replaceFirst(replacement, true),
  }
}

function boundPattern(pattern: string): void {
  const refuse = (count: number, what: string, most: number) => {
    throw new Error(`the pattern has ${count} ${what}, ${most} are the most; several transforms or predicates can share the work`)
  }
  if (pattern.length > patternCharsMax) refuse(pattern.length, 'characters', patternCharsMax)
  const groups = pattern.split('(').length - 1
  if (groups > groupsMax) refuse(groups, 'groups', groupsMax)
  let repeats = 0
  for (const [, low, high] of pattern.matchAll(/\{(\d{1,9})(?:,(\d{0,9}))?\}/g)) repeats += Math.max(Number(low), Number(high ?? 0))
  if (repeats > repeatsMax) refuse(repeats, 'repeats by count', repeatsMax)
}

/** For `check` in a config definition: what is wrong with a pattern. */
export function regexFault(pattern: string): string | undefined {
  try {
    javaRegex(pattern)
    return undefined
  } catch (error) {
    return `Invalid regex: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** What is wrong with a replacement for this pattern: Java finds out with the first record, we before. */
export function replacementFault(pattern: string, replacement: string): string | undefined {
  const compiled = RE2JS.compile(re2Pattern(pattern))
  const groups = compiled.groupCount()
  const names = Object.keys(compiled.namedGroups())
  for (let at = 0; at < replacement.length; at++) {
    if (replacement[at] === '\\') {
      at++
      if (at === replacement.length) return 'it ends with a backslash, which must have a character after it'
    } else if (replacement[at] === '$') {
      const group = /^\$(?:(\d)|\{([a-zA-Z][a-zA-Z0-9]*)\})/.exec(replacement.slice(at))
      if (group === null) return `"$" at character ${at} is no group; write \\$ for the character itself`
      if (group[1] !== undefined && Number(group[1]) > groups) return `there is no group ${group[1]}; the regex has ${groups}`
      if (group[2] !== undefined && !names.includes(group[2])) return `there is no group named ${group[2]}`
      at += group[0].length - 1
    }
  }
  return undefined
}
