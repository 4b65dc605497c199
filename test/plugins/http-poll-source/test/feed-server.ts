import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the server answers instead of its items. */
export interface Mishap {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

/** An API with pages: `GET /?cursor=5` answers items 6 and on, at most `page` of them, and the cursor behind the last. */
export class FeedServer {
  readonly requests: IncomingMessage[] = []
  readonly items: { id: number; name: string }[] = []
  /** The next answers. */
  readonly mishaps: Mishap[] = []
  url = ''
  readonly #server = createServer((request, response): unknown => {
    this.requests.push(request)
    const mishap = this.mishaps.shift()
    if (mishap) return response.writeHead(mishap.status, mishap.headers).end('{"error": "because"}')
    const from = Number(new URL(request.url!, this.url).searchParams.get('cursor') ?? 0)
    const items = this.items.slice(from, from + this.page)
    const etag = `"${from}-${this.items.length}"`
    if (request.headers['if-none-match'] === etag) return response.writeHead(304).end()
    return response.writeHead(200, { 'content-type': 'application/json', etag }).end(JSON.stringify({ items, next: from + items.length }))
  })
  readonly page: number

  constructor(page = 3) {
    this.page = page
  }

  async start(items: number): Promise<this> {
    this.add(items)
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
    return this
  }

  add(count: number): void {
    for (let n = 0; n < count; n++) this.items.push({ id: this.items.length + 1, name: `item ${this.items.length + 1}` })
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
