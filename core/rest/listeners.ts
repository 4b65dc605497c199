import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ConfigError } from '../contract/errors.ts'
import type { RestSettings } from './settings.ts'

/** One address to listen on. */
export interface Listener {
  readonly text: string
  readonly scheme: 'http' | 'https'
  /** Empty: every interface. */
  readonly host: string
  readonly port: number
}

/** Reads `listeners`. Throws a ConfigError for anything that is not scheme://host:port. */
export function listenerOf(texts: readonly string[]): readonly Listener[] {
  if (texts.length === 0) throw fault('', 'at least one listener is needed, for example http://127.0.0.1:8083')
  return texts.map((text) => {
    const match = /^(https?):\/\/(\[[0-9a-f:.]+\]|[^:/[\]\s]*):(\d{1,5})\/?$/i.exec(text.trim())
    if (!match || Number(match[3]) > 65_535) throw fault(text, 'write it as http://host:port or https://host:port')
    return {
      text,
      scheme: match[1]!.toLowerCase() as 'http' | 'https',
      host: match[2]!.replace(/^\[|\]$/g, '').toLowerCase(),
      port: Number(match[3]),
    }
  })
}

/** True where other machines can reach the listener. */
export function isPublic({ host }: Listener): boolean {
  return !(host === 'localhost' || host === '::1' || host.startsWith('127.'))
}

/** A server that is not listening yet, with the bounds on what a client may cost. */
export async function serverFor(listener: Listener, settings: RestSettings, answer: RequestListener): Promise<Server> {
  const bounds = {
    requestTimeout: settings.requestTimeoutMs,
    headersTimeout: Math.min(settings.requestTimeoutMs, 10_000),
    connectionsCheckingInterval: Math.min(2_000, settings.requestTimeoutMs),
    keepAliveTimeout: 30_000,
    maxHeaderSize: 16 * 1024,
    // Answered by the gate, in the shape of all errors.
    requireHostHeader: false,
  }
  const server =
    listener.scheme === 'http' ? createServer(bounds, answer) : await secureServer({ ...bounds, ...tlsOptions(settings.https) }, answer)
  server.maxConnections = settings.connectionsMax
  server.on('clientError', refuse)
  server.on('checkExpectation', (_, response) => {
    const body = JSON.stringify({ error_code: 417, message: 'HTTP 417 Expectation Failed' })
    response.writeHead(417, { 'content-type': 'application/json', 'content-length': body.length, connection: 'close' })
    response.end(body)
  })
  return server
}

async function secureServer(options: object, answer: RequestListener): Promise<Server> {
  const { createServer: create } = await import('node:https')
  try {
    return create(options, answer) as unknown as Server
  } catch (error) {
    const text = `there are no private key and certificate in it that fit together: ${(error as Error).message}`
    throw tlsFault('listeners.https.ssl.keystore', 'PEM', text)
  }
}

/** Resolves with the URL it listens on, its real port in it. Throws an Error that says what to change. */
export async function listen(server: Server, listener: Listener): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const used = error.code === 'EADDRINUSE' ? 'the port is in use by another program' : error.message
      reject(new Error(`Cannot listen on ${listener.text}: ${used}; choose another address with "listeners"`, { cause: error }))
    })
    server.listen({ port: listener.port, ...(listener.host !== '' && { host: listener.host }) }, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = listener.host === '' || listener.host === '0.0.0.0' || listener.host === '::' ? '127.0.0.1' : listener.host
  return `${listener.scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

const parserFaults: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Request Entity Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
}

/** What never became a request: answered in the shape of all errors, then the connection ends. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, reason] = parserFaults[error.code ?? ''] ?? [400, 'Bad Request']
  const body = JSON.stringify({ error_code: status, message: `HTTP ${status} ${reason}` })
  const head = `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  socket.end(head + body, () => socket.destroy())
}

/** PEM alone: a file with key and certificates, or both inline, under Connect's names; `listeners.https.` wins over the plain keys. */
function tlsOptions(config: Readonly<Record<string, string>>): object {
  const get = (name: string) => config[`listeners.https.${name}`] ?? config[name]
  const type = get('ssl.keystore.type') ?? 'JKS'
  if (type.toUpperCase() !== 'PEM') {
    throw tlsFault('listeners.https.ssl.keystore.type', type, 'only PEM is supported: convert the key store and set PEM')
  }
  const location = get('ssl.keystore.location')
  const key = location === undefined ? get('ssl.keystore.key') : readPem('listeners.https.ssl.keystore.location', location)
  const cert = location === undefined ? get('ssl.keystore.certificate.chain') : key
  if (!key || !cert) {
    throw tlsFault('listeners.https.ssl.keystore.location', location ?? null, 'name a PEM file with the private key and its certificates')
  }
  const trust = get('ssl.truststore.location')
  const clients = (get('ssl.client.auth') ?? 'none').toLowerCase()
  return {
    key,
    cert,
    passphrase: get('ssl.key.password'),
    ...(trust !== undefined && { ca: readPem('listeners.https.ssl.truststore.location', trust) }),
    requestCert: clients !== 'none',
    rejectUnauthorized: clients === 'required',
    minVersion: 'TLSv1.2',
  }
}

function readPem(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw tlsFault(key, file, `cannot read it: ${(error as Error).message}`)
  }
}

function tlsFault(key: string, value: string | null, text: string): ConfigError {
  return new ConfigError([{ key, value, message: `Invalid value ${value} for configuration ${key}: ${text}` }])
}

function fault(value: string, text: string): ConfigError {
  return new ConfigError([{ key: 'listeners', value, message: `Invalid value ${value} for configuration listeners: ${text}` }])
}
