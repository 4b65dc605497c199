// `rawJSON` is in V8 since Node 22; TypeScript's library does not declare it yet.
const json = JSON as unknown as { rawJSON(text: string): unknown }

/** A replacer for JSON.stringify: 64-bit integers become bare numbers with all their digits. */
export function exactIntegers(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? json.rawJSON(value.toString()) : value
}
