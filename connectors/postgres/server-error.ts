/** An error that the server reported, with its SQLSTATE in `code`. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  /** Five characters: "Appendix A. PostgreSQL Error Codes". */
  readonly code: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  constructor(message: string, code: string, detail?: string, hint?: string) {
    super(message)
    this.code = code
    this.detail = detail
    this.hint = hint
  }
}

/** Reads the body of an ErrorResponse message: fields of a letter and a zero-terminated text. */
export function serverError(body: Buffer): ServerError {
  const fields = new Map<string, string>()
  for (let position = 0; position < body.length && body[position] !== 0;) {
    const stop = body.indexOf(0, position + 1)
    if (stop === -1) break
    fields.set(String.fromCharCode(body[position]!), body.toString('utf8', position + 1, stop))
    position = stop + 1
  }
  return new ServerError(
    fields.get('M') ?? 'The server reported an error without a text',
    fields.get('C') ?? 'XX000',
    fields.get('D'),
    fields.get('H'),
  )
}

/** The SQLSTATE or the system's code (ECONNREFUSED ...) of an error from the server, from `pg` or from the socket; '' where it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : ''
}

/** What waiting may cure: the connection broke, or the server is starting, stopping, out of connections or recovering. */
export function isTransient(error: unknown): boolean {
  const code = errorCode(error)
  if (/^(08...|53...|57P0[1235]|58P01|40...|55006|ECONN.*|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|RETRIABLE)$/.test(code))
    return true
  const message = error instanceof Error ? error.message : ''
  return (
    /^(Connection terminated|timeout expired|Query read timeout|Client was closed|Client has encountered a connection error|The server does not support SSL)/.test(
      message,
    ) && !/SSL/.test(message)
  )
}
