import type { Socket } from 'node:net'
import type { Client } from 'pg'
import { DataError, RetriableError, type Logger } from '../../core/index.ts'
import { socketOf } from './connection.ts'
import { postgresEpochUs, ProtocolError } from './decoder.ts'
import { formatLsn, readLsn, readUint32, writeLsn, type Lsn } from './lsn.ts'
import { serverError } from './server-error.ts'

export interface WalSenderSettings {
  /** A connection in replication mode that was not used yet; it belongs to the sender from now on. */
  readonly client: Client
  /** The whole START_REPLICATION command. */
  readonly command: string
  /** Milliseconds between two status updates; under a third of the server's wal_sender_timeout. */
  readonly statusIntervalMs: number
  /** Reading from the socket pauses while more than this waits to be decoded. Bytes. */
  readonly queueBytesMax: number
  /** A single message over this is refused rather than gathered in memory. Bytes. */
  readonly messageBytesMax: number
  /** The connection counts as dead when the server has not answered for so long. Milliseconds. */
  readonly silenceMsMax: number
  /** What is durable already: acknowledged at once. */
  readonly durable: Lsn
  readonly log: Logger
}

const copyData = 0x64
const copyDone = 0x63
const copyBoth = 0x57
const errorResponse = 0x45
const noticeResponse = 0x4e
const parameterStatus = 0x53
const commandComplete = 0x43
const readyForQuery = 0x5a
const walData = 0x77
const keepalive = 0x6b
const frameHeaderBytes = 5
const walHeaderBytes = 25
const keepaliveBytes = 18

/**
 * The client's half of Postgres' streaming replication ("Streaming Replication Protocol"). `pg` opens the connection (TLS, SCRAM); from
 * START_REPLICATION on the socket is read here, as pg's parser makes an object per message and may move bytes that were already handed out.
 *
 * - Status updates go out on a timer of their own, whether or not anybody reads: a client that is silent for wal_sender_timeout is cut off,
 *   one that has merely paused its socket is not.
 * - Only `acknowledge` moves the slot, to exactly the LSN it is given.
 * - Messages wait as the chunks in which they came; `next` finds them without copying, except where one spans two chunks.
 */
export class WalSender implements AsyncDisposable {
  /** Of the message that `next` found: the pgoutput bytes are `buffer[start .. end)`, valid for as long as they are kept. */
  buffer: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  /** Where the message's WAL record starts; for a commit where it ends; 0 for relation messages. */
  lsn: Lsn = 0
  /** Of a keepalive: the server has read its log up to here, and has sent all there was to send. */
  walEnd: Lsn = 0

  readonly #settings: WalSenderSettings
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  readonly #status = Buffer.alloc(frameHeaderBytes + 34)
  #chunks: Buffer[] = []
  #queuedBytes = 0
  #chunk: Buffer = Buffer.alloc(0)
  #offset = 0
  #acknowledged: Lsn
  #received: Lsn = 0
  #heardAt = performance.now()
  /** Something came since `next` found nothing. */
  #fresh = false
  #failure: Error | undefined
  #closing = false
  #started = false
  #wake: (() => void) | undefined

  private constructor(settings: WalSenderSettings) {
    this.#settings = settings
    this.#acknowledged = settings.durable
    this.#socket = socketOf(settings.client)
    this.#socket.removeAllListeners('data')
    this.#socket.on('data', (chunk: Buffer) => this.#arrived(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('The server closed the replication connection')))
    // Everything that pg reports of this connection is seen at the socket as well.
    settings.client.on('error', () => {})
    this.#timer = setInterval(() => this.#tick(), settings.statusIntervalMs)
  }

  /**
   * Sends the command and resolves when the server streams. Rejects with the server's error (see `serverError`), such as
   * object_in_use while another process reads the slot; the connection is closed then.
   */
  static async start(settings: WalSenderSettings): Promise<WalSender> {
    const sender = new WalSender(settings)
    try {
      const text = Buffer.from(`${settings.command}\0`, 'utf8')
      const frame = Buffer.alloc(frameHeaderBytes + text.length)
      frame[0] = 0x51
      frame.writeUInt32BE(4 + text.length, 1)
      text.copy(frame, frameHeaderBytes)
      sender.#socket.write(frame)
      while (!sender.#started) {
        sender.next()
        if (!sender.#started) await sender.wait()
      }
      sender.#sendStatus(false)
      return sender
    } catch (error) {
      await sender[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What was acknowledged last. */
  get acknowledged(): Lsn {
    return this.#acknowledged
  }

  /** Bytes that came and were not yet taken by `next`. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#chunk.length - this.#offset
  }

  /**
   * Takes the next message off the queue: 'data' or 'keepalive', told in the fields above; undefined when no whole message is there.
   * Throws once all that came is taken and the connection is gone, or when the server reported an error.
   */
  next(): 'data' | 'keepalive' | undefined {
    for (;;) {
      const type = this.#frame()
      if (type === undefined) {
        if (this.#failure) throw this.#failure
        this.#fresh = false
        return undefined
      }
      if (type === copyData) {
        const kind = this.#copyData()
        if (kind !== undefined) return kind
      } else {
        this.#control(type)
      }
    }
  }

  /** Resolves when something came, the connection is gone, `signal` aborts, or the time is over. */
  async wait(signal?: AbortSignal, timeoutMs?: number): Promise<void> {
    if (this.#fresh || this.#failure || signal?.aborted) return
    await new Promise<void>((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => wake(), timeoutMs)
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        if (this.#wake === wake) this.#wake = undefined
        resolve()
      }
      this.#wake = wake
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  /** Everything before `lsn` is durable and remembered: the server may forget it. Never moves backwards. */
  acknowledge(lsn: Lsn): void {
    if (lsn <= this.#acknowledged) return
    this.#acknowledged = lsn
    if (this.#received < lsn) this.#received = lsn
    this.#sendStatus(false)
  }

  /** Sends the last acknowledgement and ends the stream; waits a little for the server to let the slot go. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    clearInterval(this.#timer)
    if (!this.#socket.destroyed && !this.#failure) {
      if (this.#started) {
        this.#sendStatus(false)
        this.#socket.write(Buffer.from([copyDone, 0, 0, 0, 4]))
      }
      this.#socket.resume()
      const closed = new Promise<void>((resolve) => {
        this.#socket.once('close', resolve)
        setTimeout(resolve, 1_000).unref()
      })
      this.#socket.end(Buffer.from([0x58, 0, 0, 0, 4]))
      await closed
    }
    this.#socket.destroy()
    this.#chunks = []
    this.#queuedBytes = 0
  }

  #arrived(chunk: Buffer): void {
    this.#heardAt = performance.now()
    if (this.#closing) return
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
    this.#fresh = true
    if (this.#queuedBytes > this.#settings.queueBytesMax) this.#socket.pause()
    this.#wake?.()
  }

  /** Steps over one frame: its body is `buffer[start .. end)`. Undefined when it has not come in full. */
  #frame(): number | undefined {
    if (this.#offset === this.#chunk.length && !this.#shift()) return undefined
    const left = this.#chunk.length - this.#offset
    const bytes = 1 + (left >= frameHeaderBytes ? readUint32(this.#chunk, this.#offset + 1) : this.#splitLength())
    if (left >= bytes && bytes >= frameHeaderBytes) {
      this.buffer = this.#chunk
      this.start = this.#offset + frameHeaderBytes
      this.#offset += bytes
      this.end = this.#offset
      return this.#chunk[this.start - frameHeaderBytes]
    }
    if (bytes === 0) return undefined
    if (bytes < frameHeaderBytes)
      throw new ProtocolError(`The replication stream carries a message of ${bytes} bytes, less than its header`)
    if (bytes > this.#settings.messageBytesMax) {
      throw new DataError(
        `A change of ${bytes} bytes came by the replication stream; message.bytes.max takes ${this.#settings.messageBytesMax}. ` +
          'Raise it, with the memory of the task, or take the table or its large column out of the publication.',
      )
    }
    if (left + this.#queuedBytes < bytes) {
      // A message larger than the queue's bound must still come in.
      if (this.#socket.isPaused() && this.#failure === undefined) this.#socket.resume()
      return undefined
    }
    this.buffer = this.#join(bytes)
    this.start = frameHeaderBytes
    this.end = bytes
    return this.buffer[0]
  }

  /** The next chunk becomes the current one; false: none came. */
  #shift(): boolean {
    const next = this.#chunks.shift()
    if (next === undefined) return false
    this.#chunk = next
    this.#offset = 0
    this.#queuedBytes -= next.length
    if (this.#queuedBytes <= this.#settings.queueBytesMax / 2 && this.#socket.isPaused() && !this.#closing) this.#socket.resume()
    return true
  }

  /** The length of a frame whose header spans chunks; -1: it has not come in full. */
  #splitLength(): number {
    const header = Buffer.concat([this.#chunk.subarray(this.#offset), ...this.#chunks.slice(0, frameHeaderBytes)])
    return header.length < frameHeaderBytes ? -1 : readUint32(header, 1)
  }

  /** Copies one frame that spans chunks, and steps over it. Whole chunks are never copied: at 64 KiB each that cost a seventh of all time. */
  #join(bytes: number): Buffer {
    const joined = Buffer.allocUnsafe(bytes)
    let filled = 0
    while (filled < bytes) {
      if (this.#offset === this.#chunk.length) this.#shift()
      const taken = Math.min(bytes - filled, this.#chunk.length - this.#offset)
      this.#chunk.copy(joined, filled, this.#offset, this.#offset + taken)
      this.#offset += taken
      filled += taken
    }
    return joined
  }

  #copyData(): 'data' | 'keepalive' | undefined {
    const { buffer, start } = this
    const bytes = this.end - start
    const kind = buffer[start]
    if (kind === walData && bytes > walHeaderBytes) {
      this.lsn = readLsn(buffer, start + 1)
      if (this.lsn > this.#received) this.#received = this.lsn
      this.start = start + walHeaderBytes
      return 'data'
    }
    if (kind === keepalive && bytes === keepaliveBytes) {
      this.walEnd = readLsn(buffer, start + 1)
      if (this.walEnd > this.#received) this.#received = this.walEnd
      if (buffer[start + 17] === 1) this.#sendStatus(false)
      return 'keepalive'
    }
    throw new ProtocolError(
      `The replication stream carries a message of kind 0x${(kind ?? 0).toString(16)} and ${bytes} bytes, which it must not`,
    )
  }

  #control(type: number): void {
    switch (type) {
      case copyBoth:
        this.#started = true
        return
      case errorResponse:
        this.#failure = serverError(this.buffer.subarray(this.start, this.end))
        throw this.#failure
      case copyDone:
      case commandComplete:
      case readyForQuery:
        this.#failure ??= new RetriableError('The server ended the replication stream')
        return
      case noticeResponse:
      case parameterStatus:
        return
      default:
        throw new ProtocolError(`The replication stream carries a message of the unknown type 0x${type.toString(16)}`)
    }
  }

  #tick(): void {
    const silent = performance.now() - this.#heardAt
    if (!this.#socket.isPaused() && silent > this.#settings.silenceMsMax) {
      this.#fail(new Error(`The server has not answered on the replication connection for ${Math.round(silent / 1000)} s`))
      this.#socket.destroy()
      return
    }
    // While reading is paused the answer would only add to the queue.
    if (this.#started) this.#sendStatus(!this.#socket.isPaused())
  }

  /** Standby status update: what was received, what is durable, the time; asks for an answer if wanted. */
  #sendStatus(answer: boolean): void {
    if (this.#socket.destroyed || !this.#socket.writable) return
    const status = this.#status
    status[0] = copyData
    status.writeUInt32BE(4 + 34, 1)
    status[5] = 0x72
    writeLsn(status, Math.max(this.#received, this.#acknowledged), 6)
    writeLsn(status, this.#acknowledged, 14)
    writeLsn(status, this.#acknowledged, 22)
    status.writeBigInt64BE(BigInt(Date.now() * 1000 - postgresEpochUs), 30)
    status[38] = answer ? 1 : 0
    this.#settings.log.trace(
      { received: formatLsn(this.#received), acknowledged: formatLsn(this.#acknowledged) },
      'Status sent to the server',
    )
    this.#socket.write(Buffer.from(status))
  }

  #fail(error: Error): void {
    if (this.#closing) return
    this.#failure ??= new RetriableError(`The replication connection is lost: ${error.message}`, { cause: error })
    clearInterval(this.#timer)
    this.#wake?.()
  }
}
