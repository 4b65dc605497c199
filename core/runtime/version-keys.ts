import type { Pins } from '../store/store.ts'
import type { Wish } from './registry.ts'

export const noPins: Pins = {}

/** The key that says which version of a class is meant, as Connect names them (KIP-891); ours for the other end follows them. */
export function versionKeyOf(key: string): string {
  return key.endsWith('.converter') ? `${key}.plugin.version` : key.replace(/\.(class|type)$/, '.plugin.version')
}

/** What a config and the pins say of the class that a key names. */
export function wishOf(key: string, given: Readonly<Record<string, string | null>>, pins: Pins = noPins): Wish {
  return { range: given[versionKeyOf(key)], pin: Object.hasOwn(pins, key) ? pins[key] : undefined }
}
