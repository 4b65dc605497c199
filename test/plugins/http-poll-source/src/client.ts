import { answerError, ConfigError, DataError, parseJson, requestError } from 'millrace'
import type { Position } from './position.ts'

export interface ClientSettings {
  readonly url: string
  readonly token: string | undefined
  readonly 'cursor.param': string
  readonly 'request.timeout.ms': number
  readonly 'answer.bytes.max': number
}

/** What the API answered; null: nothing has changed since the last time. */
export interface Answer {
  readonly body: unknown
  readonly etag: string | null
  readonly modified: string | null
}

/**
 * One request. Throws a RetriableError where the same request may pass later, with the wait that the API asks for (the runtime waits it out and
 * ends the wait when the task stops), and a ConfigError where the settings are to blame.
 */
export async function request(settings: ClientSettings, at: Position, signal: AbortSignal): Promise<Answer | null> {
  const url = new URL(settings.url)
  if (at.cursor !== null) url.searchParams.set(settings['cursor.param'], at.cursor)
  const headers: Record<string, string> = { accept: 'application/json' }
  if (settings.token !== undefined) headers['authorization'] = `Bearer ${settings.token}`
  if (at.etag !== null) headers['if-none-match'] = at.etag
  if (at.modified !== null) headers['if-modified-since'] = at.modified
  const limit = AbortSignal.any([signal, AbortSignal.timeout(settings['request.timeout.ms'])])
  try {
    const answer = await fetch(url, { headers, signal: limit })
    if (answer.status === 304) return null
    const text = await readText(answer, settings['answer.bytes.max'])
    if (!answer.ok) throw blamed(answerError(answer, text))
    return { body: parse(text, url), etag: answer.headers.get('etag'), modified: answer.headers.get('last-modified') }
  } catch (error) {
    throw error instanceof TypeError || limit.aborted ? requestError(error, `GET ${url.origin}${url.pathname}`, signal) : error
  }
}

/** A source sends no records: an answer that blames what was sent blames the settings. */
function blamed(error: Error): Error {
  return error instanceof DataError ? new ConfigError([{ key: 'url', message: error.message }], { cause: error }) : error
}

async function readText(answer: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new Error(`${answer.url} answered more than ${bytesMax} bytes (answer.bytes.max)`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string, url: URL): unknown {
  try {
    return parseJson(text, 'plain') // Exact: integers beyond 2^53 keep their digits.
  } catch (error) {
    throw new Error(`${url.origin}${url.pathname} answered what is no JSON: ${text.slice(0, 100)}`, { cause: error })
  }
}
