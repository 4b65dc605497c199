import { ConfigError } from '../contract/errors.ts'

/** One header that every answer carries; dates are counted from the moment of the answer. */
export interface ResponseHeader {
  readonly name: string
  /** Added beside an equal one instead of replacing it. */
  readonly add: boolean
  readonly value: () => string
}

const names = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const key = 'response.http.headers.config'

/**
 * Reads `response.http.headers.config`: `[set|add|setDate|addDate] name:value`, separated by commas, an item with commas in double quotes
 * (KIP-577). The date actions take milliseconds from now. Throws a ConfigError with the item that is wrong.
 */
export function responseHeaders(config: string): readonly ResponseHeader[] {
  return items(config).map((item) => {
    const match = /^(\S+)\s+([^:]+?)\s*:\s*(.*)$/s.exec(item)
    if (!match) throw fault(config, `"${item}" is not of the form "[action] [header name]:[header value]"`)
    const [, action, name, value] = match as unknown as [string, string, string, string]
    const known = ['set', 'add', 'setdate', 'adddate'].includes(action.toLowerCase())
    if (!known) throw fault(config, `unknown action "${action}": use set, add, setDate or addDate`)
    if (!names.test(name)) throw fault(config, `"${name}" is no header name`)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw fault(config, `the value of ${name} has characters that no header may carry`)
    const add = action.toLowerCase().startsWith('add')
    if (!action.toLowerCase().endsWith('date')) return { name, add, value: () => value }
    const offset = Number(value)
    if (!/^-?\d{1,13}$/.test(value)) throw fault(config, `the value of ${name} must be a number of milliseconds, not "${value}"`)
    return { name, add, value: () => new Date(Date.now() + offset).toUTCString() }
  })
}

function items(config: string): readonly string[] {
  const found = config.match(/"[^"]*"|[^,"]+/g) ?? []
  return found.map((item) => item.trim().replace(/^"|"$/g, '').trim()).filter((item) => item !== '')
}

function fault(config: string, text: string): ConfigError {
  return new ConfigError([{ key, value: config, message: `Invalid value ${config} for configuration ${key}: ${text}` }])
}
