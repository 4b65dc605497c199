/**
 * Whether a version lies in a Maven range: `[1.0,2.0)`, `(,1.5]`, `[1.2]`, several joined by commas; a bare version means exactly that one,
 * as in Connect (KIP-891). undefined: the text is no range.
 */
export function versionInRange(version: string, range: string): boolean | undefined {
  const text = range.replace(/\s+/g, '')
  if (/^[\w.+-]+$/.test(text)) return compareVersions(version, text) === 0
  if (!/^[[(][\w.+-]*(,[\w.+-]*)?[\])](,[[(][\w.+-]*(,[\w.+-]*)?[\])])*$/.test(text)) return undefined
  let inside = false
  for (const [, opening, low, comma, high, closing] of text.matchAll(/([[(])([\w.+-]*)(?:(,)([\w.+-]*))?([\])])/g)) {
    if (comma === undefined) {
      if (opening !== '[' || closing !== ']' || low === '') return undefined
      inside ||= compareVersions(version, low!) === 0
      continue
    }
    if (low && high && compareVersions(low, high) > 0) return undefined
    const above = !low || compareVersions(version, low) > 0 || (opening === '[' && compareVersions(version, low) === 0)
    const below = !high || compareVersions(version, high) < 0 || (closing === ']' && compareVersions(version, high) === 0)
    inside ||= above && below
  }
  return inside
}

/**
 * Orders versions as npm does (semver.org, 11): numbers count, a pre-release (`2.0.0-beta.1`) lies before its release, what follows a `+` does not
 * count. Missing numbers are 0, so that `1.0` is `1.0.0`.
 */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [partsOf(one), partsOf(other)]
  const order = comparePieces(left.numbers, right.numbers, '0')
  if (order !== 0) return order
  if (left.before.length === 0 || right.before.length === 0) return right.before.length - left.before.length
  return comparePieces(left.before, right.before, '')
}

/** A version that says by a hyphen that it is not the real one yet. */
export function isPreRelease(version: string): boolean {
  return partsOf(version).before.length > 0
}

function partsOf(version: string): { readonly numbers: readonly string[]; readonly before: readonly string[] } {
  const plain = version.split('+', 1)[0]!
  const hyphen = plain.indexOf('-')
  const [numbers, before] = hyphen < 0 ? [plain, ''] : [plain.slice(0, hyphen), plain.slice(hyphen + 1)]
  return { numbers: numbers.split('.'), before: before === '' ? [] : before.split(/[.-]/) }
}

function comparePieces(left: readonly string[], right: readonly string[], missing: string): number {
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = comparePiece(left[at] ?? missing, right[at] ?? missing)
    if (order !== 0) return order
  }
  return 0
}

/** Numbers lie before words, and nothing lies before both. */
function comparePiece(a: string, b: string): number {
  if (a === '' || b === '') return a.length - b.length
  const numeric = (piece: string) => /^\d+$/.test(piece)
  if (numeric(a) && numeric(b)) return Number(a) - Number(b)
  if (numeric(a) !== numeric(b)) return numeric(a) ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}
