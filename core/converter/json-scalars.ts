/** A JSON string. Lone surrogates are written as escapes, so that they survive UTF-8. */
export function quote(text: string): string {
  if (text.length > 64) return JSON.stringify(text)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || code === 0x22 || code === 0x5c || (code >= 0xd800 && code <= 0xdfff)) return JSON.stringify(text)
  }
  return `"${text}"`
}

/** A double, shortest form that reads back the same; whole numbers keep a point (`1.0`), as Java writes them. */
export function double(value: number): string {
  if (!Number.isInteger(value)) return Number.isFinite(value) ? String(value) : `"${value}"`
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  return text.includes('e') ? text : `${text}.0`
}

/** A 32-bit float in its shortest form (`0.1`, not 0.10000000149011612); undefined for a number that is none. */
export function float(value: number): string | undefined {
  if (!Number.isFinite(value)) return double(value)
  const rounded = Math.fround(value)
  if (!Number.isFinite(rounded)) return undefined
  const shortest = shortestFloat(rounded)
  return rounded === value || shortest === value ? double(shortest) : undefined
}

/** The double with the fewest digits that rounds to this 32-bit float. */
export function shortestFloat(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === value) return candidate
  }
  return Number(value.toPrecision(9))
}

/** A 64-bit integer; undefined for anything else. */
export function integer(value: unknown): string | undefined {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value.toString() : undefined
  return Number.isSafeInteger(value) ? String(value) : undefined
}

/** True for `{...}` and `Object.create(null)`. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
