import { isUtf8 } from 'node:buffer'
import { DataError } from '../../core/index.ts'
import type { ColumnCodec } from './tuple.ts'

declare global {
  // The calls that toString ends in, without its argument checks; in every Node since 0.1.
  interface Buffer {
    latin1Slice(start: number, end: number): string
    utf8Slice(start: number, end: number): string
  }
}

/** Any text, as it is. Throws a DataError for bytes that are not UTF-8, as a database with the encoding SQL_ASCII may hold. */
export const textCodec = ((buffer, start, end): string => {
  if (end - start > shortText) return longText(buffer, start, end)
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!
    if (byte > 127) return longText(buffer, start, end)
    text += String.fromCharCode(byte)
  }
  return text
}) satisfies ColumnCodec

function longText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.utf8Slice(start, end)
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) {
    throw new DataError(
      `the text is not valid UTF-8 (its bytes begin ${buffer.toString('hex', start, Math.min(end, start + 20))}); correct the row`,
    )
  }
  return text
}

/** Below this many bytes a loop over characters beats the call into the runtime. */
const shortText = 7
