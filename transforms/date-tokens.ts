/** A run of one letter, or literal text. */
export type DateToken = { readonly letter: string; readonly count: number } | { readonly text: string }

/** Letters of SimpleDateFormat. */
const letters = /[GyYMLwWDdFEuaHkKhmsSzZX]/

/** Longest pattern, in characters. */
const patternCharsMax = 200

/** Takes a pattern apart. Throws an Error, for a ConfigError, where SimpleDateFormat would refuse it. */
export function tokensOf(pattern: string): readonly DateToken[] {
  if (pattern.length > patternCharsMax) throw new Error(`the pattern has more than ${patternCharsMax} characters`)
  const tokens: DateToken[] = []
  let text = ''
  const endText = () => {
    if (text !== '') tokens.push({ text })
    text = ''
  }
  for (let at = 0; at < pattern.length;) {
    const char = pattern[at]!
    if (char === "'") {
      const [literal, next] = quotedText(pattern, at)
      text += literal
      at = next
    } else if (/[a-zA-Z]/.test(char)) {
      if (!letters.test(char)) throw new Error(`Illegal pattern character '${char}' in "${pattern}"`)
      let end = at
      while (pattern[end] === char) end++
      endText()
      if (char === 'X' && end - at > 3) throw new Error(`invalid ISO 8601 format in "${pattern}": X may stand three times at most`)
      tokens.push({ letter: char, count: end - at })
      at = end
    } else {
      text += char
      at++
    }
  }
  endText()
  return tokens
}

// Two quotes are one, inside a quoted text and outside of it.
function quotedText(pattern: string, open: number): readonly [string, number] {
  if (pattern[open + 1] === "'") return ["'", open + 2]
  let text = ''
  for (let at = open + 1; at < pattern.length; at++) {
    if (pattern[at] !== "'") text += pattern[at]
    else if (pattern[at + 1] === "'") text += pattern[at++]
    else return [text, at + 1]
  }
  throw new Error(`Unterminated quote in "${pattern}"`)
}

export const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const

/** From Sunday on, as `Date.getUTCDay` counts. */
export const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const
