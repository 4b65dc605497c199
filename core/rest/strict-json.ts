import { BadRequestError } from '../contract/errors.ts'
import type { Json } from '../contract/json.ts'

/** How deep arrays and objects may lie in each other. */
export const depthMax = 64
/** How many members all objects and arrays of one body may have together. */
export const membersMax = 10_000

/** A number of a JSON text, with its spelling: configs echo `1.10` and `9007199254740993` as they were sent. */
export class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A parsed request body. */
export type JsonBody = string | NumberText | boolean | null | readonly JsonBody[] | { readonly [key: string]: JsonBody }

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses a request's body. Numbers keep their spelling; of duplicate keys the last wins (as in Jackson). Throws a BadRequestError for bytes
 * that are no UTF-8, for malformed JSON, beyond the limits above, and for keys that could reach a prototype.
 */
export function parseBody(bytes: Uint8Array): JsonBody {
  const text = decode(bytes)
  checkSize(text)
  try {
    return JSON.parse(text, revive) as JsonBody
  } catch (error) {
    if (error instanceof BadRequestError) throw error
    throw new BadRequestError(`The request body is not valid JSON: ${(error as Error).message}`, { cause: error })
  }
}

/** The value as the contract's Json. Throws a BadRequestError for a number that a double cannot hold exactly: as text it can be sent whole. */
export function plainJson(body: JsonBody): Json {
  if (body instanceof NumberText) return exactNumber(body.text)
  if (Array.isArray(body)) return (body as readonly JsonBody[]).map(plainJson)
  if (isObject(body)) return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, plainJson(value)]))
  return body as string | boolean | null
}

/** The value as JSON text, numbers as they were spelled. */
export function bodyText(body: JsonBody): string {
  if (body instanceof NumberText) return body.text
  if (Array.isArray(body)) return `[${(body as readonly JsonBody[]).map(bodyText).join(',')}]`
  if (!isObject(body)) return JSON.stringify(body)
  return `{${Object.entries(body)
    .map(([key, value]) => `${JSON.stringify(key)}:${bodyText(value)}`)
    .join(',')}}`
}

/** True for a JSON object: not null, a list or a number. */
export function isObject(body: JsonBody | undefined): body is { readonly [key: string]: JsonBody } {
  return typeof body === 'object' && body !== null && !Array.isArray(body) && !(body instanceof NumberText)
}

/** What a person calls this value, for error texts. */
export function kindOf(body: JsonBody | undefined): string {
  if (body === undefined) return 'missing'
  if (body === null) return 'null'
  if (Array.isArray(body)) return 'a list'
  if (body instanceof NumberText) return 'a number'
  return typeof body === 'object' ? 'an object' : typeof body === 'string' ? 'text' : 'a boolean'
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new BadRequestError('The request body is not valid UTF-8', { cause: error })
  }
}

/** Looks at the text before the parser does, so that a deep or wide body costs no more than one pass over it. */
function checkSize(text: string): void {
  let depth = 0
  let members = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (quoted) {
      if (code === 0x5c) at++
      else if (code === 0x22) quoted = false
    } else if (code === 0x22) quoted = true
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > depthMax) throw new BadRequestError(`The request body is nested deeper than ${depthMax} levels`)
      members++
    } else if (code === 0x7d || code === 0x5d) depth--
    else if (code === 0x2c) members++
    if (members > membersMax) throw new BadRequestError(`The request body has more than ${membersMax} keys and elements`)
  }
}

function revive(this: unknown, key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (key === '__proto__') throw new BadRequestError('The request body has a key "__proto__", which is not allowed')
  if (key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')) {
    throw new BadRequestError('The request body has a key "constructor.prototype", which is not allowed')
  }
  return typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value
}

function exactNumber(text: string): number {
  const value = Number(text)
  if (/^-?\d+$/.test(text) ? !Number.isSafeInteger(value) : !Number.isFinite(value)) {
    throw new BadRequestError(`The number ${text} cannot be held exactly: send it as text, "${text}"`)
  }
  return value
}
