import { request } from 'node:https'
import { rootCertificates } from 'node:tls'
import { ConfigError, RetriableError } from '../../../core/index.ts'
import type { BearerToken, TokenSource } from '../client/settings.ts'

export interface TokenEndpoint {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string | undefined
  readonly urlEncode: boolean
  readonly extensions: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Share of a token's life after which a new one is got. */
  readonly refreshFactor: number
  /** Authorities beside the public ones. */
  readonly ca: readonly string[]
}

const key = 'sasl.oauthbearer.token.endpoint.url'
/** Largest answer that is read. Bytes. */
const answerMaxBytes = 1 << 20
/** Life of a token that does not tell it. Seconds. */
const lifeSeconds = 300

/**
 * Tokens by OAuth 2.0's client credentials (RFC 6749 4.4), kept for most of their life. Over https only, without following redirects; no
 * error has anything of an answer's body. Throws a ConfigError for another kind of URL.
 */
export function endpointTokens(endpoint: TokenEndpoint): TokenSource {
  const url = parseUrl(endpoint.url)
  let kept: { readonly token: BearerToken; readonly renewAt: number; readonly endsAt: number } | undefined
  let asking: Promise<BearerToken> | undefined
  const ask = async (signal: AbortSignal) => {
    try {
      const { value, seconds } = readToken(await post(url, endpoint, signal), url)
      const now = Date.now()
      const token = { value, extensions: endpoint.extensions }
      kept = { token, renewAt: now + seconds * 1000 * endpoint.refreshFactor, endsAt: now + seconds * 1000 }
      return token
    } catch (error) {
      // The endpoint may be down for a while; what we have is still good.
      if (error instanceof RetriableError && kept && Date.now() < kept.endsAt - 1000) return kept.token
      throw error
    }
  }
  return {
    token: (signal) => {
      if (kept && Date.now() < kept.renewAt) return Promise.resolve(kept.token)
      asking ??= ask(signal).finally(() => (asking = undefined))
      return asking
    },
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url
  const why = url && url.protocol !== 'https:' ? `begins with ${url.protocol}` : 'is no plain URL'
  throw new ConfigError([{ key, message: `${key} ${why}; secrets are sent there, so it must begin with https:// and name no user` }])
}

function post(url: URL, endpoint: TokenEndpoint, signal: AbortSignal): Promise<Buffer> {
  const code = endpoint.urlEncode ? encodeURIComponent : (text: string) => text
  const credentials = Buffer.from(`${code(endpoint.clientId)}:${code(endpoint.clientSecret)}`).toString('base64')
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(endpoint.scope ? { scope: endpoint.scope } : {}) }).toString()
  const at = `The token endpoint ${url.origin}${url.pathname}`
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const passing = (text: string, cause?: unknown) => reject(new RetriableError(`${at} ${text}`, { cause }))
  const outgoing = request(
    url,
    {
      method: 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(endpoint.timeoutMs)]),
      ca: [...rootCertificates, ...endpoint.ca],
      agent: false,
      headers: {
        authorization: `Basic ${credentials}`,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(form),
      },
    },
    (answer) => {
      const status = answer.statusCode ?? 0
      const chunks: Buffer[] = []
      let size = 0
      answer.on('error', (error) => passing('broke off its answer', error))
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > answerMaxBytes) outgoing.destroy(new Error(`answers with more than ${answerMaxBytes} bytes`))
        else chunks.push(chunk)
      })
      answer.on('end', () => {
        if (status === 200) resolve(Buffer.concat(chunks))
        else if (status >= 500 || status === 429 || status === 408) passing(`answers with HTTP ${status}`)
        else reject(new ConfigError([{ key, message: `${at} refuses client "${endpoint.clientId}" with HTTP ${status}` }]))
      })
    },
  )
  outgoing.on('error', (error) => passing(`cannot be asked: ${error.message}`, error))
  outgoing.end(form)
  return promise
}

function readToken(body: Buffer, url: URL): { readonly value: string; readonly seconds: number } {
  const answer = parse(body.toString('utf8'))
  const value = answer?.['access_token']
  // RFC 6750 2.1; anything else would change the message that carries it.
  if (typeof value !== 'string' || !/^[A-Za-z0-9._~+/-]+=*$/.test(value)) {
    throw new ConfigError([{ key, message: `The token endpoint ${url.origin}${url.pathname} answers without a usable access_token` }])
  }
  const expiresIn = Number(answer?.['expires_in'])
  const ends = Number(parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString('utf8'))?.['exp'])
  const seconds = Number.isFinite(ends) ? ends - Date.now() / 1000 : expiresIn > 0 ? expiresIn : lifeSeconds
  return { value, seconds: Math.max(0, seconds) }
}

/** undefined: no JSON object. */
function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // Who asks says what is missing, without the text.
    return undefined
  }
}
