/** JSON for readers, in which nothing is lost: 64-bit integers with all digits, bytes as base64, maps as pairs, numbers that JSON lacks as text. */
export function exactJson(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'bigint':
      return value.toString()
    case 'number':
      return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
    case 'boolean':
      return String(value)
    case 'object':
      break
    default:
      return JSON.stringify(String(value))
  }
  if (value instanceof Uint8Array) return `{"base64":"${Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')}"}`
  if (Array.isArray(value)) return `[${value.map(exactJson).join(',')}]`
  if (value instanceof Map) return `{"map":[${[...value].map(([key, item]) => `[${exactJson(key)},${exactJson(item)}]`).join(',')}]}`
  if (value instanceof Date) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${exactJson(item)}`)
    .join(',')}}`
}
