/**
 * Objects of one kind come again and again with the same names in the same order and the same white space. What was learned of such a kind
 * lets a reader compare whole stretches of text, and make the object at once rather than member by member.
 */
export interface JsonShape {
  /** The text before each value: what separates it from the one before, its name, the colon. The first begins with the brace. */
  readonly heads: readonly string[]
  readonly names: readonly string[]
  /** An object of these names, its values in their order. */
  readonly make: (values: readonly unknown[]) => object
}

/** Most members of an object whose shape is learned, and longest text before a value. */
const membersMax = 100
const headMax = 200

/** How often a shape is seen before code is made for it, which takes some ten microseconds. */
const seenMin = 3

/** Most shapes for which code is made, for the life of a process: hostile texts may have a new one each. */
const shapesMax = 2_000

/** Most shapes that are kept of objects which begin alike: a key `{"id":1}` and its value `{"id":1,"name":...}` do. */
const alikeMax = 4

interface Slot {
  shapes: readonly JsonShape[]
  /** Heads that were seen of late and are no shape yet, and how often. */
  candidates: readonly { readonly heads: readonly string[]; seen: number }[]
}

const slots: (Slot | undefined)[] = Array.from({ length: 1024 })
const none: readonly JsonShape[] = []
let made = 0

/** The shapes that the object beginning at `at` may have, told by its first characters. */
export function likelyShapes(text: string, at: number): readonly JsonShape[] {
  return slots[slotOf(text, at)]?.shapes ?? none
}

/** Another shape that goes on here, at `at`, where the first `count` members were those of `shape`, which goes on otherwise. */
export function otherShape(shapes: readonly JsonShape[], shape: JsonShape, count: number, text: string, at: number): JsonShape | undefined {
  for (const other of shapes) {
    if (other === shape || other.heads.length < count) continue
    const goesOn = other.heads.length === count ? text.charCodeAt(at) === 0x7d : text.startsWith(other.heads[count]!, at)
    if (goesOn && sameStart(other.heads, shape.heads, count)) return other
  }
  return undefined
}

/** Remembers what an object looked like. `heads` and `names` belong to the callee from here on. */
export function learnShape(text: string, at: number, heads: readonly string[], names: readonly string[]): void {
  if (made >= shapesMax || heads.length === 0 || heads.length > membersMax || heads.some((head) => head.length > headMax)) return
  const slot = (slots[slotOf(text, at)] ??= { shapes: none, candidates: [] })
  const known = slot.candidates.find((candidate) => sameTexts(candidate.heads, heads))
  if (known === undefined) {
    slot.candidates = [{ heads, seen: 1 }, ...slot.candidates].slice(0, alikeMax)
  } else if (++known.seen >= seenMin) {
    slot.shapes = [{ heads: heads.map(flat), names: names.map(flat), make: compile(names) }, ...slot.shapes].slice(0, alikeMax)
    slot.candidates = slot.candidates.filter((candidate) => candidate !== known)
    made++
  }
}

/** The first characters after the brace tell kinds apart well enough; the heads themselves decide. */
function slotOf(text: string, at: number): number {
  return (text.charCodeAt(at + 2) * 31 + text.charCodeAt(at + 3) * 7 + text.charCodeAt(at + 5) * 131 + text.charCodeAt(at + 1)) & 1023
}

/** A copy that does not keep the text alive from which it was cut. */
function flat(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le')
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && sameStart(a, b, a.length)
}

function sameStart(a: readonly string[], b: readonly string[], count: number): boolean {
  for (let at = 0; at < count; at++) if (a[at] !== b[at]) return false
  return true
}

/** Names enter the code as JSON strings only, computed, so that `__proto__` is a name like any other. */
function compile(names: readonly string[]): JsonShape['make'] {
  const members = names.map((name, index) => {
    const text = JSON.stringify(name).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
    return `${name === '__proto__' ? `[${text}]` : text}: v[${index}]`
  })
  return new Function('v', `return {${members.join(', ')}}`) as JsonShape['make']
}
