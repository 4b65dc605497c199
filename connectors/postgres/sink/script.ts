import { Query, type Client, type QueryArrayResult } from 'pg'
import type { Socket } from 'node:net'

/** A statement without parameters; with `lines`, a COPY FROM STDIN and what it reads. */
export interface Step {
  readonly sql: string
  readonly lines?: Uint8Array
}

/** The server's error, and how many steps were done before it. */
export interface ScriptFault extends Error {
  stepsDone?: number
}

/** Bytes of one CopyData message at most: the server keeps a message in memory as a whole. */
const pieceBytes = 128 * 1024

const copyDone = Buffer.from([0x63, 0, 0, 0, 4])

/** The part of pg's connection that is written to. Not part of its documented interface: tests pin it. */
interface Wire {
  readonly stream: Socket
  query(text: string): void
}

/**
 * Sends all steps at once as one simple query, the lines behind it without waiting to be asked for them: the server reads them when it comes to
 * their COPY, and passes over those that are left after an error (protocol, "COPY Operations"). Resolves to the rows that each step touched.
 */
export function runScript(client: Client, steps: readonly Step[]): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    let done = 0
    const text = steps.map(({ sql }) => sql).join('; ')
    const answered = (error: Error | null | undefined, results: unknown): void => {
      if (error) {
        ;(error as ScriptFault).stepsDone = done
        reject(error)
        return
      }
      resolve((Array.isArray(results) ? (results as QueryArrayResult[]) : [results as QueryArrayResult]).map((one) => one.rowCount ?? 0))
    }
    const query = new Query(text, answered) as Query & { handleCommandComplete(message: unknown, wire: unknown): void }
    const complete = query.handleCommandComplete
    Object.assign(query, {
      submit(wire: Wire) {
        if (!wire.stream.writable) return new Error('Connection terminated')
        wire.stream.cork()
        wire.query(text)
        for (const { lines } of steps) if (lines) sendLines(wire.stream, lines)
        wire.stream.uncork()
        return null
      },
      // The lines are on their way already.
      handleCopyInResponse() {},
      handleCommandComplete(message: unknown, wire: unknown) {
        done++
        complete.call(query, message, wire)
      },
    })
    client.query(query)
  })
}

function sendLines(socket: Socket, lines: Uint8Array): void {
  for (let at = 0; at < lines.length; at += pieceBytes) {
    const piece = lines.subarray(at, at + pieceBytes)
    const head = Buffer.allocUnsafe(5)
    head[0] = 0x64
    head.writeUInt32BE(piece.length + 4, 1)
    socket.write(head)
    socket.write(piece)
  }
  socket.write(copyDone)
}
