import type { ColumnCodec } from './tuple.ts'

declare global {
  // The calls that toString ends in, without its argument checks; in every Node since 0.1.
  interface Buffer {
    latin1Slice(start: number, end: number): string
    utf8Slice(start: number, end: number): string
  }
}

/** Any text, as it is. */
export const textCodec: ColumnCodec = (buffer, start, end) => {
  const length = end - start
  if (length > shortText) return buffer.utf8Slice(start, end)
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!
    if (byte > 127) return buffer.utf8Slice(start, end)
    text += String.fromCharCode(byte)
  }
  return text
}

/** Below this many bytes a loop over characters beats the call into the runtime. */
const shortText = 7
