import { DataError, RetriableError } from '../../core/index.ts'
import { type HttpAnswer, type HttpRequest, place } from './client.ts'

/** Longest wait that a server may ask for, in ms: a day in a header must not stop a pipeline for a day. */
const retryAfterMsMax = 5 * 60_000

/** Not yet, or not this server: the same request may pass later. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529])

/** Answers that speak of the records, not of the request's address or sender. */
const aboutRecords = new Set([400, 406, 409, 410, 412, 413, 414, 415, 422, 424, 428, 431])

/**
 * What an answer means, where the URL is the same for all records or varies with them: undefined where the request was accepted (2xx). A RetriableError may pass later, a DataError blames the records (each can be
 * rejected), any other Error blames the settings or the server, and stops the task before it rejects records that are good.
 */
export function errorOf(request: HttpRequest, answer: HttpAnswer, addressVaries: boolean): Error | undefined {
  const { status } = answer
  if (status >= 200 && status < 300) return undefined
  const what = `${request.method} ${place(request.url)} was answered ${status}${answer.text.trim() === '' ? '' : `: ${answer.text.trim()}`}`
  if (passing.has(status)) {
    const retryAfterMs = retryAfter(answer.headers['retry-after'], Date.now())
    return new RetriableError(what, retryAfterMs === undefined ? {} : { retryAfterMs })
  }
  if (aboutRecords.has(status)) return new DataError(what)
  if (status >= 300 && status < 400) {
    return new Error(
      `${what}; redirects are not followed, put the right address into http.api.url (Location: ${answer.headers.location ?? 'none'})`,
    )
  }
  if (status === 401 || status === 403 || status === 407) {
    return new Error(`${what}; check auth.type and its keys, and what that user may do`)
  }
  if (!addressVaries && (status === 404 || status === 405)) return new Error(`${what}; check http.api.url and request.method`)
  if (status >= 400 && status < 500) return new DataError(what)
  return new Error(`${what}; this server cannot take such requests`)
}

/** Milliseconds that a `Retry-After` header asks for (seconds or a date, RFC 9110 10.2.3); undefined: none, or no sense in it. */
export function retryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), retryAfterMsMax)
}
