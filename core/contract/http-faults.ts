import { DataError, RetriableError } from './errors.ts'

/** The parts of an HTTP answer that tell what it means; a `Response` of `fetch` is one. */
export interface AnswerHead {
  readonly status: number
  readonly statusText?: string
  readonly url?: string
  readonly headers: { get(name: string): string | null }
}

/** Longest wait that a server may ask for, in milliseconds: a day in a header must not stop a pipeline for a day. */
const retryAfterMsMax = 5 * 60_000

/** Not yet, or not this server: the same request may pass later. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529])
/** Answers that speak of the body that was sent, not of the request's address or sender. */
const aboutBody = new Set([400, 406, 409, 412, 413, 415, 422, 424, 428])

/**
 * The error that an HTTP answer other than 2xx stands for, by what the runtime does with it: a RetriableError (with the wait that the server
 * asks for) where the same request may pass later; a DataError where the body that was sent is to blame, so that a sink rejects the record; any
 * other Error where settings or server are to blame. `text`: what the answer says, for the message. A source, which sends no records, takes
 * its DataErrors for faults of the settings.
 */
export function answerError(answer: AnswerHead, text = ''): RetriableError | DataError | Error {
  const { status, statusText, url } = answer
  const detail = text.trim() === '' ? (statusText ?? '') : text.trim().slice(0, 500)
  const what = `${placeOf(url)} answered ${status}${detail === '' ? '' : `: ${detail}`}`
  if (passing.has(status)) {
    const retryAfterMs = retryAfter(answer.headers.get('retry-after'))
    return new RetriableError(what, retryAfterMs === undefined ? {} : { retryAfterMs })
  }
  if (aboutBody.has(status)) return new DataError(what)
  if (status === 401 || status === 403 || status === 407) return new Error(`${what}; check the credentials and what they allow`)
  return new Error(`${what}; check the address and the settings`)
}

/**
 * What to throw for a request that got no answer (`fetch` rejected): a RetriableError that names the reason, since the same request may pass
 * later; or the signal's own reason where it is the signal that ended the request.
 */
export function requestError(error: unknown, what: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = cause instanceof Error ? cause.message || (cause as { code?: string }).code || cause.name : String(cause)
  return new RetriableError(`${what} got no answer: ${reason}`, { cause: error })
}

/** Milliseconds that a `Retry-After` header asks for (seconds or a date, RFC 9110 10.2.3), at most five minutes; undefined: none, or no sense in it. */
export function retryAfter(header: string | null | undefined, nowMs: number = Date.now()): number | undefined {
  if (header === null || header === undefined) return undefined
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), retryAfterMsMax)
}

// Without user, query and fragment: secrets stand there.
function placeOf(url: string | undefined): string {
  if (!url || !URL.canParse(url)) return 'The server'
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
