import { ConfigError } from '../core/index.ts'

/** Refuses a key's value at creation, in Connect's words. */
export function refuse(key: string, value: string | undefined, why: string): never {
  const message = value === undefined ? `Configuration ${key}: ${why}` : `Invalid value ${value} for configuration ${key}: ${why}`
  throw new ConfigError([{ key, value: value ?? null, message }])
}

/** Runs what throws an Error for a wrong text, and refuses the key with its reason. */
export function refused<T>(key: string, value: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    return refuse(key, value, error instanceof Error ? error.message : String(error))
  }
}
