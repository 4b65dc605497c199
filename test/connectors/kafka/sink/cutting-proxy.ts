import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

/** A TCP proxy that cuts its connections after a random number of bytes, in the middle of requests and answers, while `cutting` is on. */
export class CuttingProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #target = 0
  /** Most bytes that pass one way before a cut; 0: no cuts. */
  cutting = 0
  cuts = 0

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (client) => this.#join(client))
  }

  static async listen(): Promise<CuttingProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new CuttingProxy(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Where connections go, on loopback. */
  set target(port: number) {
    this.#target = port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(client: Socket): void {
    const upstream = connect(this.#target, '127.0.0.1')
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('close', () => {
        this.#sockets.delete(from)
        end()
      })
      from.on('error', end)
      let left = this.cutting === 0 ? Infinity : Math.floor(Math.random() * this.cutting)
      from.on('data', (bytes) => {
        if (this.cutting === 0) left = Infinity
        else if (left === Infinity) left = Math.floor(Math.random() * this.cutting)
        if (bytes.length <= left) {
          left -= bytes.length
          to.write(bytes)
          return
        }
        // What came before the cut still arrives.
        this.cuts++
        to.write(bytes.subarray(0, left), () => setTimeout(end, Math.random() * 5))
        left = 0
      })
    }
  }
}
