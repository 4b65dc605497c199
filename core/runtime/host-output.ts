import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'

/** Longest line that is passed on whole, in characters. */
const lineMax = 8_192
/** Lines of one stream that are passed on within a second; those beyond it are only counted. */
const linesMax = 100
/** Bytes of one stream that are read within a second: whoever writes more than that waits, instead of the worker's processor. */
const bytesMax = 32 * 2 ** 20
const windowMs = 1_000

/**
 * Passes on what a plugin prints, line by line and within bounds: whatever it writes costs the worker a line's memory, and the log so many
 * lines a second. `line` gets each line without its end, and `left` how many others were left out before it.
 */
export function readLines(stream: Readable, line: (text: string, left: number) => void): void {
  const decoder = new StringDecoder('utf8')
  let held = ''
  let cut = false
  let window = { sinceMs: performance.now(), lines: 0, bytes: 0 }
  let left = 0
  let resume: NodeJS.Timeout | undefined
  let tell: NodeJS.Timeout | undefined
  const tellLeft = () => {
    clearTimeout(tell)
    if (left > 0) line('(it wrote too many lines)', left)
    left = 0
  }
  const pass = (text: string) => {
    if (text.trim() === '') return
    if (window.lines >= linesMax) {
      if (left++ === 0) tell = setTimeout(tellLeft, windowMs)
      return
    }
    window.lines++
    clearTimeout(tell)
    line(text.length > lineMax ? `${text.slice(0, lineMax)} ... (the rest of the line was left out)` : text, left)
    left = 0
  }
  stream.on('data', (chunk: Buffer) => {
    const now = performance.now()
    if (now - window.sinceMs > windowMs) window = { sinceMs: now, lines: 0, bytes: 0 }
    window.bytes += chunk.length
    if (window.bytes > bytesMax && resume === undefined) {
      stream.pause()
      resume = setTimeout(
        () => {
          resume = undefined
          stream.resume()
        },
        windowMs - (now - window.sinceMs),
      )
    }
    const lines = (held + decoder.write(chunk)).split('\n')
    held = lines.pop()!
    for (const [at, text] of lines.entries()) {
      if (at > 0 || !cut) pass(text)
    }
    if (lines.length > 0) cut = false
    // A line without an end is passed on when it is long enough, and its remainder is dropped.
    if (held.length > lineMax) {
      if (!cut) pass(held)
      cut = true
      held = ''
    }
  })
  stream.on('end', () => {
    clearTimeout(resume)
    if (!cut) pass(held)
    tellLeft()
  })
  stream.on('error', () => {}) // The process is gone: its end is told elsewhere.
}
