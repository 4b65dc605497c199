import { BadRequestError, NotFoundError } from '../contract/errors.ts'
import { refusal } from './problem.ts'
import { ok, type Answer, type Call, type Route } from './route.ts'
import { isObject, kindOf } from './strict-json.ts'

/** The worker's loggers, as the admin endpoints see them. */
export interface LoggerLevels {
  list(): readonly LoggerLevel[]
  /** Sets a logger and those under it; answers the names whose level changed. `level` is one of `levels`. */
  set(name: string, level: string): readonly string[]
}

export interface LoggerLevel {
  readonly name: string
  readonly level: string
  /** Milliseconds since the epoch; null: never changed. */
  readonly lastModified: number | null
}

/** The levels that Connect's log4j knows. */
export const levels: readonly string[] = ['OFF', 'FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE', 'ALL']

/** /admin/loggers (KIP-495, KIP-976). */
export function loggerRoutes(loggers: LoggerLevels): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/admin/loggers',
      answer: () => {
        const sorted = loggers.list().toSorted((one, other) => (one.name < other.name ? -1 : 1))
        return ok(Object.fromEntries(sorted.map((logger) => [logger.name, shape(logger)])))
      },
    },
    {
      method: 'GET',
      path: '/admin/loggers/:logger',
      answer: (call) => {
        const name = call.param('logger')
        const found = loggers.list().find((logger) => logger.name === name)
        if (!found) throw new NotFoundError(`Logger ${name} not found.`)
        return ok(shape(found))
      },
    },
    { method: 'PUT', path: '/admin/loggers/:logger', answer: (call) => set(loggers, call) },
  ]
}

/** `scope=cluster` answers 204 as in Connect; a cluster here is this one worker. Unknown scopes mean the worker. */
function set(loggers: LoggerLevels, call: Call): Answer {
  const body = call.body()
  if (body !== undefined && !isObject(body))
    throw new BadRequestError(`The request body must be an object {"level"}; it is ${kindOf(body)}`)
  const level = body?.['level']
  if (level === undefined || level === null) throw new BadRequestError("Desired 'level' parameter was not specified in request.")
  if (typeof level !== 'string') throw new BadRequestError(`"level" must be text; it is ${kindOf(level)}`)
  if (!levels.includes(level.toUpperCase())) throw new NotFoundError(`invalid log level '${level}'.`)
  const name = call.param('logger')
  if (name === '') throw refusal(404)
  const changed = loggers.set(name, level.toUpperCase())
  return call.query.get('scope')?.toLowerCase() === 'cluster' ? { status: 204 } : ok(changed)
}

function shape({ level, lastModified }: LoggerLevel): unknown {
  return { level, last_modified: lastModified }
}
