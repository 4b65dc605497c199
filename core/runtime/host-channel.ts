import type { Socket } from 'node:net'
import { deserialize, serialize } from 'node:v8'

/** Descriptors of a host beyond the usual three: its channel to the worker, and the worker's own stdout, for its log. */
export const hostDescriptors = { channel: 3, log: 4 } as const

/** How a host ends itself: told to leave; without a channel to its worker; by an error that nobody caught. */
export const exitCodes = { left: 0, orphaned: 75, fatal: 70 } as const

/** Largest message, in bytes: a page of dead letters or a preview at its own bounds is far below. */
const messageBytesMax = 256 * 2 ** 20
const headBytes = 4

export interface ChannelListener {
  message(message: unknown): void
  /** What came is no message, so nothing after it can be read either. Told once; the channel is closed. */
  broken(reason: string): void
  /** The other side is gone; everything that it sent was delivered before. Told once, after `broken` too. */
  closed(): void
}

/**
 * Messages between worker and host: four bytes of length, then V8's serialization, over a pair of sockets. Not Node's own IPC: that throws
 * in the worker, outside every call, when anything in a host writes other bytes to the descriptor, and lends `process.send` and
 * `process.disconnect` to plugins.
 */
export class Channel {
  readonly #socket: Socket
  readonly #listener: ChannelListener
  #chunks: Buffer[] = []
  #held = 0
  #open = true

  constructor(socket: Socket, listener: ChannelListener) {
    this.#socket = socket
    this.#listener = listener
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => socket.destroy()) // A closed pipe: 'close' tells it.
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      this.#open = false
      listener.closed()
    })
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** `written` is called when the message is with the other side's system, or cannot get there. */
  send(message: object, written?: () => void): void {
    if (!this.#open) return written?.()
    const body = serialize(message)
    const head = Buffer.allocUnsafe(headBytes)
    head.writeUInt32BE(body.length)
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(body, () => written?.())
    this.#socket.uncork()
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    while (this.#open && this.#held >= headBytes) {
      const length = this.#peek(headBytes).readUInt32BE()
      if (length > messageBytesMax) return this.#break(`a message of ${length} bytes, and at most ${messageBytesMax} are taken`)
      if (this.#held < headBytes + length) return
      const whole = this.#peek(headBytes + length)
      const rest = this.#chunks[0]!.subarray(whole.length)
      if (rest.length > 0) this.#chunks[0] = rest
      else this.#chunks.shift()
      this.#held -= whole.length
      this.#deliver(whole.subarray(headBytes))
    }
  }

  /** The first bytes of what is held, in one piece. Joins chunks only once enough of them are there. */
  #peek(length: number): Buffer {
    if (this.#chunks[0]!.length < length) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!.subarray(0, length)
  }

  #deliver(body: Buffer): void {
    let message: unknown
    try {
      message = deserialize(body)
    } catch (error) {
      return this.#break(`bytes that are no message (${(error as Error).message})`)
    }
    this.#listener.message(message)
  }

  #break(reason: string): void {
    this.#open = false
    this.#chunks = []
    this.#held = 0
    this.#socket.destroy()
    this.#listener.broken(reason)
  }
}
