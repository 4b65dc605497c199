import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { ConfigError, RetriableError } from '../../core/index.ts'
import { guardedLookup, isRefusedAddress, RefusedAddressError } from './addresses.ts'
import type { EnrichConfig } from './config.ts'

/** An endpoint's answer. */
export interface HttpAnswer {
  readonly status: number
  readonly body: Buffer
  readonly retryAfterMs: number | undefined
}

/** Asks one endpoint over connections that are kept. */
export class HttpClient {
  readonly #config: EnrichConfig
  readonly #headers: Readonly<Record<string, string>>
  readonly #agent: HttpAgent
  readonly #secure: boolean

  /** Throws a ConfigError for headers and files that cannot be. */
  constructor(url: URL, config: EnrichConfig) {
    this.#config = config
    this.#secure = url.protocol === 'https:'
    this.#headers = { accept: 'application/json', 'accept-encoding': 'identity', ...headersOf(config['http.headers'] ?? '') }
    const options = { keepAlive: true, maxSockets: config['http.concurrency'] }
    const ca = config['http.ssl.rootcert']
    this.#agent = this.#secure ? new HttpsAgent({ ...options, ...(ca ? { ca: readCa(ca) } : {}) }) : new HttpAgent(options)
  }

  /** Rejects with a RetriableError while the endpoint is away or slow, a ConfigError where it may not be asked. */
  async ask(method: 'GET' | 'POST', url: URL, body?: string): Promise<HttpAnswer> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isRefusedAddress(host)) throw refusedHost(`${host} is link-local or a metadata service`)
    const signal = AbortSignal.timeout(this.#config['http.timeout.ms'])
    const headers =
      body === undefined
        ? this.#headers
        : { ...this.#headers, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
    try {
      return await this.#exchange(
        url,
        { method, headers, agent: this.#agent, lookup: guardedLookup as RequestOptions['lookup'], signal },
        body,
      )
    } catch (error) {
      if (error instanceof ConfigError || error instanceof RetriableError) throw error
      if (error instanceof RefusedAddressError) throw refusedHost(error.message)
      const code = String((error as { code?: unknown }).code ?? '')
      const text = signal.aborted
        ? `no answer within ${this.#config['http.timeout.ms']} ms`
        : error instanceof Error
          ? error.message
          : String(error)
      const message = `Enrich: ${url.origin} could not be asked: ${text}`
      if (/CERT|ALTNAME|UNABLE_TO_/.test(code)) throw new ConfigError([{ key: 'http.url', message }], { cause: error })
      throw new RetriableError(message, { cause: error })
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #exchange(url: URL, options: RequestOptions, body: string | undefined): Promise<HttpAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
    const most = this.#config['http.answer.max.bytes']
    const request = (this.#secure ? httpsRequest : httpRequest)(url, options, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > most) {
          response.destroy()
          const message = `Enrich: ${url.origin} answers with more than http.answer.max.bytes=${most}`
          reject(new ConfigError([{ key: 'http.answer.max.bytes', value: String(most), message }]))
        } else chunks.push(chunk)
      })
      response.on('end', () => {
        const encoding = response.headers['content-encoding'] ?? 'identity'
        if (encoding === 'identity')
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), retryAfterMs: retryAfter(response) })
        else reject(new Error(`the answer is encoded as ${encoding}, which was not asked for`))
      })
      response.on('error', reject)
      response.on('close', () => reject(new Error('the answer was cut off')))
    })
    request.on('error', reject)
    request.end(body)
    return promise
  }
}

function refusedHost(why: string): ConfigError {
  return new ConfigError([{ key: 'http.url', message: `Enrich does not ask this host: ${why}` }])
}

function retryAfter({ headers }: IncomingMessage): number | undefined {
  const seconds = Number(headers['retry-after'])
  return headers['retry-after'] !== undefined && seconds >= 0 && seconds <= 3_600 ? seconds * 1_000 : undefined
}

function headersOf(text: string): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const match = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\x20-\x7e]*)$/.exec(line.trim())
    if (!match)
      throw new ConfigError([{ key: 'http.headers', message: 'Configuration http.headers: a line is not of the form Name: value' }])
    headers[match[1]!.toLowerCase()] = match[2]!
  }
  return headers
}

function readCa(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const message = `The file of http.ssl.rootcert cannot be read: ${(cause as Error).message}`
    throw new ConfigError([{ key: 'http.ssl.rootcert', value: path, message }], { cause })
  }
}
