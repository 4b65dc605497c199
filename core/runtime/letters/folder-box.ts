import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { letterFileName, letterFiles } from './folder-files.ts'
import type { DeadLetter, LetterBox } from './letter.ts'
import { letterLine } from './line.ts'

interface OpenFile {
  readonly handle: FileHandle
  readonly number: number
  bytes: number
}

/** Bytes of letters that are written together: a write of its own for each would take most of the time. */
const waitingBytesMax = 262_144

/**
 * Dead letters as JSON lines in a folder, one file per task at a time. Written and made durable by `sync` before the flush whose offsets
 * pass over them: after a crash a record may stand there twice, never not at all. A file that has reached `fileBytesMax` is left, and the next begun.
 */
export class FolderBox implements LetterBox {
  readonly #folder: string
  readonly #place: { readonly connector: string; readonly task: number }
  readonly #fileBytesMax: number
  readonly #redact: (text: string) => string
  #file: OpenFile | undefined
  #lines: Buffer[] = []
  #waiting = 0
  #dirty = false

  constructor(
    folder: string,
    place: { readonly connector: string; readonly task: number },
    fileBytesMax: number,
    redact: (text: string) => string,
  ) {
    this.#folder = folder
    this.#place = place
    this.#fileBytesMax = fileBytesMax
    this.#redact = redact
  }

  async add(letter: DeadLetter): Promise<void> {
    const line = Buffer.from(letterLine(letter, this.#place, this.#redact))
    this.#lines.push(line)
    this.#waiting += line.length
    if (this.#waiting >= Math.min(waitingBytesMax, this.#fileBytesMax)) await this.#write()
  }

  async sync(): Promise<void> {
    await this.#write()
    if (!this.#dirty) return
    await this.#file?.handle.datasync()
    this.#dirty = false
  }

  /** What was not made durable comes again, as no offset has passed over it; people who look for why the task ended find it all the same. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#write()
    } finally {
      await this.#close()
    }
  }

  async #write(): Promise<void> {
    if (this.#lines.length === 0) return
    const file = (this.#file ??= await this.#open())
    const lines = Buffer.concat(this.#lines)
    this.#lines = []
    this.#waiting = 0
    await file.handle.appendFile(lines)
    file.bytes += lines.length
    this.#dirty = true
    if (file.bytes < this.#fileBytesMax) return
    await file.handle.datasync()
    this.#dirty = false
    await this.#close()
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.handle.close()
  }

  async #open(): Promise<OpenFile> {
    await mkdir(this.#folder, { recursive: true })
    const { connector, task } = this.#place
    const last = (await letterFiles(this.#folder, connector)).findLast((file) => file.task === task)
    const full = last !== undefined && last.bytes >= this.#fileBytesMax
    const number = last ? last.number + (full ? 1 : 0) : 0
    const handle = await open(join(this.#folder, letterFileName(connector, task, number)), 'a+')
    const { size } = await handle.stat()
    if (size === 0) return { handle, number, bytes: 0 }
    // A crash may have torn the last line: what follows it begins on a line of its own.
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
    const whole = buffer[0] === 10
    if (!whole) await handle.appendFile('\n')
    return { handle, number, bytes: whole ? size : size + 1 }
  }
}
