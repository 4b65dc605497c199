import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, type IncomingMessage, type RequestOptions, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { ConfigError, RetriableError } from '../../core/index.ts'
import { checkedLookup, hostFault } from './addresses.ts'
import { type HttpConfig, fixedPart } from './config.ts'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** The beginning of the body, for messages. */
  readonly text: string
}

/** Characters of an answer's body that a message shows. */
const excerptMax = 500
/** Bytes of an answer's body that are read so that its connection can be used again. */
const answerBytesMax = 1 << 20

/** Sends requests over kept connections; follows no redirect and uses no proxy. */
export class HttpClient implements Disposable {
  readonly #agent: HttpAgent | HttpsAgent
  readonly #config: HttpConfig
  readonly #lookup: ReturnType<typeof checkedLookup>
  readonly #isTls: boolean

  /** Throws a ConfigError where the URL names an address that is never sent to. */
  constructor(config: HttpConfig) {
    this.#config = config
    const fault = hostFault(new URL(fixedPart(config['http.api.url'])).hostname, config['http.allow.private'])
    if (fault !== undefined) throw new ConfigError([{ key: 'http.api.url', message: `http.api.url ${fault}` }])
    this.#lookup = checkedLookup(config['http.allow.private'])
    this.#isTls = /^https:/i.test(config['http.api.url'])
    const options = { keepAlive: true, maxSockets: config['requests.in.flight'] }
    this.#agent = this.#isTls ? new HttpsAgent({ ...options, ...tlsFiles(config) }) : new HttpAgent(options)
  }

  /** Resolves to any answer; rejects with a RetriableError where there is none. */
  async send(message: HttpRequest, kill: AbortSignal): Promise<HttpAnswer> {
    const limit = AbortSignal.any([kill, AbortSignal.timeout(this.#config['http.request.timeout.ms'])])
    const options: RequestOptions = {
      method: message.method,
      headers: { ...message.headers, ...(message.body === undefined ? {} : { 'content-length': message.body.length }) },
      agent: this.#agent,
      lookup: this.#lookup as RequestOptions['lookup'],
      signal: limit,
    }
    try {
      return await this.#exchange(message, options)
    } catch (error) {
      kill.throwIfAborted()
      if ((error as NodeJS.ErrnoException).code === 'EADDRESSREFUSED') throw error
      const why = limit.aborted
        ? `no answer within http.request.timeout.ms=${this.#config['http.request.timeout.ms']}`
        : (error as Error).message || (error as NodeJS.ErrnoException).code
      throw new RetriableError(`${message.method} ${place(message.url)} failed: ${why}`, { cause: error })
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  #exchange(message: HttpRequest, options: RequestOptions): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const request = this.#isTls ? httpsRequest(message.url, options) : httpRequest(message.url, options)
      const connecting = setTimeout(
        () => request.destroy(new Error(`not connected within http.connect.timeout.ms=${this.#config['http.connect.timeout.ms']}`)),
        this.#config['http.connect.timeout.ms'],
      )
      request.on('socket', (socket) => {
        if (!socket.connecting) clearTimeout(connecting)
        else socket.once(this.#isTls ? 'secureConnect' : 'connect', () => clearTimeout(connecting))
      })
      request.on('close', () => clearTimeout(connecting))
      request.on('error', reject)
      request.on('response', (answer) => {
        const chunks: Buffer[] = []
        let bytes = 0
        answer.on('data', (chunk: Buffer) => {
          if (bytes < excerptMax * 4) chunks.push(chunk)
          bytes += chunk.length
          // Enough is known; what else it says is not worth the wait.
          if (bytes > answerBytesMax) answer.destroy()
        })
        answer.on('error', reject)
        answer.on('close', () => {
          if (!answer.complete && bytes <= answerBytesMax) return reject(new Error('the connection broke in the middle of the answer'))
          const text = Buffer.concat(chunks).toString('utf8').slice(0, excerptMax)
          resolve({ status: answer.statusCode!, headers: answer.headers, text })
        })
      })
      request.end(message.body)
    })
  }
}

/** A URL without its query, in which people put secrets. */
export function place(url: string): string {
  return url.split('?')[0]!
}

function tlsFiles(config: HttpConfig): { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } {
  const { 'http.tls.ca': ca, 'http.tls.cert': cert, 'http.tls.key': key } = config
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
  }
}
