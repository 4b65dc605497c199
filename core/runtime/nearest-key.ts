/** The known key that a mistyped one most likely means: at most two slips away (a third of a short key); undefined: none is near. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.min(2, Math.floor(key.length / 3)) + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - key.length) >= least || candidate.length > 200) continue
    const slips = distance(key.toLowerCase(), candidate.toLowerCase())
    if (slips < least) {
      least = slips
      best = candidate
    }
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours between two texts (optimal string alignment). */
function distance(one: string, other: string): number {
  let last: readonly number[] = []
  let row: readonly number[] = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const step = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1))
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      next[j] = swapped ? Math.min(step, last[j - 2]! + 1) : step
    }
    last = row
    row = next
  }
  return row[other.length]!
}
