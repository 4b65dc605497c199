/** Names a place in a value for people: `after.items[]` in `Field "after.items[]"`, or `The value` at the top. */
export function placeText(path: string): string {
  return path === '' ? 'The value' : `Field "${path}"`
}

/** The path of a member. */
export function memberPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** A value as an error may show it: its kind, and its start where it is short text or a number. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return `text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value).slice(0, 60)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return 'an object'
}

/** True for names that every object inherits, so that only an own property of that name counts as a field. */
export function isInheritedName(name: string): boolean {
  return name in Object.prototype
}

/** Gives `object` an own property of any name, `__proto__` included. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
  else object[name] = value
}
