/** Writes a moment as a pattern says. */
export type TimeFormat = (epochMs: number) => string

function year(parts: Parts, width: number): string {
  return width === 2 ? pad(parts.year % 100, 2) : pad(parts.year, width)
}

const letters: Readonly<Record<string, (parts: Parts, width: number) => string>> = {
  y: year,
  Y: year,
  u: year,
  M: (parts, width) => pad(parts.month, width),
  d: (parts, width) => pad(parts.day, width),
  D: (parts, width) =>
    pad(Math.round((Date.UTC(parts.year, parts.month - 1, parts.day) - Date.UTC(parts.year, 0, 1)) / 86_400_000) + 1, width),
  H: (parts, width) => pad(parts.hour, width),
  m: (parts, width) => pad(parts.minute, width),
  s: (parts, width) => pad(parts.second, width),
  S: (parts, width) => pad(parts.millisecond, 3).slice(0, width).padEnd(width, '0'),
}

interface Parts {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly millisecond: number
}

/** What is wrong with a pattern; undefined: nothing. */
export function patternFault(pattern: string): string | undefined {
  const tokens = tokensOf(pattern)
  if (tokens === undefined) return "has a quote (') without its end"
  for (const token of tokens) {
    if ('text' in token) continue
    if (letters[token.letter] === undefined)
      return `has the letter "${token.letter}"; known are y, Y, M, d, D, H, m, s and S, others stand in quotes ('year'=)`
    if (token.letter === 'M' && token.width > 2) return 'has the name of a month (MMM); use MM'
  }
  return undefined
}

/**
 * The pattern of Joda-Time that Connect's `path.format` has, as far as `patternFault` finds nothing in it. The moment is first cut to whole
 * `durationMs` of local time, as Connect's TimeBasedPartitioner does; 0: not cut.
 */
export function timeFormat(pattern: string, timezone: string, durationMs: number): TimeFormat {
  const tokens = tokensOf(pattern) ?? []
  const local = localTime(timezone)
  return (epochMs) => {
    const localMs = local(epochMs)
    const date = new Date(durationMs > 0 ? Math.floor(localMs / durationMs) * durationMs : localMs)
    const parts: Parts = {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      millisecond: date.getUTCMilliseconds(),
    }
    return tokens.map((token) => ('text' in token ? token.text : letters[token.letter]!(parts, token.width))).join('')
  }
}

/** True for a time zone that this machine knows. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    // A RangeError: no such zone.
    return false
  }
}

/** Zones change their offset on quarters of an hour only, so one look-up serves all moments of one. */
const quarterMs = 15 * 60_000

/** Milliseconds of local time since 1970, from those of UTC. */
export function localTime(timezone: string): (epochMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  let quarter = Number.NaN
  let offset = 0
  return (epochMs) => {
    const start = Math.floor(epochMs / quarterMs)
    if (start !== quarter) {
      const parts = Object.fromEntries(format.formatToParts(start * quarterMs).map(({ type, value }) => [type, value]))
      const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year'])
      const local = new Date(0)
      local.setUTCFullYear(year, Number(parts['month']) - 1, Number(parts['day']))
      local.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']))
      offset = local.getTime() - start * quarterMs
      quarter = start
    }
    return epochMs + offset
  }
}

type Token = { readonly text: string } | { readonly letter: string; readonly width: number }

/** undefined: a quote without its end. */
function tokensOf(pattern: string): readonly Token[] | undefined {
  const tokens: Token[] = []
  for (let at = 0; at < pattern.length;) {
    const char = pattern[at]!
    if (char === "'") {
      const quoted = /^'((?:[^']|'')*)'/.exec(pattern.slice(at))
      if (!quoted) return undefined
      tokens.push({ text: quoted[0] === "''" ? "'" : quoted[1]!.replaceAll("''", "'") })
      at += quoted[0].length
    } else if (/[A-Za-z]/.test(char)) {
      let end = at + 1
      while (pattern[end] === char) end++
      tokens.push({ letter: char, width: end - at })
      at = end
    } else {
      tokens.push({ text: char })
      at++
    }
  }
  return tokens
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, '0')
}
