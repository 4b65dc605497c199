/** Version of the plugin contract (`core/index.ts`) that this runtime offers. */
export const contractApi = 1

/**
 * Whether a contract version lies in what a package asks for: `1`, `^1`, `1.x`, `>=1 <3`, `1 || 2`, `*`. Versions of the contract are whole
 * numbers; what follows a dot is read and means nothing. undefined: the text is no range.
 */
export function apiInRange(version: number, range: string | number): boolean | undefined {
  const text = String(range).trim()
  if (text === '' || text.length > 100) return undefined
  let inside = false
  for (const alternative of text.split('||')) {
    const fits = alternativeHas(version, alternative.trim())
    if (fits === undefined) return undefined
    inside ||= fits
  }
  return inside
}

function alternativeHas(version: number, text: string): boolean | undefined {
  if (text === '*' || text === 'x') return true
  const parts = text.replace(/([<>=^~]+)\s+/g, '$1').split(/\s+/)
  let all = true
  for (const part of parts) {
    const match = /^(>=|<=|>|<|=|\^|~)?(\d{1,6})(?:\.(?:\d{1,6}|x|\*)){0,2}$/.exec(part)
    if (!match) return undefined
    all &&= compares(version, match[1] ?? '=', Number(match[2]))
  }
  return all
}

function compares(version: number, operator: string, bound: number): boolean {
  switch (operator) {
    case '>=':
      return version >= bound
    case '<=':
      return version <= bound
    case '>':
      return version > bound
    case '<':
      return version < bound
    default:
      return version === bound // =, ^ and ~ are the same among whole numbers.
  }
}
