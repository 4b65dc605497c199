import { pino, type Logger as PinoLogger, type DestinationStream } from 'pino'
import type { Logger } from '../contract/context.ts'
import type { LevelName } from './protocol.ts'

const pinoLevels: Readonly<Record<LevelName, string>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
  FATAL: 'fatal',
  OFF: 'silent',
}

interface Entry {
  readonly logger: PinoLogger
  level: LevelName
  lastModified: number | null
  onChange: ((level: LevelName) => void) | undefined
}

/** The worker's named loggers, in Connect's manner: dots make a hierarchy, `root` stands above all. */
export class Loggers {
  readonly #root: PinoLogger
  readonly #entries = new Map<string, Entry>()

  /** Lines go to stdout unless `destination` says otherwise. */
  constructor(options: { readonly level?: LevelName; readonly destination?: DestinationStream } = {}) {
    const settings = { base: { pid: process.pid }, level: 'trace' }
    this.#root = options.destination ? pino(settings, options.destination) : pino(settings)
    const level = options.level ?? 'INFO'
    this.#entries.set('root', { logger: this.#root, level, lastModified: null, onChange: undefined })
  }

  /** The logger of that name; its level is that of the nearest one above it until it is set itself. */
  logger(name: string, fields: object = {}): Logger {
    const known = this.#entries.get(name)
    if (known) return known.logger
    const level = this.level(name)
    const logger = this.#root.child({ logger: name, ...fields }, { level: pinoLevels[level] })
    this.#entries.set(name, { logger, level, lastModified: null, onChange: undefined })
    return logger
  }

  /** Tells of later changes of the logger's level: hosts keep their own. */
  onChange(name: string, callback: (level: LevelName) => void): void {
    const entry = this.#entries.get(name)
    if (entry) entry.onChange = callback
  }

  forget(name: string): void {
    this.#entries.delete(name)
  }

  level(name: string): LevelName {
    for (let at = name; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      const entry = this.#entries.get(at)
      if (entry) return entry.level
    }
    return this.#entries.get('root')!.level
  }

  list(): readonly { readonly name: string; readonly level: LevelName; readonly lastModified: number | null }[] {
    return [...this.#entries].map(([name, { level, lastModified }]) => ({ name, level, lastModified }))
  }

  /** Sets a logger and all under it; answers the names whose level changed. `ALL` is TRACE here. */
  set(name: string, level: string): readonly string[] {
    const wanted = (level === 'ALL' ? 'TRACE' : level) as LevelName
    if (name !== 'root' && !this.#entries.has(name)) this.logger(name)
    const changed: string[] = []
    for (const [at, entry] of this.#entries) {
      if (name !== 'root' && at !== name && !at.startsWith(`${name}.`)) continue
      if (entry.level === wanted) continue
      entry.level = wanted
      entry.lastModified = Date.now()
      // The root itself writes nothing; its children carry their own levels.
      if (at !== 'root') entry.logger.level = pinoLevels[wanted]
      entry.onChange?.(wanted)
      changed.push(at)
    }
    return changed.sort()
  }
}
