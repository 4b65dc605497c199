/**
 * Whether a version lies in a Maven range: `[1.0,2.0)`, `(,1.5]`, `[1.2]`, several joined by commas; a bare version means exactly that one,
 * as plugins have one version here. undefined: the text is no range.
 */
export function versionInRange(version: string, range: string): boolean | undefined {
  const text = range.replace(/\s+/g, '')
  if (/^[\w.+-]+$/.test(text)) return compare(version, text) === 0
  if (!/^[[(][\w.+-]*(,[\w.+-]*)?[\])](,[[(][\w.+-]*(,[\w.+-]*)?[\])])*$/.test(text)) return undefined
  let inside = false
  for (const [, opening, low, comma, high, closing] of text.matchAll(/([[(])([\w.+-]*)(?:(,)([\w.+-]*))?([\])])/g)) {
    if (comma === undefined) {
      if (opening !== '[' || closing !== ']' || low === '') return undefined
      inside ||= compare(version, low!) === 0
      continue
    }
    if (low && high && compare(low, high) > 0) return undefined
    const above = !low || compare(version, low) > 0 || (opening === '[' && compare(version, low) === 0)
    const below = !high || compare(version, high) < 0 || (closing === ']' && compare(version, high) === 0)
    inside ||= above && below
  }
  return inside
}

function compare(one: string, other: string): number {
  const [left, right] = [one, other].map((version) => version.split(/[.+-]/))
  for (let at = 0; at < Math.max(left!.length, right!.length); at++) {
    const [a, b] = [left![at] ?? '0', right![at] ?? '0']
    const numeric = /^\d+$/.test(a) && /^\d+$/.test(b)
    const order = numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0
    if (order !== 0) return order
  }
  return 0
}
