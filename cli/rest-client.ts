import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { exitCodes, UsageError } from './exit.ts'

/** Talks to a worker's REST API, ours or any Kafka Connect's. */
export interface RestClient {
  /** Where it asks: the worker that answered last, without credentials. */
  readonly url: string
  /** The parsed answer; undefined for an empty one. Throws a RestError for anything but a 2xx with JSON or nothing. */
  call(method: string, path: string, body?: unknown): Promise<unknown>
  /** JSON text in, JSON text out: numbers keep their spelling. */
  text(method: string, path: string, body?: string): Promise<string>
}

export interface ClientSettings {
  /** Milliseconds that one request may take in all; default 30,000. */
  readonly timeoutMs?: number
  /** For basic authentication, where the URL brings none. */
  readonly user?: string
  readonly password?: string
  /** How long a worker that rebalances is asked again, in milliseconds; default 20,000. */
  readonly patienceMs?: number
}

/** An answer that is not a success: its status and what the worker said. Status 0: there was no usable answer. */
export class RestError extends Error {
  override readonly name = 'RestError'
  readonly status: number
  readonly exitCode: number
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.exitCode = status === 0 || (status >= 502 && status <= 504) ? exitCodes.unreachable : exitCodes.failed
  }
}

/** Longer answers are cut off with an error: what listens there is no worker. */
const answerBytesMax = 64 * 2 ** 20
const retryMs = 500
/** Lines of a worker's error text that are shown. */
const linesMax = 40

/** Nothing has been sent when these happen, so the next worker may be asked. */
const notConnected = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ETIMEDOUT']

interface Target {
  readonly origin: string
  /** In front of every path; no slash at its end. */
  readonly prefix: string
  readonly authorization: string | undefined
  readonly secure: boolean
  readonly hostname: string
  readonly port: string
}

interface Reply {
  readonly status: number
  readonly statusText: string
  readonly media: string
  readonly location: string | undefined
  readonly text: string
}

/**
 * A client for the worker at `url`, such as http://127.0.0.1:8083; of several workers of one cluster the first that can be reached is asked.
 * A URL may carry `user:password@` and a path. Throws a UsageError for a URL that is none.
 */
export function restClient(url: string | readonly string[], settings: ClientSettings = {}): RestClient {
  const { timeoutMs = 30_000, patienceMs = 20_000 } = settings
  const targets = [url].flat().map((one) => targetOf(one, settings))
  const tried = { first: 0 }
  const exchange = async (method: string, path: string, body?: string): Promise<string> => {
    for (const deadline = Date.now() + patienceMs; ; await sleep(retryMs)) {
      const reply = await ask(targets, tried, method, path, body, timeoutMs)
      if (reply.status >= 200 && reply.status < 300) return checked(reply, targets[tried.first]!, method, path)
      const error = refusalOf(reply, targets[tried.first]!, method, path)
      if (!isRebalance(error) || Date.now() >= deadline) throw error
    }
  }
  return {
    get url() {
      return targets[tried.first]!.origin
    },
    async call(method, path, body) {
      const text = await exchange(method, path, body === undefined ? undefined : JSON.stringify(body))
      return text === '' ? undefined : JSON.parse(text)
    },
    text: exchange,
  }
}

/** A name as one segment of a path. Dots alone would climb. */
export function segment(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(/^\.\.?$/, (dots) => dots.replaceAll('.', '%2E'))
}

function targetOf(text: string, settings: ClientSettings): Target {
  let url: URL
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`)
  } catch (error) {
    throw new UsageError(`The worker's address ${withoutPassword(text)} is no URL: write it as http://host:8083`, { cause: error })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UsageError(`The worker's address ${withoutPassword(text)} must begin with http:// or https://`)
  }
  const user = url.username === '' ? settings.user : decodeURIComponent(url.username)
  const password = url.username === '' ? (settings.password ?? '') : decodeURIComponent(url.password)
  return {
    origin: url.origin,
    prefix: url.pathname.replace(/\/+$/, ''),
    authorization: user === undefined ? undefined : `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`,
    secure: url.protocol === 'https:',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
  }
}

async function ask(
  targets: readonly Target[],
  tried: { first: number },
  method: string,
  path: string,
  body: string | undefined,
  timeoutMs: number,
): Promise<Reply> {
  for (let turn = 0; ; turn++) {
    const at = tried.first
    try {
      return await send(targets[at]!, method, path, body, timeoutMs)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      if (!notConnected.includes(code) || turn + 1 >= targets.length) throw unreachable(error as Error, targets, targets[at]!, timeoutMs)
      tried.first = (at + 1) % targets.length
    }
  }
}

/** One request on a connection of its own. Rejects with the socket's error, a time-out (AbortError), or a RestError for a body without end. */
async function send(target: Target, method: string, path: string, body: string | undefined, timeoutMs: number): Promise<Reply> {
  // Half of the start-up time of a command that asks nobody.
  const { request: open } = await (target.secure ? import('node:https') : import('node:http'))
  return new Promise((resolve, reject) => {
    const request = open({
      hostname: target.hostname,
      ...(target.port === '' ? {} : { port: target.port }),
      // As it is, without URL's own ideas about dots: names may be anything.
      path: target.prefix + path,
      method,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: 'application/json',
        ...(target.authorization === undefined ? {} : { authorization: target.authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    })
    request.on('error', reject)
    request.on('response', (response) => read(response, target).then(resolve, reject))
    request.end(body)
  })
}

async function read(response: IncomingMessage, target: Target): Promise<Reply> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > answerBytesMax) throw new RestError(0, `${target.origin} is no worker: its answer has no end (more than 64 MB)`)
    chunks.push(chunk)
  }
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? '',
    media: (response.headers['content-type'] ?? '').split(';')[0]!.trim(),
    location: response.headers.location,
    text: Buffer.concat(chunks).toString('utf8'),
  }
}

function checked({ text, media, status }: Reply, target: Target, method: string, path: string): string {
  if (text === '') return text
  try {
    JSON.parse(text)
    return text
  } catch (error) {
    const what = `${method} ${path} answered ${status} with ${media || 'something'} in place of JSON`
    throw new RestError(0, `${target.origin} does not answer as a worker does: ${what}; check --url`, { cause: error })
  }
}

function refusalOf(reply: Reply, target: Target, method: string, path: string): RestError {
  const { status, statusText, location } = reply
  const said = messageOf(reply.text)
  const answered = `${target.origin} answered ${method} ${path} with ${status}${statusText === '' ? '' : ` ${statusText}`}`
  if (status === 401) return new RestError(status, `${answered}: give a user, as http://user:password@host in --url, or MILLRACE_USER and MILLRACE_PASSWORD`) // prettier-ignore
  if (status >= 300 && status < 400) return new RestError(0, `${answered}${location === undefined ? '' : `, pointing to ${location}`}: name the worker itself with --url`) // prettier-ignore
  if (said === undefined) return new RestError(status, `${answered}, without a worker's message`)
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !/^\s+(at |\.\.\. \d+ more)/.test(line))
  // A 500 is a fault of the worker, often with a whole Java trace: its first line says what it was.
  if (status >= 500) return new RestError(status, `${answered}: ${(lines[0] ?? '').slice(0, 10_000)}`)
  return new RestError(status, lines.slice(0, linesMax).join('\n') || answered)
}

/** Connect's workers refuse for a while during a rebalance; any client just asks again. */
function isRebalance({ status, message }: RestError): boolean {
  return status === 409 && /rebalanc|stale configuration|momentarily/i.test(message)
}

function unreachable(error: Error, targets: readonly Target[], target: Target, timeoutMs: number): RestError {
  if (error instanceof RestError) return error
  const { code = '' } = error as NodeJS.ErrnoException
  const options = { cause: error }
  const { origin } = target
  if (code === 'ECONNREFUSED') {
    const places = targets.map((one) => one.origin).join(', ')
    return new RestError(0, `No worker answers at ${places}: start one with "millrace worker", or name another with --url`, options)
  }
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    return new RestError(0, `${origin} did not answer within ${timeoutMs / 1000} s: is it a worker, and is it well? --timeout allows more`, options) // prettier-ignore
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return new RestError(0, `The certificate of ${origin} is not trusted (${code}): name its CA's file in NODE_EXTRA_CA_CERTS`, options)
  }
  if (code === 'EPROTO') return new RestError(0, `${origin} does not speak TLS: should the address begin with http://?`, options)
  if (code.startsWith('HPE_')) return new RestError(0, `${origin} does not speak HTTP (${code}): check --url`, options)
  const reason = code === 'ECONNRESET' ? 'it cut the connection' : error.message || code || error.name
  return new RestError(0, `No answer from ${origin}: ${reason}`, options)
}

function messageOf(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined // Not JSON: some proxy's page; the caller names the status instead.
  }
}

function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//')
}
