import type { Socket } from 'node:net'
import type { Client, Connection } from 'pg'
import { DataError } from '../../core/index.ts'
import { nullColumn, type TupleView } from './tuple.ts'

/** The part of `pg`'s Connection that is used here. */
interface WireConnection {
  readonly stream: Socket
  query(text: string): void
}

/**
 * One `COPY ... TO STDOUT` in the text format, as a query for `client.query`. While it runs it reads the connection's socket itself: the
 * driver would make an object and two events of every row. Rows go to `onRow` as they stand in the socket's buffers.
 */
export class CopyOut {
  readonly #sql: string
  readonly #onRow: (view: TupleView, bytes: number) => void
  readonly #view: TupleView
  readonly #done = Promise.withResolvers<void>()
  #socket: Socket | undefined
  #driver: ((chunk: Buffer) => void)[] = []
  /** Bytes of a message whose rest has not come yet: `#filled` of them are there. */
  #rest: Buffer = Buffer.alloc(0)
  #filled = 0
  #paused = false

  /** `columns` is how many every row has. An error that `onRow` throws ends the connection and rejects `run`. */
  constructor(sql: string, columns: number, onRow: (view: TupleView, bytes: number) => void) {
    this.#sql = sql
    this.#onRow = onRow
    this.#view = { buffer: this.#rest, starts: new Int32Array(columns), ends: new Int32Array(columns), count: columns }
  }

  /** Resolves after the last row; rejects with the server's error or the connection's. */
  async run(client: Client): Promise<void> {
    client.query(this)
    await this.#done.promise
  }

  /** Stops taking rows; what is in the current buffer still comes. */
  pause(): void {
    this.#paused = true
    this.#socket?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket?.resume()
  }

  /** Called by the driver when it is this query's turn. */
  submit(opened: Connection): void {
    const connection = opened as unknown as WireConnection
    this.#socket = connection.stream
    this.#driver = connection.stream.listeners('data') as ((chunk: Buffer) => void)[]
    for (const listener of this.#driver) connection.stream.off('data', listener)
    connection.stream.on('data', this.#take)
    connection.query(this.#sql)
  }

  handleError(error: Error): void {
    this.#release()
    this.#done.reject(error)
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#done.resolve()
  }

  readonly #take = (chunk: Buffer): void => {
    try {
      this.#read(chunk)
    } catch (error) {
      this.#socket?.destroy()
      this.handleError(error as Error)
    }
  }

  #read(chunk: Buffer): void {
    let buffer = chunk
    if (this.#filled > 0) {
      const joined = this.#join(chunk)
      if (joined === undefined) return
      buffer = joined
    }
    let at = 0
    while (buffer.length - at >= headBytes) {
      const end = at + 1 + buffer.readInt32BE(at + 1)
      const type = buffer[at]
      // CopyDone and errors are the driver's, and so is all that follows.
      if (type !== copyData && type !== copyOutResponse && !asides.has(type!)) {
        this.#hand(buffer.subarray(at))
        return
      }
      if (end > buffer.length) break
      if (type === copyData) this.#row(buffer, at + headBytes, end)
      else if (type !== copyOutResponse) for (const listener of this.#driver) listener(buffer.subarray(at, end))
      at = end
    }
    this.#keep(buffer, at)
  }

  /** Keeps the beginning of a message; a long one gets its whole room at once, so that a huge value is copied only once. */
  #keep(buffer: Buffer, at: number): void {
    this.#filled = buffer.length - at
    if (this.#filled === 0) return
    const whole = this.#filled >= headBytes ? 1 + buffer.readInt32BE(at + 1) : headBytes
    this.#rest = Buffer.allocUnsafe(Math.max(whole, headBytes))
    buffer.copy(this.#rest, 0, at)
  }

  /** The kept bytes with the chunk behind them; undefined: the message is still not whole. */
  #join(chunk: Buffer): Buffer | undefined {
    const room = this.#rest.length - this.#filled
    if (chunk.length < room) {
      chunk.copy(this.#rest, this.#filled)
      this.#filled += chunk.length
      return undefined
    }
    const joined = Buffer.concat([this.#rest.subarray(0, this.#filled), chunk])
    this.#filled = 0
    this.#rest = empty
    return joined
  }

  #row(buffer: Buffer, start: number, end: number): void {
    if (buffer[end - 1] !== newline) throw new DataError('A row of COPY does not end with a newline, as the text format has it')
    splitCopyRow(buffer, start, end - 1, this.#view)
    this.#onRow(this.#view, end - start)
  }

  /** Gives the socket back to the driver, with the bytes that are its. */
  #hand(rest: Buffer): void {
    this.#release()
    for (const listener of this.#driver) listener(rest)
  }

  #release(): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#socket = undefined
    socket.off('data', this.#take)
    for (const listener of this.#driver) socket.on('data', listener)
    if (this.#paused) socket.resume()
  }
}

/**
 * Finds the columns of a row in COPY's text format and takes the escapes out, in place (the text gets shorter, never longer). Behind the
 * row must stand its newline, or nothing. Throws a DataError where the row has another number of columns than the view.
 */
export function splitCopyRow(buffer: Buffer, start: number, end: number, view: TupleView): void {
  const { starts, ends, count } = view
  view.buffer = buffer
  if (count === 0 && start === end) return
  let column = 0
  let from = start
  let at = start
  for (;;) {
    const byte = buffer[at]!
    if (byte > newline) {
      if (byte !== backslash) {
        at++
        continue
      }
    } else if (byte === tab && at < end) {
      starts[column] = from
      ends[column++] = at
      from = ++at
      continue
    }
    // The newline behind a row ends the loop without a comparison per byte; other control characters are text.
    if (at >= end) break
    if (byte !== backslash) {
      at++
      continue
    }
    if (at === from && buffer[at + 1] === letterN) {
      starts[column] = nullColumn
      ends[column++] = 0
      at += 2
    } else {
      const stop = buffer.indexOf(tab, at)
      const next = stop < 0 || stop > end ? end : stop
      starts[column] = from
      ends[column++] = unescape(buffer, at, next)
      at = next
    }
    if (at >= end) {
      from = pastNull
      break
    }
    from = ++at
  }
  if (from !== pastNull) {
    starts[column] = from
    ends[column++] = end
  }
  if (column !== count) throw new DataError(`A row of COPY has ${column} columns instead of ${count}; the table was altered meanwhile`)
}

function unescape(buffer: Buffer, start: number, end: number): number {
  let to = start
  for (let at = start; at < end; at++) {
    let byte = buffer[at]!
    if (byte === backslash) {
      byte = buffer[++at]!
      byte = escapes[byte] ?? byte
    }
    buffer[to++] = byte
  }
  return to
}

const empty = Buffer.alloc(0)
const headBytes = 5
const pastNull = -1
const tab = 0x09
const newline = 0x0a
const letterN = 0x4e
const backslash = 0x5c
const copyData = 0x64
const copyOutResponse = 0x48
/** NoticeResponse, ParameterStatus, NotificationResponse: may come between rows. */
const asides: ReadonlySet<number> = new Set([0x4e, 0x53, 0x41])
const escapes: Readonly<Record<number, number>> = { 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9, 0x76: 11 }
