import { readFileSync, statSync } from 'node:fs'
import { parseProperties } from '../../core/runtime/properties.ts'

/** A connector as a file describes it. */
export interface ConnectorFile {
  readonly file: string
  readonly name: string
  /** With its `name` in it, as workers keep it. */
  readonly config: Readonly<Record<string, string>>
  /** `initial_state` of the file: holds only when the connector is made. */
  readonly state: 'RUNNING' | 'PAUSED' | 'STOPPED' | undefined
}

/** A fault of a file or of the config in it; `key` null: of the file as a whole. */
export interface FileFault {
  readonly file: string
  readonly key: string | null
  /** As it may be shown: never a secret. */
  readonly value?: string | null
  readonly message: string
}

const fileBytesMax = 4 * 2 ** 20
const states = ['RUNNING', 'PAUSED', 'STOPPED'] as const
/** Of a connector as REST gives it; `tasks` and `type` are the worker's business. */
const members = ['name', 'config', 'initial_state', 'tasks', 'type']

/**
 * Reads a connector: Java properties, a flat JSON config with `name`, or the form of REST `{name, config}`. `-` is standard input.
 * Gives every fault instead where there is one; nothing is left out in silence.
 */
export function readConnector(file: string): ConnectorFile | readonly FileFault[] {
  const label = file === '-' ? 'standard input' : file
  const fault = (key: string | null, message: string, value?: string | null): readonly FileFault[] => [{ file: label, key, message, value }]
  let text: string
  try {
    if (file !== '-' && statSync(file).size > fileBytesMax) return fault(null, 'The file is larger than 4 MB: it is no connector config')
    text = readFileSync(file === '-' ? 0 : file, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    return fault(null, `It cannot be read: ${(error as Error).message}`)
  }
  if (text.trim() === '') return fault(null, 'The file is empty: it needs a connector config')
  if (!/^\s*[{[]/.test(text)) return named(label, undefined, parseProperties(text), undefined)
  let tree: unknown
  try {
    tree = JSON.parse(text, spelled)
  } catch (error) {
    return fault(null, `It is not valid JSON: ${(error as Error).message}`)
  }
  if (Array.isArray(tree)) return fault(null, 'It holds a list: put each connector into a file of its own')
  const twice = repeatedKey(text)
  if (twice !== undefined) return fault(twice, `The key "${twice}" stands there twice: remove one`)
  const body = tree as Readonly<Record<string, unknown>>
  if (typeof body['config'] !== 'object' || body['config'] === null) return flat(label, undefined, body, undefined)
  const unknown = Object.keys(body).find((member) => !members.includes(member))
  if (unknown !== undefined) return fault(unknown, `Nothing reads "${unknown}" beside "config": move it into "config", or remove it`)
  const state = typeof body['initial_state'] === 'string' ? body['initial_state'].toUpperCase() : body['initial_state']
  if (state !== undefined && !states.some((one) => one === state)) {
    return fault('initial_state', `It must be one of ${states.join(', ')}`, JSON.stringify(body['initial_state']))
  }
  const { name } = body
  if (name !== undefined && typeof name !== 'string') return fault('name', 'It must be text', JSON.stringify(name))
  return flat(label, name, body['config'] as Readonly<Record<string, unknown>>, state as ConnectorFile['state'])
}

/** For people: `orders.json: tasks.max = "zero": Invalid value ...` */
export function faultText({ file, key, value, message }: FileFault): string {
  const given = value === undefined || value === null || value === '' ? '' : ` = ${JSON.stringify(value)}`
  return `${file}: ${key === null ? '' : `${key}${given}: `}${message}`
}

function flat(
  file: string,
  name: string | undefined,
  body: Readonly<Record<string, unknown>>,
  state: ConnectorFile['state'],
): ConnectorFile | readonly FileFault[] {
  const faults: FileFault[] = []
  const entries = Object.entries(body).map(([key, value]) => {
    if (value === null) faults.push({ file, key, message: 'The value is null: remove the key, or give it a value' })
    else if (Array.isArray(value))
      faults.push({ file, key, message: 'The value is a list: write it as one text, its items separated by commas' }) // prettier-ignore
    else if (typeof value === 'object') faults.push({ file, key, message: 'The value is an object: write it flat, with dots in the key' })
    return [key, String(value)] as const
  })
  return faults.length > 0 ? faults : named(file, name, Object.fromEntries(entries), state)
}

function named(
  file: string,
  outer: string | undefined,
  config: Readonly<Record<string, string>>,
  state: ConnectorFile['state'],
): ConnectorFile | readonly FileFault[] {
  const inner = config['name']
  const name = (outer ?? inner ?? '').trim()
  if (name === '') return [{ file, key: 'name', message: 'The connector has no name: add "name"' }]
  if (outer !== undefined && inner !== undefined && inner !== name) {
    return [{ file, key: 'name', value: inner, message: `The config has another name than the file's "${name}": make them the same` }]
  }
  return { file, name, config: { ...config, name }, state }
}

/** Numbers keep their spelling: 1.10 stays 1.10, and 64-bit ones all their digits. */
function spelled(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? context.source : value
}

/** A key that one object of this valid JSON has twice: of the two values a parser would drop one in silence. */
function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | null)[] = []
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(null)
    else if (token === '}' || token === ']') open.pop()
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return undefined
}
