import { open } from 'node:fs/promises'

/** One line of a file, with the place where it begins and where the next one does. `text` is null where the line is longer than `lineBytesMax`. */
export interface FileLine {
  readonly at: number
  readonly next: number
  readonly text: string | null
}

/** Longest line that is read, in bytes: the longest record of a Kafka broker that is far from its defaults, as base64 and as text. */
export const lineBytesMax = 64 * 1024 * 1024
const chunkBytes = 256 * 1024

/** The whole lines between two places (which are beginnings of lines), first to last. What follows the last line break is no line. */
export async function* linesForward(path: string, from: number, to: number): AsyncGenerator<FileLine> {
  await using file = await open(path, 'r')
  let parts: Buffer[] = []
  let held = 0
  let at = from
  for (let position = from; position < to;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(chunkBytes, to - position)), 0, undefined, position)
    if (bytesRead === 0) return
    const chunk = buffer.subarray(0, bytesRead)
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const next = position + end + 1
      const last = chunk.subarray(start, end)
      yield { at, next, text: held + last.length > lineBytesMax ? null : textOf([...parts, last]) }
      ;[parts, held, at, start] = [[], 0, next, end + 1]
    }
    held += bytesRead - start
    // A line that is too long is read past, not kept.
    if (held > lineBytesMax) parts = []
    else parts.push(chunk.subarray(start))
    position += bytesRead
  }
}

/** The whole lines before a place, last to first; `to` may lie within a line, which is then left out. */
export async function* linesBackward(path: string, to: number): AsyncGenerator<FileLine> {
  await using file = await open(path, 'r')
  let parts: Buffer[] = []
  let held = 0
  /** Place after the line break that ends the line whose beginning is looked for; undefined: none was seen yet. */
  let next: number | undefined
  for (let position = to; position > 0;) {
    const length = Math.min(chunkBytes, position)
    const chunk = (await file.read(Buffer.allocUnsafe(length), 0, length, position - length)).buffer
    let end = length
    for (let line = chunk.lastIndexOf(10); line >= 0; line = end > 0 ? chunk.lastIndexOf(10, end - 1) : -1) {
      const at = position - length + line + 1
      const first = chunk.subarray(line + 1, end)
      if (next !== undefined) yield { at, next, text: held + first.length > lineBytesMax ? null : textOf([first, ...parts]) }
      ;[parts, held, next, end] = [[], 0, at, line]
    }
    held += end
    if (held > lineBytesMax) parts = []
    else parts.unshift(chunk.subarray(0, end))
    position -= length
  }
  if (next !== undefined) yield { at: 0, next, text: held > lineBytesMax ? null : textOf(parts) }
}

/** Where the last whole line ends. */
export async function endOfLines(path: string, bytes: number): Promise<number> {
  await using file = await open(path, 'r')
  for (let position = bytes; position > 0;) {
    const length = Math.min(chunkBytes, position)
    const { buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position - length)
    const line = buffer.lastIndexOf(10)
    if (line >= 0) return position - length + line + 1
    position -= length
  }
  return 0
}

function textOf(parts: readonly Buffer[]): string {
  return (parts.length === 1 ? parts[0]! : Buffer.concat(parts)).toString('utf8')
}
