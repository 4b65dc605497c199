import type { ConfigIssue } from './errors.ts'

/** A connector's, transform's or converter's settings: one constant from which types, defaults, docs and validation follow. */
export type ConfigDef = Readonly<Record<string, ConfigKey>>

/** Connect's config types; in a parsed config they are string, number, boolean, readonly string[] and, for passwords, string. */
export type ConfigType = 'string' | 'int' | 'short' | 'long' | 'double' | 'boolean' | 'list' | 'class' | 'password'

export interface ConfigKey {
  readonly type: ConfigType
  readonly doc: string
  /** Absent: no default; then the key is required, or undefined when not given. */
  readonly default?: string | number | boolean | readonly string[] | null
  readonly required?: boolean
  readonly importance?: 'high' | 'medium' | 'low'
  readonly group?: string
  readonly width?: 'none' | 'short' | 'medium' | 'long'
  readonly displayName?: string
  /** Allowed values; shown as recommendations. One value is compared without regard to case and becomes the spelling of this list; list items are compared exactly. */
  readonly oneOf?: readonly string[]
  readonly min?: number
  readonly max?: number
  /** What is wrong with a value of the right type; undefined: nothing. Write the parameter's type: `(value: string) => ...`. */
  readonly check?: (value: never) => string | undefined
  /** The key is known from the system that Millrace stands in for, but not supported: giving it is an error that says this. */
  readonly unsupported?: string
}

type ValueOf<K extends ConfigKey> = K['type'] extends 'int' | 'short' | 'long' | 'double'
  ? number
  : K['type'] extends 'boolean'
    ? boolean
    : K['type'] extends 'list'
      ? readonly OneOf<K>[]
      : OneOf<K>

/** The allowed values where the definition lists them, as they are spelled there. */
type OneOf<K extends ConfigKey> = K extends { readonly oneOf: readonly (infer V extends string)[] } ? V : string

type Given<K extends ConfigKey> = K extends { readonly required: true }
  ? true
  : K extends { readonly default: infer V }
    ? V extends null
      ? false
      : true
    : false

/** The parsed config of a definition: every key with its type; keys without a value are undefined. */
export type ConfigOf<D extends ConfigDef> = {
  readonly [K in keyof D]: Given<D[K]> extends true ? ValueOf<D[K]> : ValueOf<D[K]> | undefined
}

/** What a key's definition may hold beside its literal types: no unknown property, and a default of the key's own type. */
type Checked<K extends ConfigKey> = { readonly [P in Exclude<keyof K, keyof ConfigKey>]: never } & CheckedDefault<K> & CheckedCheck<K>

/** Definitions that are computed (whose default is of any type) are not looked at. */
type CheckedDefault<K extends ConfigKey> = ConfigKey['default'] extends K['default'] ? unknown : { readonly default?: ValueOf<K> | null }

type CheckedCheck<K extends ConfigKey> = ConfigKey['check'] extends K['check']
  ? unknown
  : { readonly check?: (value: ValueOf<K>) => string | undefined }

/**
 * Declares settings; keeps their literal types for `ConfigOf`. A misspelled property, and a default that is not of the key's type or not
 * among `oneOf`, are errors of the compiler.
 */
export function defineConfig<const D extends ConfigDef>(def: D & { readonly [K in keyof D]: Checked<D[K]> }): D {
  return def
}

/** What one key came to: its parsed value and its faults, in Connect's words. */
export interface ParsedKey {
  readonly name: string
  /** As given, or the default in text form; null where there is neither. A password reads `[hidden]`. */
  readonly text: string | null
  readonly value: unknown
  readonly errors: readonly string[]
}

/** Parses every key of the definition. Never throws; a faulty key's value is undefined. */
export function parseKeys(def: ConfigDef, raw: Readonly<Record<string, string | null>>): readonly ParsedKey[] {
  return Object.entries(def).map(([name, key]) => parseKey(name, key, Object.hasOwn(raw, name) ? raw[name]! : undefined))
}

/** The typed config and all its faults at once. Keys that the definition does not know are left out. */
export function parseConfig<D extends ConfigDef>(
  def: D,
  raw: Readonly<Record<string, string | null>>,
): { readonly config: ConfigOf<D>; readonly issues: readonly ConfigIssue[] } {
  const keys = parseKeys(def, raw)
  const issues = keys.flatMap((key) => key.errors.map((message) => ({ key: key.name, value: key.text, message })))
  return { config: Object.fromEntries(keys.map((key) => [key.name, key.value])) as ConfigOf<D>, issues }
}

/** The text form in which Connect shows a default. */
export function defaultText(key: ConfigKey): string | null {
  if (key.default === undefined || key.default === null) return null
  return Array.isArray(key.default) ? key.default.join(',') : String(key.default)
}

function parseKey(name: string, key: ConfigKey, given: string | null | undefined): ParsedKey {
  const hidden = key.type === 'password'
  if (given === undefined) {
    const text = defaultText(key)
    const errors = key.required ? [`Missing required configuration "${name}" which has no default value.`] : []
    return { name, text: hidden && text ? '[hidden]' : text, value: key.default ?? undefined, errors }
  }
  if (given === null) return { name, text: null, value: undefined, errors: ['Null value can not be supplied as the configuration value.'] }
  const shown = hidden ? '[hidden]' : given
  if (key.unsupported !== undefined) {
    return { name, text: shown, value: undefined, errors: [`Configuration ${name} is not supported: ${key.unsupported}`] }
  }
  const parsed = parseText(key, given)
  if ('fault' in parsed) {
    const errors = [`Invalid value ${shown} for configuration ${name}: ${parsed.fault}`]
    const numeric = key.type === 'int' || key.type === 'short' || key.type === 'long' || key.type === 'double'
    if (numeric && key.min !== undefined) errors.push(`Invalid value null for configuration ${name}: Value must be non-null`)
    return { name, text: numeric ? null : shown, value: undefined, errors }
  }
  const value = asListed(key, parsed.value)
  const fault = checkValue(key, value)
  const errors = fault === undefined ? [] : [`Invalid value ${listText(shown, key)} for configuration ${name}: ${fault}`]
  return { name, text: shown, value: fault === undefined ? value : undefined, errors }
}

/** The spelling of `oneOf`, whose literal types `ConfigOf` promises. */
function asListed(key: ConfigKey, value: unknown): unknown {
  if (!key.oneOf || typeof value !== 'string') return value
  return key.oneOf.find((one) => one === value) ?? key.oneOf.find((one) => one.toLowerCase() === value.toLowerCase()) ?? value
}

function listText(shown: string, key: ConfigKey): string {
  return key.type === 'list' ? `[${splitList(shown).join(', ')}]` : shown
}

const ranges = {
  int: [-2147483648n, 2147483647n],
  short: [-32768n, 32767n],
  long: [-9223372036854775808n, 9223372036854775807n],
} as const

function parseText(key: ConfigKey, given: string): { readonly value: unknown } | { readonly fault: string } {
  const text = given.trim()
  switch (key.type) {
    case 'string':
    case 'class':
      return { value: text }
    case 'password':
      return { value: given }
    case 'boolean':
      if (/^true$/i.test(text)) return { value: true }
      if (/^false$/i.test(text)) return { value: false }
      return { fault: 'Expected value to be either true or false' }
    case 'list':
      return { value: splitList(text) }
    case 'double': {
      const number = Number(text)
      return text === '' || Number.isNaN(number) ? { fault: 'Not a number of type DOUBLE' } : { value: number }
    }
    case 'int':
    case 'short':
    case 'long': {
      const fault = { fault: `Not a number of type ${key.type.toUpperCase()}` }
      if (!/^[+-]?\d{1,19}$/.test(text)) return fault
      const number = BigInt(text.replace('+', ''))
      const [low, high] = ranges[key.type]
      if (number < low || number > high) return fault
      if (number > BigInt(Number.MAX_SAFE_INTEGER)) return { value: Number.MAX_SAFE_INTEGER }
      return { value: Number(number) }
    }
    default:
      return key.type satisfies never
  }
}

function splitList(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.trim().split(/\s*,\s*/)
}

function checkValue(key: ConfigKey, value: unknown): string | undefined {
  if (typeof value === 'number' && key.min !== undefined && value < key.min) return `Value must be at least ${key.min}`
  if (typeof value === 'number' && key.max !== undefined && value > key.max) return `Value must be no more than ${key.max}`
  if (key.oneOf && typeof value === 'string' && !key.oneOf.includes(value)) {
    return `String must be one of: ${key.oneOf.join(', ')}`
  }
  if (key.oneOf && Array.isArray(value)) {
    const wrong = value.find((item: string) => !key.oneOf!.includes(item))
    if (wrong !== undefined) return `String must be one of: ${key.oneOf.join(', ')}`
  }
  return key.check?.(value as never)
}
