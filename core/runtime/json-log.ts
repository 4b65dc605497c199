import type { Logger } from '../contract/context.ts'
import type { LevelName } from './protocol.ts'

const levels: Readonly<Record<LevelName, number>> = { TRACE: 10, DEBUG: 20, INFO: 30, WARN: 40, ERROR: 50, FATAL: 60, OFF: Infinity }

/** Name of a connector's logger, in the worker and in its hosts. */
export const connectorLogger = (connector: string) => `millrace.connector.${connector}`

/**
 * Writes the lines that pino writes, without pino: it would cost every task's process 7 MB of resident memory.
 * `write` gets whole lines; `redact` removes secrets from each.
 */
export class JsonLog implements Logger {
  readonly #fields: string
  readonly #write: (line: string) => void
  readonly #redact: (text: string) => string
  level: LevelName

  constructor(fields: object, level: LevelName, write: (line: string) => void, redact: (text: string) => string) {
    this.#fields = members(fields)
    this.#write = write
    this.#redact = redact
    this.level = level
  }

  trace(fields: object, message: string): void {
    this.#line(levels.TRACE, fields, message)
  }
  debug(fields: object, message: string): void {
    this.#line(levels.DEBUG, fields, message)
  }
  info(fields: object, message: string): void {
    this.#line(levels.INFO, fields, message)
  }
  warn(fields: object, message: string): void {
    this.#line(levels.WARN, fields, message)
  }
  error(fields: object, message: string): void {
    this.#line(levels.ERROR, fields, message)
  }

  #line(level: number, fields: object, message: string): void {
    if (level < levels[this.level]) return
    const line = `{"level":${level},"time":${Date.now()},"pid":${process.pid}${this.#fields}${members(fields)},"msg":${JSON.stringify(message)}}`
    this.#write(`${this.#redact(line)}\n`)
  }
}

function members(fields: object): string {
  return Object.entries(fields)
    .map(([key, value]) => [key, text(value)] as const)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `,${JSON.stringify(key)}:${value}`)
    .join('')
}

function text(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, item: unknown) => {
      if (typeof item === 'bigint') return item.toString()
      if (item instanceof Error) return { type: item.name, message: item.message, stack: item.stack }
      if (item instanceof Map) return [...item]
      return item
    })
  } catch {
    return '"[cannot be shown]"' // A log line never fails the work that it tells of: circular fields are named, not written.
  }
}
