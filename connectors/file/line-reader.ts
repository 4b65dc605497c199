import type { FileHandle } from 'node:fs/promises'
import { DataError, GapError } from '../../core/index.ts'

/** Bytes that are read at once. */
const chunkBytes = 256 * 1024
/** Bytes before the position that must still be there when more is read: a file that was rewritten is noticed by them. */
export const tailBytes = 256

/** A line without its end (`\n`, `\r\n` or `\r`), and where the next one starts. The bytes are valid until the next `fill`. */
export interface Line {
  readonly bytes: Buffer
  /** Byte position in the file after the line's end. */
  readonly next: number
}

/**
 * Takes whole lines from a growing file. The bytes already read are kept as far as they are needed, so that a rewritten file shows.
 * Throws a GapError where the file is shorter than, or differs before, the position; a DataError for a line longer than `lineBytesMax`.
 */
export class LineReader {
  readonly #file: FileHandle
  readonly #path: string
  readonly #lineBytesMax: number
  /** Bytes of the file from `#from`; those before `#start` were taken. */
  #buffer: Buffer
  #from: number
  #start: number

  private constructor(file: FileHandle, path: string, lineBytesMax: number, before: Buffer, position: number) {
    this.#file = file
    this.#path = path
    this.#lineBytesMax = lineBytesMax
    this.#buffer = before
    this.#from = position - before.length
    this.#start = before.length
  }

  /** Starts at a byte position. `tailSum` is what `tail` had there, if it is known. */
  static async at(
    file: FileHandle,
    path: string,
    lineBytesMax: number,
    position: number,
    tailSum: number | undefined,
    sum: (tail: Buffer) => number,
  ) {
    const length = Math.min(tailBytes, position)
    const before = Buffer.alloc(length)
    const got = await readFully(file, before, position - length)
    if (got < length) throw shorter(path, position)
    if (tailSum !== undefined && sum(before) !== tailSum) throw rewritten(path, position)
    return new LineReader(file, path, lineBytesMax, before, position)
  }

  /** Byte position of the first line that was not taken. */
  get position(): number {
    return this.#from + this.#start
  }

  /** The last bytes before the position. */
  get tail(): Buffer {
    return this.#buffer.subarray(Math.max(0, this.#start - tailBytes), this.#start)
  }

  /** Whether bytes were read that are no whole line yet. */
  get partial(): boolean {
    return this.#start < this.#buffer.length
  }

  /** Reads on; false: the file has no more bytes now. */
  async fill(): Promise<boolean> {
    const end = this.#from + this.#buffer.length
    const { size } = await this.#file.stat()
    if (size < end) throw shorter(this.#path, end)
    if (size === end) return false
    const keptFrom = Math.max(0, this.#start - tailBytes)
    const kept = this.#buffer.subarray(keptFrom)
    // Known bytes are read once more before the new ones.
    const overlap = Math.min(tailBytes, kept.length)
    const chunk = Buffer.allocUnsafe(overlap + Math.max(chunkBytes, Math.min(this.#buffer.length, this.#lineBytesMax)))
    const got = await readFully(this.#file, chunk, end - overlap)
    if (got < overlap) throw shorter(this.#path, end)
    if (chunk.compare(kept, kept.length - overlap, kept.length, 0, overlap) !== 0) throw rewritten(this.#path, end)
    this.#buffer = Buffer.concat([kept, chunk.subarray(overlap, got)])
    this.#from += keptFrom
    this.#start -= keptFrom
    return got > overlap
  }

  /** Takes up to `most` whole lines of what was read. */
  take(most: number): Line[] {
    const lines: Line[] = []
    const buffer = this.#buffer
    let at = this.#start
    let carriage = buffer.indexOf(0x0d, at)
    while (lines.length < most) {
      const feed = buffer.indexOf(0x0a, at)
      if (carriage >= 0 && carriage < at) carriage = buffer.indexOf(0x0d, at)
      const byCarriage = carriage >= 0 && (feed < 0 || carriage < feed)
      // Whether a line feed belongs to a carriage return that comes last is not known yet.
      if (byCarriage ? carriage === buffer.length - 1 : feed < 0) break
      const end = byCarriage ? carriage : feed
      const next = byCarriage && feed === carriage + 1 ? feed + 1 : end + 1
      if (end - at > this.#lineBytesMax) throw this.#tooLong(at)
      lines.push({ bytes: buffer.subarray(at, end), next: this.#from + next })
      at = next
    }
    this.#start = at
    if (lines.length < most && buffer.length - at > this.#lineBytesMax + 1) throw this.#tooLong(at)
    return lines
  }

  #tooLong(at: number): DataError {
    return new DataError(
      `The line at byte ${this.#from + at} of ${this.#path} is longer than line.max.bytes (${this.#lineBytesMax}); raise it, or set the offset behind the line`,
    )
  }
}

/** Reads until the buffer is full or the file ends. */
async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let got = 0
  while (got < buffer.length) {
    const { bytesRead } = await file.read(buffer, got, buffer.length - got, position + got)
    if (bytesRead === 0) break
    got += bytesRead
  }
  return got
}

function shorter(path: string, position: number): GapError {
  return new GapError(
    `File ${path} is shorter than the position reached in it (byte ${position}): it was truncated or replaced. ` +
      "Reset the connector's offsets to read it from the start.",
  )
}

function rewritten(path: string, position: number): GapError {
  return new GapError(
    `File ${path} has other content before byte ${position} than when it was read: it was replaced or rewritten. ` +
      "Reset the connector's offsets to read it from the start.",
  )
}
