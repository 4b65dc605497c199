import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to a request: passed on; refused; passed on with its answer lost; left without any answer, passed on or not. */
export type Fault = 'none' | '503' | 'lost' | 'silent' | 'late'

/** An HTTP server before another one, which does to each request what `choose` says. Signatures stay valid: the Host header is passed on as it came. */
export class FaultyProxy implements AsyncDisposable {
  readonly #server
  readonly #target: URL
  choose: (request: IncomingMessage) => Fault = () => 'none'
  /** Faults made, by their kind. */
  readonly made: Record<Fault, number> = { none: 0, '503': 0, lost: 0, silent: 0, late: 0 }

  private constructor(target: string) {
    this.#target = new URL(target)
    this.#server = createServer((incoming, answer) => this.#take(incoming, answer))
  }

  static async open(target: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #take(incoming: IncomingMessage, answer: ServerResponse): void {
    const fault = this.choose(incoming)
    this.made[fault]++
    if (fault === '503') {
      incoming.resume()
      incoming.on('end', () => answer.writeHead(503, { connection: 'close' }).end('<Error><Code>SlowDown</Code></Error>'))
      return
    }
    if (fault === 'silent') {
      incoming.resume()
      return
    }
    const onward = request({
      host: this.#target.hostname,
      port: this.#target.port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
      setHost: false,
    })
    onward.on('response', (reply) => {
      if (fault === 'none') {
        answer.writeHead(reply.statusCode!, reply.headers)
        reply.pipe(answer)
        reply.on('error', () => answer.destroy())
        return
      }
      reply.resume()
      if (fault === 'lost') answer.destroy()
    })
    onward.on('error', () => answer.destroy())
    incoming.on('error', () => onward.destroy())
    incoming.pipe(onward)
  }
}
