import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A way to a server that can be cut: after so many bytes, or instead of the answer to a statement. */
export class CutProxy implements AsyncDisposable {
  readonly port: number
  cuts = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #bytesLeft = Infinity
  #swallowed: string | undefined

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async start(port: number): Promise<CutProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new CutProxy(server)
    server.on('connection', (near) => proxy.#join(near, connect(port, '127.0.0.1')))
    return proxy
  }

  /** The next connection's worth of bytes, in both directions, and then the end: once. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes
  }

  /** The next answer that holds this text does not come through, and the connection ends: once. */
  swallow(text: string): void {
    this.#swallowed = text
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  #join(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    const cut = (): void => {
      this.cuts++
      near.destroy()
      far.destroy()
    }
    near.on('data', (piece) => {
      if ((this.#bytesLeft -= piece.length) < 0) {
        this.#bytesLeft = Infinity
        cut()
      } else far.write(piece)
    })
    far.on('data', (piece) => {
      if (this.#swallowed !== undefined && piece.includes(this.#swallowed)) {
        this.#swallowed = undefined
        cut()
      } else if ((this.#bytesLeft -= piece.length) < 0) {
        this.#bytesLeft = Infinity
        cut()
      } else near.write(piece)
    })
  }
}
