import http from 'node:http'
import type { AddressInfo } from 'node:net'

interface Kept {
  readonly id: number
  readonly subject: string
  readonly version: number
  readonly schema: string
  readonly schemaType?: string
  readonly references?: readonly object[]
}

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

/** A registry in memory, for what a real one does not do on demand: refusing, failing, answering nonsense. */
export class TinyRegistry implements AsyncDisposable {
  readonly url: string
  /** "METHOD path" of every request, in order. */
  readonly asked: string[] = []
  /** Authorization headers, in order. */
  readonly authorizations: (string | undefined)[] = []
  /** Answers instead of the registry where it returns something. */
  override: (method: string, path: string) => Reply | undefined = () => undefined
  readonly #server: http.Server
  readonly #kept: Kept[] = []

  private constructor(server: http.Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(): Promise<TinyRegistry> {
    const server = http.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const registry = new TinyRegistry(server)
    server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const path = (request.url ?? '').replace(/\?.*$/, '')
        registry.asked.push(`${request.method} ${request.url}`)
        registry.authorizations.push(request.headers.authorization)
        const text = Buffer.concat(chunks).toString('utf8')
        const content = text === '' ? undefined : (JSON.parse(text) as Partial<Kept>)
        const reply = registry.override(request.method!, path) ?? registry.#answer(request.method!, path, content)
        response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
        response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
      })
    })
    return registry
  }

  /** Registers as a producer would; the id. */
  add(subject: string, schema: string, schemaType?: string, references?: readonly object[]): number {
    const same = this.#kept.find((one) => one.schema === schema && one.subject === subject)
    if (same) return same.id
    const id = this.#kept.find((one) => one.schema === schema)?.id ?? this.#kept.length + 1
    const version = this.#kept.filter((one) => one.subject === subject).length + 1
    this.#kept.push({ id, subject, version, schema, schemaType, references })
    return id
  }

  /** All texts under a subject. */
  texts(subject: string): readonly string[] {
    return this.#kept.filter((one) => one.subject === subject).map((one) => one.schema)
  }

  async [Symbol.asyncDispose]() {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(method: string, path: string, content: Partial<Kept> | undefined): Reply {
    const found = (one: Kept | undefined, code: number) =>
      one === undefined ? { status: 404, body: { error_code: code, message: 'not found' } } : { status: 200, body: one }
    const byId = /^\/schemas\/ids\/(\d+)(\/versions)?$/.exec(path)
    if (byId) {
      const all = this.#kept.filter((one) => one.id === Number(byId[1]))
      return byId[2] ? { status: 200, body: all } : found(all[0], 40403)
    }
    const subject = decodeURIComponent(/^\/subjects\/([^/]+)/.exec(path)?.[1] ?? '')
    const all = this.#kept.filter((one) => one.subject === subject)
    if (method === 'GET') {
      const version = path.slice(path.lastIndexOf('/') + 1)
      return found(version === 'latest' ? all.at(-1) : all.find((one) => one.version === Number(version)), 40402)
    }
    if (path.endsWith('/versions'))
      return { status: 200, body: { id: this.add(subject, content!.schema!, content!.schemaType, content!.references) } }
    return found(
      all.find((one) => one.schema === content!.schema),
      40403,
    )
  }
}
