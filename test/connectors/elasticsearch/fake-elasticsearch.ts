import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { gunzipSync } from 'node:zlib'

/** What goes wrong with a bulk request: before it is done, after it (the answer is lost), or for some of its items. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly type?: string }
  | { readonly kind: 'cut-before' | 'cut-after' }
  | { readonly kind: 'items'; readonly status: number; readonly every: (n: number) => boolean }

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

interface Stored {
  version: bigint
  source: Record<string, unknown> | null
}

type Line = Readonly<
  Record<string, { readonly _index: string; readonly _id: string; readonly version?: number; readonly version_type?: string }>
>

/** The bulk endpoint with the server's rules of versions, in memory, and faults on order. Everything else is answered as fine. */
export class FakeElasticsearch implements AsyncDisposable {
  readonly url: string
  readonly requests: Request[] = []
  readonly documents = new Map<string, Stored>()
  /** Asked for each bulk request. */
  fault: (request: Request) => Fault | undefined = () => undefined
  /** Awaited before a bulk request is answered. */
  pace: () => Promise<void> = () => Promise.resolve()
  readonly #server: Server

  private constructor(server: Server, secure: boolean) {
    this.#server = server
    this.url = `${secure ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(tls?: ServerOptions): Promise<FakeElasticsearch> {
    const server = tls ? createSecureServer(tls) : createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const fake = new FakeElasticsearch(server as Server, tls !== undefined)
    server.on('request', (request, response) => void fake.#answer(request, response))
    return fake
  }

  get bulks(): readonly Request[] {
    return this.requests.filter(({ path }) => path.startsWith('/_bulk'))
  }

  /** Documents that are there, by id. */
  get sources(): ReadonlyMap<string, unknown> {
    return new Map([...this.documents].flatMap(([id, { source }]) => (source === null ? [] : [[id, source] as const])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const body = (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8')
    const request = { method: incoming.method!, path: incoming.url!, headers: incoming.headers, body }
    this.requests.push(request)
    if (!request.path.startsWith('/_bulk')) return void response.writeHead(200).end('{}')
    const fault = this.fault(request)
    if (fault?.kind === 'cut-before') return void incoming.socket.destroy()
    if (fault?.kind === 'status') {
      const error = { type: fault.type ?? 'trouble_exception', reason: 'on order' }
      return void response.writeHead(fault.status).end(JSON.stringify({ error, status: fault.status }))
    }
    await this.pace()
    const items = this.#bulk(body, fault)
    if (fault?.kind === 'cut-after') return void incoming.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ errors: items.some((item) => Object.values(item)[0]!.status >= 300), items }))
  }

  #bulk(body: string, fault: Fault | undefined): readonly Record<string, { status: number; error?: object }>[] {
    const lines = body.split('\n')
    const items: Record<string, { status: number; error?: object }>[] = []
    for (let n = 0; n < lines.length - 1;) {
      const [kind, action] = Object.entries(JSON.parse(lines[n++]!) as Line)[0]!
      const document = kind === 'delete' ? null : (JSON.parse(lines[n++]!) as Record<string, unknown>)
      const off = fault?.kind === 'items' && fault.every(items.length) ? fault.status : undefined
      const status: number = off ?? this.#apply(kind, action, document)
      const conflict = `[${action._id}]: version conflict, current version [${this.documents.get(action._id)?.version}] is higher than the one provided [${action.version}]`
      const reason = off === undefined && status === 409 ? conflict : 'on order'
      items.push({ [kind]: status < 300 ? { status } : { status, error: { type: `status_${status}`, reason } } })
    }
    return items
  }

  #apply(kind: string, action: Line[string], document: Record<string, unknown> | null): number {
    const found = this.documents.get(action._id)
    if (action.version !== undefined) {
      const version = BigInt(action.version)
      const stale = found !== undefined && (action.version_type === 'external_gte' ? found.version > version : found.version >= version)
      if (stale) return 409
      this.documents.set(action._id, { version, source: document })
      return document === null && !found ? 404 : 200
    }
    if (kind === 'create' && found?.source) return 409
    const merged = kind === 'update' ? { ...found?.source, ...(document!['doc'] as object) } : document
    this.documents.set(action._id, { version: (found?.version ?? 0n) + 1n, source: merged })
    return kind === 'delete' && !found?.source ? 404 : 200
  }
}
