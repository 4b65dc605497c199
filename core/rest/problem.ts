import { BadRequestError, ConfigError, ConflictError, NotFoundError, type ConfigIssue } from '../contract/errors.ts'

/** An error with an HTTP status of its own: what the protocol refuses before anything of Connect is asked. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
}

/** What Connect's REST layer itself refuses: `HTTP 404 Not Found` and its kin, verbatim. */
export function refusal(status: number, headers?: Readonly<Record<string, string>>): Problem {
  return new Problem(status, `HTTP ${status} ${reasons[status] ?? ''}`.trimEnd(), headers)
}

/** The body of every answer that is no success. */
export interface ErrorBody {
  readonly error_code: number
  readonly message: string
}

/** Which status and text an error becomes. `unexpected` is true for a bug: its text stays in the log, as it may hold a secret. */
export function problemOf(error: unknown): { readonly status: number; readonly message: string; readonly unexpected: boolean } {
  if (error instanceof Problem) return { status: error.status, message: error.message, unexpected: false }
  if (error instanceof ConfigError) return { status: 400, message: configText(error.issues), unexpected: false }
  if (error instanceof BadRequestError) return { status: 400, message: error.message, unexpected: false }
  if (error instanceof NotFoundError) return { status: 404, message: error.message, unexpected: false }
  if (error instanceof ConflictError) return { status: 409, message: error.message, unexpected: false }
  const { statusCode, code } = error as { readonly statusCode?: unknown; readonly code?: unknown }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return { status: 413, message: refusal(413).message, unexpected: false }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return { status: 415, message: refusal(415).message, unexpected: false }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, message: (error as Error).message, unexpected: false }
  }
  return { status: 500, message: 'The worker failed to answer this request; its log has the error with its trace.', unexpected: true }
}

/** Connect's text for a config that does not pass: every error on a line of its own, between a count and a pointer to validate. */
export function configText(issues: readonly ConfigIssue[]): string {
  return [
    `Connector configuration is invalid and contains the following ${issues.length} error(s):`,
    ...issues.map((issue) => issue.message),
    'You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`',
  ].join('\n')
}
