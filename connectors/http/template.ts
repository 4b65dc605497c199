import { DataError, type ConnectRecord, decimalText, jsonText } from '../../core/index.ts'

/** Turns a record into text. Throws a DataError where the record lacks what a placeholder names. */
export type Template = (record: ConnectRecord) => string

/** How a placeholder's value becomes text: `url` percent-encoded, `header` as it is, `json` as a JSON value. */
export type TemplateUse = 'url' | 'header' | 'json'

type Read = (record: ConnectRecord) => unknown

const placeholder = /\$\{([^}]*)\}/g

/** What is wrong with a template; undefined: nothing. */
export function templateFault(text: string): string | undefined {
  for (const [whole, name] of text.matchAll(placeholder)) {
    if (reader(name!) === undefined) {
      return `has ${whole}; known are \${topic}, \${partition}, \${timestamp}, \${key}, \${key.field}, \${value}, \${value.field} and \${header.name}`
    }
  }
  return text.replace(placeholder, '').includes('${') ? 'has "${" without its end "}"' : undefined
}

/** A template that `templateFault` finds nothing in. */
export function template(text: string, use: TemplateUse): Template {
  const parts: (string | Template)[] = []
  let end = 0
  for (const match of text.matchAll(placeholder)) {
    parts.push(text.slice(end, match.index), part(match[1]!, use))
    end = match.index + match[0].length
  }
  parts.push(text.slice(end))
  if (parts.length === 1) return () => text
  return (record) => parts.map((one) => (typeof one === 'string' ? one : one(record))).join('')
}

function part(name: string, use: TemplateUse): Template {
  const read = reader(name)!
  if (use === 'json') return (record) => jsonText(read(record))
  return (record) => {
    const text = plainText(read(record), name)
    if (use === 'url') return encoded(text, name)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) throw new DataError(`\${${name}} is ${JSON.stringify(text)}, which no header can carry`)
    return text
  }
}

/** A part of a path that is "." or ".." would change the path when the URL is parsed, encoded or not. */
function encoded(text: string, name: string): string {
  if (text === '' || text === '.' || text === '..') throw new DataError(`\${${name}} is "${text}", which has no place in a URL`)
  if (!text.isWellFormed()) throw new DataError(`\${${name}} is no Unicode text, so it has no place in a URL`)
  return encodeURIComponent(text)
}

function plainText(value: unknown, name: string): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
  }
  const { unscaled, scale } = (value ?? {}) as { unscaled?: unknown; scale?: unknown }
  if (typeof unscaled === 'bigint' && typeof scale === 'number') return decimalText({ unscaled, scale })
  const found = value === null || value === undefined ? 'nothing' : 'no single value'
  throw new DataError(`\${${name}} is ${found} in this record, and stands in a URL or a header`)
}

function reader(name: string): Read | undefined {
  const [root, ...path] = name.split('.')
  if (path.some((field) => field === '')) return undefined
  switch (root) {
    case 'topic':
    case 'partition':
    case 'timestamp':
      return path.length === 0 ? (record) => record[root] : undefined
    case 'key':
    case 'value':
      return (record) => path.reduce<unknown>(fieldOf, record[root])
    case 'header': {
      if (path.length === 0) return undefined
      const header = path.join('.')
      return (record) => record.headers.findLast((one) => one.key === header)?.value
    }
    default:
      return undefined
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (value instanceof Map) return value.get(name)
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}
