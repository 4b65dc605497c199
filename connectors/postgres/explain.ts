import { ConfigError, RetriableError, type ConfigIssue } from '../../core/index.ts'
import type { ConnectionSettings } from './connection.ts'
import { errorCode, isTransient } from './server-error.ts'

/** The key that is to blame for a connection that could not be opened, in words; undefined: no single key is. Never tells a secret. */
export function connectIssue(error: unknown, settings: ConnectionSettings): ConfigIssue | undefined {
  const place = `${settings.host}:${settings.port}`
  const text = error instanceof Error ? error.message : String(error)
  const code = errorCode(error)
  const issue = (key: string, value: string, message: string): ConfigIssue => ({ key, value, message })
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return issue('database.hostname', settings.host, `No host "${settings.host}" is known: ${text}`)
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return issue('database.hostname', settings.host, `Nothing answers at ${place} (database.hostname, database.port): ${text}`)
    case '28P01':
      return issue('database.password', '[hidden]', `The server refuses the password of the user "${settings.user}"`)
    case '28000':
      return issue(
        'database.user',
        settings.user,
        `The server does not let the user "${settings.user}" in: ${text}. Its pg_hba.conf decides`,
      )
    case '3D000':
      return issue('database.dbname', settings.database, `The server at ${place} has no database "${settings.database}"`)
    case '42501':
      return issue('database.user', settings.user, `The user "${settings.user}" may not connect: ${text}`)
    case 'ENOENT':
    case 'EACCES':
    case 'EISDIR':
      return issue(sslKeyFor(error, settings), String((error as { path?: unknown }).path ?? ''), `A TLS file cannot be read: ${text}`)
    default:
      break
  }
  if (/password must be a (non-empty )?string/i.test(text)) {
    return issue(
      'database.password',
      '[hidden]',
      `The server asks the user "${settings.user}" for a password, and database.password is not given`,
    )
  }
  if (/does not support SSL/.test(text)) {
    return issue(
      'database.sslmode',
      settings.sslMode,
      `The server at ${place} takes no TLS connections; database.sslmode=${settings.sslMode} asks for one`,
    )
  }
  if (/^ERR_(TLS|SSL|OSSL)|CERT|^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return issue(
      'database.sslmode',
      settings.sslMode,
      `The TLS connection to ${place} failed (database.sslmode=${settings.sslMode}): ${text}`,
    )
  }
  if (/timeout expired/.test(text)) {
    return issue('database.hostname', settings.host, `${place} did not answer in ${settings.connectTimeoutMs} ms (connection.timeout.ms)`)
  }
  return undefined
}

/** What a task throws for it: the world may mend itself (RetriableError), or the settings are wrong (ConfigError); else the error itself. */
export function connectFailure(error: unknown, settings: ConnectionSettings): unknown {
  const issue = connectIssue(error, settings)
  const text = issue?.message ?? (error instanceof Error ? error.message : String(error))
  if (isTransient(error) || errorCode(error) === 'ENOTFOUND') {
    return error instanceof RetriableError ? error : new RetriableError(`The database cannot be reached: ${text}`, { cause: error })
  }
  return issue === undefined ? error : new ConfigError([issue], { cause: error })
}

function sslKeyFor(error: unknown, settings: ConnectionSettings): string {
  const path = (error as { path?: unknown }).path
  if (path === settings.sslCert) return 'database.sslcert'
  return path === settings.sslKey ? 'database.sslkey' : 'database.sslrootcert'
}
