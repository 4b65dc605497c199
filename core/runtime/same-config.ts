import type { RawConfig } from './ends.ts'

/** True where both say the same, in whatever order of keys. */
export function sameConfig(a: RawConfig, b: RawConfig): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
}
