import { RE2JS } from 're2js'

/** Whether a whole topic name matches a pattern. Its time grows with the name only, whatever the pattern. */
export type TopicPattern = (topic: string) => boolean

/** Compiles `topics.regex`. Throws an Error that says what RE2 does not know, or reads otherwise than Java does. */
export function topicPattern(pattern: string): TopicPattern {
  // Java reads [a-z&&[^q]] as an intersection and [a[b]] as a union; RE2 takes their signs for characters of the class.
  const unescaped = pattern.replace(/\\Q.*?(\\E|$)|\\./gs, '.')
  if (/\[[^\]]*(&&|\[(?!:))/.test(unescaped)) throw new Error('unions and intersections in a character class are not supported')
  const compiled = RE2JS.compile(pattern)
  return (topic) => compiled.matches(topic)
}

/** For `check` in a config definition: what is wrong with a pattern. */
export function patternFault(pattern: string): string | undefined {
  try {
    topicPattern(pattern)
    return undefined
  } catch (error) {
    return `Invalid regex: ${error instanceof Error ? error.message : String(error)}`
  }
}
