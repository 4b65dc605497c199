import {
  Agent as HttpAgent,
  request as httpRequest,
  type AgentOptions,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { RetriableError } from '../../core/index.ts'
import { nodeUrls } from './config-connection.ts'
import type { ElasticsearchConfig } from './config.ts'
import { tlsOptions } from './tls.ts'

const compress = promisify(gzip)
const decompress = promisify(gunzip)

/** How long a node that could not be reached is passed over while others can be. Milliseconds. */
const restMs = 10_000
/** Bytes of an answer; one of 20,000 refused records with their reasons has less. */
const answerBytesMax = 256 * 1024 * 1024
/** Requests beside those of the bulk, such as for mappings. */
const spareSockets = 2

export interface Answer {
  readonly status: number
  readonly text: string
}

/** A body and what it is: one JSON value, or lines of them. */
export interface Body {
  readonly type: 'application/json' | 'application/x-ndjson'
  readonly bytes: Uint8Array
}

interface Node {
  readonly url: URL
  restsUntil: number
}

/**
 * The REST API of Elasticsearch 7 to 9 and OpenSearch over connections that are kept. It asks for no product and no version, and says nothing
 * about what answers mean: any answer resolves. Rejects with a RetriableError where none came, after which the request may have been done.
 */
export class ElasticsearchClient implements Disposable {
  readonly #nodes: readonly Node[]
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent }
  readonly #headers: Readonly<Record<string, string>>
  readonly #config: ElasticsearchConfig
  readonly #closed = new AbortController()
  #turn = 0

  constructor(config: ElasticsearchConfig) {
    this.#config = config
    this.#nodes = nodeUrls(config['connection.url']).map((url) => ({ url, restsUntil: 0 }))
    const idleMs = config['max.connection.idle.time.ms']
    const keeping = {
      keepAlive: true,
      maxSockets: config['max.in.flight.requests'] + spareSockets,
      ...(idleMs < 0 ? {} : { timeout: idleMs }),
      ...proxyOf(config),
    }
    const tls = this.#nodes.some(({ url }) => url.protocol === 'https:') ? tlsOptions(config) : {}
    this.#agents = { http: new HttpAgent(keeping), https: new HttpsAgent({ ...keeping, ...tls }) }
    this.#headers = { accept: 'application/json', 'accept-encoding': 'gzip', ...authorization(config) }
  }

  /** `path` with its query. */
  async request(method: 'GET' | 'HEAD' | 'PUT' | 'POST', path: string, body?: Body): Promise<Answer> {
    const gzipped = body !== undefined && this.#config['connection.compression']
    const bytes = gzipped ? await compress(body.bytes, { level: 1 }) : body?.bytes
    const headers: Record<string, string> = { ...this.#headers }
    if (body) headers['content-type'] = body.type
    if (gzipped) headers['content-encoding'] = 'gzip'
    if (bytes) headers['content-length'] = String(bytes.length)
    const node = this.#next()
    try {
      const answer = await this.#send(node.url, { method, headers }, path, bytes)
      node.restsUntil = 0
      return answer
    } catch (error) {
      node.restsUntil = performance.now() + restMs
      throw new RetriableError(`${node.url.origin} did not answer ${method} ${path.replace(/\?.*/, '')}: ${reason(error)}`, {
        cause: error,
      })
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort(new Error('the client was closed'))
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  /** The next node in turn that is not resting; if all are, the next one. */
  #next(): Node {
    const now = performance.now()
    for (let tries = 0; tries < this.#nodes.length; tries++) {
      const node = this.#nodes[this.#turn++ % this.#nodes.length]!
      if (node.restsUntil <= now) return node
    }
    return this.#nodes[this.#turn++ % this.#nodes.length]!
  }

  #send(base: URL, options: RequestOptions, path: string, body: Uint8Array | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed.signal.aborted) return reject(this.#closed.signal.reason as Error)
      const secure = base.protocol === 'https:'
      const request = (secure ? httpsRequest : httpRequest)({
        ...options,
        agent: secure ? this.#agents.https : this.#agents.http,
        hostname: base.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: base.port === '' ? (secure ? 443 : 80) : base.port,
        path: base.pathname.replace(/\/$/, '') + path,
      })
      this.#limit(request)
      const cancel = () => request.destroy(this.#closed.signal.reason as Error)
      this.#closed.signal.addEventListener('abort', cancel, { once: true })
      const settled = () => this.#closed.signal.removeEventListener('abort', cancel)
      request.on('error', (error) => {
        settled()
        reject(error)
      })
      request.on('response', (response) => {
        read(response).then(
          (text) => {
            settled()
            resolve({ status: response.statusCode!, text })
          },
          (error: unknown) => {
            settled()
            reject(error as Error)
          },
        )
      })
      request.end(body)
    })
  }

  #limit(request: ClientRequest): void {
    const connectMs = this.#config['connection.timeout.ms']
    const readMs = this.#config['read.timeout.ms']
    request.setTimeout(readMs, () => request.destroy(new Error(`nothing came for ${readMs} ms (read.timeout.ms)`)))
    request.on('socket', (socket) => {
      if (!socket.connecting || connectMs === 0) return
      const late = setTimeout(() => request.destroy(new Error(`no connection within ${connectMs} ms (connection.timeout.ms)`)), connectMs)
      const connected = () => clearTimeout(late)
      socket.once('connect', connected)
      socket.once('close', connected)
    })
  }
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > answerBytesMax) throw new Error(`the answer has more than ${answerBytesMax} bytes`)
    chunks.push(chunk)
  }
  const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  return (response.headers['content-encoding'] === 'gzip' ? await decompress(whole) : whole).toString('utf8')
}

function authorization(config: ElasticsearchConfig): Readonly<Record<string, string>> {
  const apiKey = config['connection.api.key']
  if (apiKey !== undefined) return { authorization: `ApiKey ${apiKey}` }
  const user = config['connection.username'] || undefined
  if (user === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${user}:${config['connection.password'] ?? ''}`).toString('base64')}` }
}

/** For an agent of Node's: with these it sends http through the proxy and opens tunnels for https. */
function proxyOf(config: ElasticsearchConfig): AgentOptions {
  const host = config['proxy.host']
  if (host === undefined || host === '') return {}
  const user = config['proxy.username'] || undefined
  const secret = user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(config['proxy.password'] ?? '')}@`
  const url = `http://${secret}${host.includes(':') ? `[${host}]` : host}:${config['proxy.port']}`
  return { proxyEnv: { HTTP_PROXY: url, HTTPS_PROXY: url } }
}

/** An AggregateError (several addresses of a name) has no message of its own; OpenSSL's has its words between numbers and names of files. */
function reason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reason(error.errors[0])
  const words = (error as { readonly library?: string; readonly reason?: string }).reason
  if (words !== undefined && (error as { readonly library?: string }).library !== undefined) return `TLS failed: ${words}`
  return error instanceof Error ? error.message : String(error)
}
