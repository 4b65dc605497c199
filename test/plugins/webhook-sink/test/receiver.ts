import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedEvent {
  readonly id: string | null
  readonly topic: string
  readonly key: unknown
  readonly value: unknown
}

/** A webhook that drops what it knows, refuses batches with a `bad` event, and answers `mishaps` first. */
export class Receiver {
  readonly events: ReceivedEvent[] = []
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly events: readonly ReceivedEvent[] }[] = []
  readonly mishaps: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }[] = []
  url = ''
  readonly #known = new Set<string>()
  readonly #server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const events = JSON.parse(text) as ReceivedEvent[]
    this.requests.push({ headers: request.headers, events })
    const mishap = this.mishaps.shift()
    if (mishap) response.writeHead(mishap.status, mishap.headers).end('not now')
    else if (events.some(({ value }) => value === 'bad')) response.writeHead(422).end('a bad event')
    else {
      for (const event of events) if (event.id === null || !this.#known.has(event.id)) this.events.push(event)
      for (const { id } of events) if (id !== null) this.#known.add(id)
      response.writeHead(204).end()
    }
  })

  async start(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
    return this
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
