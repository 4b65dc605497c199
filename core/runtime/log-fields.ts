import type { Logger } from '../contract/context.ts'

/** The same logger with these fields on every line. */
export function withFields(log: Logger, fields: object): Logger {
  return {
    trace: (more, message) => log.trace({ ...fields, ...more }, message),
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (more, message) => log.info({ ...fields, ...more }, message),
    warn: (more, message) => log.warn({ ...fields, ...more }, message),
    error: (more, message) => log.error({ ...fields, ...more }, message),
  }
}
