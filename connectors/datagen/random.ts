/** Well-mixed 32 bits for record `n` of a seed. Not for secrets. `n` is a non-negative safe integer. */
export function hash(seed: number, n: number): number {
  let h =
    Math.imul((n | 0) ^ Math.imul(seed | 0, 0x9e3779b1), 0x85ebca6b) ^
    Math.imul(highBits(n) ^ Math.imul(highBits(seed), 0x27d4eb2f), 0xc2b2ae35)
  h ^= h >>> 16
  h = Math.imul(h, 0x7feb352d)
  h ^= h >>> 15
  h = Math.imul(h, 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}

/** The next 32 bits after `h`, for the columns of one record (one step of a well-mixed permutation). */
export function next(h: number): number {
  let x = (h + 0x9e3779b9) | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return (x ^ (x >>> 15)) >>> 0
}

/** Eight hexadecimal digits. */
export function hex8(h: number): string {
  return hexPairs[h >>> 16]! + hexPairs[h & 0xffff]!
}

/** A version 4 uuid from four words. */
export function uuid(a: number, b: number, c: number, d: number): string {
  const variant = hexPairs[((c >>> 16) & 0x3fff) | 0x8000]!
  return `${hex8(a)}-${hexPairs[b >>> 16]!}-${hexPairs[(b & 0x0fff) | 0x4000]!}-${variant}-${hexPairs[c & 0xffff]!}${hex8(d)}`
}

// Math.imul and | 0 see the low 32 bits only.
function highBits(n: number): number {
  return Math.floor(n / 0x1_0000_0000) | 0
}

const hexPairs = Array.from({ length: 65_536 }, (_, index) => index.toString(16).padStart(4, '0'))
