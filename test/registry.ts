import { createServer as createHttpServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates, type Certificates } from './certificates.ts'
import { apicurio, downloadsSkip, java21 } from './downloads.ts'
import { freePort } from './postgres.ts'
import { ServerProcess } from './server-process.ts'

/** For `test(name, { skip: registrySkip() }, ...)`: why no schema registry can be had here, or false. With CI set it throws instead. */
export function registrySkip(): string | false {
  return external !== undefined ? false : downloadsSkip(java21, apicurio)
}

/**
 * Starts an Apicurio Registry 3.3.3 with an empty store in memory, which speaks Confluent's API (compatibility BACKWARD by default, as there),
 * or gives the one at MILLRACE_TEST_REGISTRY (a URL, maybe with subjects of others in it). It ends with this process at the latest.
 */
export async function startRegistry(): Promise<TestRegistry> {
  if (external !== undefined) return new TestRegistry(external)
  const [port, managementPort] = [await freePort(), await freePort()]
  const folder = await mkdtemp(join(tmpdir(), 'millrace-registry-'))
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  const settings = { 'http.host': '127.0.0.1', 'http.port': port, 'management.host': '127.0.0.1', 'management.port': managementPort }
  const places = Object.entries(settings).map(([name, value]) => `-Dquarkus.${name}=${value}`)
  const server = await ServerProcess.start({
    program: java21(),
    args: [...jvm, '-Dquarkus.log.level=WARN', ...places, '-jar', join(apicurio(), 'quarkus-run.jar')],
    folder,
    ready: () => answers(`${url}/subjects`),
  })
  const registry = new TestRegistry(url, server, folder)
  await registry.call('PUT', '/config', { compatibility: 'BACKWARD' })
  return registry
}

export class TestRegistry implements AsyncDisposable {
  /** What `schema.registry.url` wants. */
  readonly url: string
  readonly #server: ServerProcess | undefined
  readonly #folder: string | undefined

  constructor(url: string, server?: ServerProcess, folder?: string) {
    this.url = url
    this.#server = server
    this.#folder = folder
  }

  /** One call of the API, such as `call('POST', '/subjects/a-value/versions', {schema: '"string"'})`; throws unless the answer is 2xx. */
  async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<unknown> {
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(this.url + path, { method, headers, ...content })
    if (!answer.ok) throw new Error(`The registry answered ${method} ${path} with ${answer.status}: ${await answer.text()}`)
    return await answer.json()
  }

  /** Starts a server in front of the registry, for what the registry itself does not do. Dispose it. */
  async front(options: FrontOptions = {}): Promise<RegistryFront> {
    return await RegistryFront.open(this.url, options)
  }

  async stop(): Promise<void> {
    await this.#server?.end('SIGKILL')
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

export interface FrontOptions {
  /** Basic authentication; others get 401. */
  readonly user?: string
  readonly password?: string
  /** Over TLS with a certificate of its own making. `mutual`: refuses clients without a certificate of that authority. */
  readonly tls?: boolean | 'mutual'
  /** Answers in the registry's place, such as 503 for the first two requests; undefined: passes the request on. */
  readonly instead?: (request: { readonly method: string; readonly path: string; readonly count: number }) => number | undefined
}

/** A proxy with Confluent's paths (`/subjects`, `/schemas/ids/1`), passwords, TLS and faults; it remembers what it was asked. */
export class RegistryFront implements AsyncDisposable {
  /** `METHOD /path` of every request, in order: for tests of caches. */
  readonly requests: string[] = []
  readonly #target: string
  readonly #options: FrontOptions
  readonly #folder: string | undefined
  readonly #certificates: Certificates | undefined
  readonly #server: ReturnType<typeof createHttpServer | typeof createHttpsServer>
  #port = 0

  private constructor(target: string, options: FrontOptions, folder: string | undefined) {
    this.#target = target
    this.#options = options
    this.#folder = folder
    this.#certificates = folder === undefined ? undefined : makeCertificates(folder)
    const serve = (request: IncomingMessage, response: ServerResponse) => this.#serve(request, response)
    this.#server = this.#certificates === undefined ? createHttpServer(serve) : createHttpsServer(tls(this.#certificates, options), serve)
  }

  static async open(target: string, options: FrontOptions): Promise<RegistryFront> {
    const secured = options.tls !== undefined && options.tls !== false
    const front = new RegistryFront(target, options, secured ? await mkdtemp(join(tmpdir(), 'millrace-registry-tls-')) : undefined)
    front.#server.listen(0, '127.0.0.1')
    await once(front.#server, 'listening')
    front.#port = (front.#server.address() as AddressInfo).port
    return front
  }

  /** Without user and password. */
  get url(): string {
    return `${this.#certificates === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`
  }

  get certificates(): Certificates {
    if (this.#certificates === undefined) throw new Error('This front was opened without `tls`')
    return this.#certificates
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const [method, path] = [request.method ?? 'GET', request.url ?? '/']
    this.requests.push(`${method} ${path}`)
    const instead = this.#options.instead?.({ method, path, count: this.requests.length })
    if (!this.#allowed(request)) return refuse(response, 401, 40101, 'Unauthorized')
    if (instead !== undefined) return refuse(response, instead, instead * 100, 'a fault that the test asked for')
    const passed = forward(this.#target + path, { method, headers: { ...request.headers, host: new URL(this.#target).host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', (error) => refuse(response, 502, 50200, error.message))
    request.pipe(passed)
  }

  #allowed(request: IncomingMessage): boolean {
    const { user, password } = this.#options
    if (user === undefined) return true
    return request.headers.authorization === `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}`
  }
}

function refuse(response: ServerResponse, status: number, code: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
  response.end(JSON.stringify({ error_code: code, message }))
}

function tls(certificates: Certificates, options: FrontOptions): object {
  return {
    key: readFileSync(certificates.serverKeyFile),
    cert: readFileSync(certificates.serverCertificateFile),
    ca: readFileSync(certificates.caFile),
    requestCert: options.tls === 'mutual',
    rejectUnauthorized: options.tls === 'mutual',
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    // It does not listen yet.
    return false
  }
}

const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const external = process.env['MILLRACE_TEST_REGISTRY'] || undefined
