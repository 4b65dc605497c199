import { DataError, logical, primitive } from '../../core/index.ts'
import { booleanCodec } from './digits.ts'
import type { ValueSettings } from './settings.ts'
import type { ColumnCodec } from './tuple.ts'
import type { ColumnType } from './types.ts'

/** bytea under `binary.handling.mode`. The placeholder in base64 is not valid base64, so it cannot be taken for a value. */
export function byteaType(mode: ValueSettings['binary'], placeholder: string): ColumnType {
  switch (mode) {
    case 'bytes':
      return { schema: primitive('bytes'), codec: bytesCodec, placeholder: Buffer.from(placeholder) }
    case 'base64':
      return { schema: primitive('string'), codec: (...range) => hexBytes(...range).toString('base64'), placeholder }
    case 'base64-url-safe':
      return { schema: primitive('string'), codec: (...range) => hexBytes(...range).toString('base64url'), placeholder }
    case 'hex':
      return { schema: primitive('string'), codec: hexText, placeholder }
    default:
      return mode satisfies never
  }
}

/** Plain bytes under `binary.handling.mode`: logical messages, and the text of types that Debezium does not know (`include.unknown.datatypes=true`). */
export function unknownBytesType(mode: ValueSettings['binary'], placeholder: string): ColumnType {
  const bytea = byteaType(mode, placeholder)
  const encoding = mode === 'bytes' ? undefined : mode === 'base64-url-safe' ? 'base64url' : mode
  return {
    ...bytea,
    codec: (buffer, start, end) => {
      const bytes = Buffer.from(buffer.subarray(start, end))
      return encoding === undefined ? bytes : bytes.toString(encoding)
    },
  }
}

const bytesCodec: ColumnCodec = (buffer, start, end) => hexBytes(buffer, start, end)

const hexText: ColumnCodec = (buffer, start, end) => {
  checkHex(buffer, start, end)
  return buffer.latin1Slice(start + 2, end)
}

function hexBytes(buffer: Buffer, start: number, end: number): Buffer {
  checkHex(buffer, start, end)
  const bytes = Buffer.from(buffer.latin1Slice(start + 2, end), 'hex')
  if (bytes.length * 2 !== end - start - 2) throw new DataError('bytea value is not hexadecimal')
  return bytes
}

function checkHex(buffer: Buffer, start: number, end: number): void {
  if (buffer[start] === 0x5c && buffer[start + 1] === 0x78 && (end - start) % 2 === 0) return
  throw new DataError('bytea value is not in the hex format; the connection must have bytea_output=hex')
}

/** Bits of a varbit: their bytes, and `text` with the exact length in zeros and ones, which the bytes alone do not tell. */
export class VarBits extends Uint8Array {
  readonly text: string
  constructor(bytes: Uint8Array, text: string) {
    super(bytes)
    this.text = text
  }
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array
  }
}

/** What Debezium writes as the length of a varbit without a bound. */
const unboundedLength = 2147483647

/**
 * bit(n), varbit(n): little-endian bytes, the rightmost bit is the lowest. bit(1) is a boolean. As Java's BitSet writes them, bit(n) drops
 * zero bytes at the end (its length is in the schema); a varbit keeps them and carries its text.
 */
export function bitType(fixed: boolean, length: number): ColumnType {
  if (fixed && length === 1) return { schema: primitive('boolean'), codec: oneBit, placeholder: null }
  const parameters = { length: String(length > 0 ? length : unboundedLength) }
  const schema = primitive('bytes', { name: logical.bits, version: 1, parameters })
  return { schema, codec: fixed ? fixedBits : varBits, placeholder: null }
}

const oneBit: ColumnCodec = (buffer, start, end) => {
  if (end - start === 1 && (buffer[start] === 0x30 || buffer[start] === 0x31)) return buffer[start] === 0x31
  return booleanCodec(buffer, start, end)
}

const fixedBits: ColumnCodec = (buffer, start, end) => {
  const bytes = bitBytes(buffer, start, end)
  let length = bytes.length
  while (length > 0 && bytes[length - 1] === 0) length--
  return bytes.subarray(0, length)
}

const varBits: ColumnCodec = (buffer, start, end) => new VarBits(bitBytes(buffer, start, end), buffer.latin1Slice(start, end))

function bitBytes(buffer: Buffer, start: number, end: number): Buffer {
  const bytes = Buffer.alloc((end - start + 7) >> 3)
  for (let at = end - 1, bit = 0; at >= start; at--, bit++) {
    const byte = buffer[at]!
    if (byte === 0x31) bytes[bit >> 3]! |= 1 << (bit & 7)
    else if (byte !== 0x30) throw new DataError(`"${buffer.utf8Slice(start, end)}" is not a string of bits`)
  }
  return bytes
}
