import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, RetriableError } from '../../contract/errors.ts'
import type { RegistrySettings } from './settings.ts'

/** Longest answer that is read from a registry, in bytes. */
export const answerBytesMax = 8 * 1024 * 1024

/** No further round of questions starts later than this many milliseconds after the first: a task that waits longer counts as hung. */
const askMsMax = 25_000

/** An answer that the registry gave on purpose: success, or a refusal of this very request (4xx). */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

interface Address {
  readonly url: URL
  /** Without user and password, as errors may show it. */
  readonly shown: string
  readonly authorization: string | undefined
}

/** Speaks HTTP with a registry that may have several addresses. Redirects are not followed. */
export class RegistryTransport {
  readonly #addresses: readonly Address[]
  readonly #settings: RegistrySettings
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent }
  #current = 0

  /** Throws a ConfigError where credentials or certificates are missing or cannot be read. */
  constructor(settings: RegistrySettings) {
    this.#settings = settings
    this.#addresses = settings['schema.registry.url'].map((url) => addressOf(url, settings))
    const sockets = { keepAlive: true, maxSockets: 8 }
    this.#agents = { http: new http.Agent(sockets), https: new https.Agent({ ...sockets, ...tlsOf(settings) }) }
  }

  /** Address of the registry as errors name it. */
  get shown(): string {
    return this.#addresses.map((address) => address.shown).join(', ')
  }

  /** Throws a ConfigError where the registry does not let us in, a RetriableError where no address answers. */
  async ask(method: 'GET' | 'POST', path: string, content?: object): Promise<Answer> {
    let wait = this.#settings['retries.wait.ms']
    const began = performance.now()
    for (let round = 0; ; round++) {
      const failure = await this.#askAll(method, path, content)
      if (!(failure instanceof RetriableError)) return failure
      const spent = performance.now() - began
      if (round >= this.#settings['max.retries'] || spent + wait > askMsMax) throw failure
      await sleep(wait)
      wait = Math.min(wait * 2, this.#settings['retries.max.wait.ms'])
    }
  }

  async #askAll(method: string, path: string, content: object | undefined): Promise<Answer | RetriableError> {
    let failure: RetriableError | undefined
    for (let tried = 0; tried < this.#addresses.length; tried++) {
      const address = this.#addresses[this.#current]!
      const answer = await this.#askOne(address, method, path, content)
      if (!(answer instanceof RetriableError)) return answer
      failure = answer
      this.#current = (this.#current + 1) % this.#addresses.length
    }
    return failure!
  }

  async #askOne(address: Address, method: string, path: string, content: object | undefined): Promise<Answer | RetriableError> {
    const what = `${method} ${address.shown}${path}`
    let reply: { readonly status: number; readonly text: string; readonly location: string | undefined }
    try {
      reply = await this.#exchange(address, method, path, content)
    } catch (cause) {
      const fault = certificateFault(cause)
      if (fault !== undefined) throw issue('schema.registry.ssl.truststore.location', `${what}: ${fault}`, cause)
      const reason = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause)
      return new RetriableError(`The schema registry does not answer: ${what}: ${reason}`, { cause })
    }
    const { status, text } = reply
    if (status >= 500 || status === 408 || status === 429) {
      return new RetriableError(`The schema registry answers ${status} to ${what}: ${text.slice(0, 300)}`)
    }
    if (status === 401 || status === 403) throw refused(status, what, text)
    if (status >= 300 && status < 400) {
      throw issue(
        'schema.registry.url',
        `The schema registry redirects ${what} to ${reply.location ?? 'nowhere'}; redirects are not followed: set schema.registry.url to its own address.`,
      )
    }
    const body = parsed(text)
    if (body === undefined) {
      throw issue(
        'schema.registry.url',
        `${what} gave no JSON (status ${status}): there is no schema registry at this address. Is its path missing, as in /apis/ccompat/v7?`,
      )
    }
    return { status, body }
  }

  #exchange(address: Address, method: string, path: string, content: object | undefined) {
    const { url } = address
    const secure = url.protocol === 'https:'
    const timeoutMs = this.#settings['http.read.timeout.ms']
    const payload = content === undefined ? undefined : Buffer.from(JSON.stringify(content))
    const headers: Record<string, string> = { accept: 'application/vnd.schemaregistry.v1+json, application/json' }
    if (payload !== undefined) {
      headers['content-type'] = 'application/vnd.schemaregistry.v1+json'
      headers['content-length'] = String(payload.length)
    }
    if (address.authorization !== undefined) headers.authorization = address.authorization
    const target = {
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? undefined : Number(url.port),
      path: `${url.pathname.replace(/\/+$/, '')}${path}`,
      method,
      headers,
      agent: secure ? this.#agents.https : this.#agents.http,
      signal: AbortSignal.timeout(timeoutMs),
    }
    return new Promise<{ status: number; text: string; location: string | undefined }>((resolve, reject) => {
      const request = (secure ? https : http).request(target, (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > answerBytesMax) request.destroy(new Error(`the answer is longer than ${answerBytesMax} bytes`))
          else chunks.push(chunk)
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8'), location: response.headers.location }),
        )
        response.on('error', reject)
      })
      request.on('error', (error) =>
        reject(error.name === 'AbortError' || error.name === 'TimeoutError' ? new Error(`no answer within ${timeoutMs} ms`) : error),
      )
      request.end(payload)
    })
  }
}

function addressOf(text: string, settings: RegistrySettings): Address {
  const url = new URL(text)
  const userInfo = settings['basic.auth.user.info'] ?? settings['schema.registry.basic.auth.user.info']
  const token = settings['bearer.auth.token']
  const shown = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`
  const bearer = settings['bearer.auth.credentials.source'] !== undefined
  if (bearer && token === undefined)
    throw issue('bearer.auth.token', 'Missing bearer.auth.token, which bearer.auth.credentials.source=STATIC_TOKEN asks for.')
  if (token !== undefined) return { url, shown, authorization: `Bearer ${token}` }
  if (settings['basic.auth.credentials.source'].toUpperCase() === 'USER_INFO') {
    if (userInfo === undefined || !userInfo.includes(':')) {
      throw issue('basic.auth.user.info', 'basic.auth.credentials.source=USER_INFO needs basic.auth.user.info in the form user:password.')
    }
    return { url, shown, authorization: basic(userInfo) }
  }
  if (userInfo !== undefined) {
    throw issue(
      'basic.auth.credentials.source',
      'basic.auth.user.info is given, but basic.auth.credentials.source is URL, so it would not be used; set it to USER_INFO.',
    )
  }
  const inUrl = url.username === '' ? undefined : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { url, shown, authorization: inUrl === undefined ? undefined : basic(inUrl) }
}

function basic(userInfo: string): string {
  return `Basic ${Buffer.from(userInfo).toString('base64')}`
}

function tlsOf(settings: RegistrySettings): https.AgentOptions {
  const trusted = settings['schema.registry.ssl.truststore.certificates'] ?? storeText('schema.registry.ssl.truststore.location', settings)
  const store = storeText('schema.registry.ssl.keystore.location', settings)
  const cert = settings['schema.registry.ssl.keystore.certificate.chain'] ?? store
  const key = settings['schema.registry.ssl.keystore.key'] ?? store
  const passphrase = settings['schema.registry.ssl.key.password']
  const anyHost = settings['schema.registry.ssl.endpoint.identification.algorithm'] === ''
  return {
    ...(trusted === undefined ? {} : { ca: trusted }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(anyHost ? { checkServerIdentity: () => undefined } : {}),
  }
}

function storeText(
  key: 'schema.registry.ssl.truststore.location' | 'schema.registry.ssl.keystore.location',
  settings: RegistrySettings,
): string | undefined {
  const location = settings[key]
  if (location === undefined || location === '') return undefined
  let text: string
  try {
    text = readFileSync(location, 'latin1')
  } catch (cause) {
    throw issue(key, `${key} names ${location}, which cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, cause)
  }
  if (!text.includes('-----BEGIN ')) throw issue(key, `${key} names ${location}, which is no PEM file; only PEM stores are read.`)
  return text
}

function refused(status: number, what: string, text: string): ConfigError {
  const reason = (parsed(text) as { message?: unknown } | undefined)?.message
  const why = status === 401 ? 'does not know who asks' : 'does not allow this'
  return issue(
    'basic.auth.user.info',
    `The schema registry ${why} (${status}) to ${what}${typeof reason === 'string' ? `: ${reason.slice(0, 300)}` : ''}. Check basic.auth.*, bearer.auth.token and the rights of that user.`,
  )
}

// No second try changes a certificate.
function certificateFault(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `the certificate of the schema registry is for another host: ${message}`
  if (code === undefined || !/CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)/.test(code)) return undefined
  return `the certificate of the schema registry is not trusted (${code}); name its authority's PEM file in schema.registry.ssl.truststore.location`
}

function issue(key: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ key, message }], { cause })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined // Told by the caller, who knows what was asked.
  }
}
