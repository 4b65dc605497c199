/** The Castagnoli polynomial, its bits reversed. */
const polynomial = 0x82f63b78

/** Sixteen tables one after another: table n, entry b is the remainder of the byte b with n zero bytes after it (16 KiB: they stay in L1). */
const tables = new Int32Array(16 * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
  tables[byte] = crc
}
for (let at = 256; at < tables.length; at++) tables[at] = (tables[at - 256]! >>> 8) ^ tables[tables[at - 256]! & 0xff]!

const noWords = new Int32Array(0)

/**
 * CRC-32C (Castagnoli, RFC 3720) of the bytes from `start` on, as an unsigned number. Sixteen bytes at a time: 1.7 GB/s, where a WebAssembly
 * module that the bytes are copied to gave 1.3.
 */
export function crc32c(bytes: Uint8Array, start = 0): number {
  const table = tables
  const length = bytes.length
  let crc = -1
  let at = start
  // Words are read through a view, which begins at a multiple of four bytes. Typed arrays have the machine's order; Node runs on little-endian ones.
  const aligned = Math.min(length, at + (-(bytes.byteOffset + at) & 3))
  for (; at < aligned; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 0xff]!
  const words = length - at < 16 ? noWords : new Int32Array(bytes.buffer, bytes.byteOffset + at, ((length - at) >>> 4) * 4)
  for (let n = 0; n < words.length; n += 4) {
    const a = crc ^ words[n]!
    const b = words[n + 1]!
    const c = words[n + 2]!
    const d = words[n + 3]!
    crc =
      table[3840 + (a & 0xff)]! ^
      table[3584 + ((a >>> 8) & 0xff)]! ^
      table[3328 + ((a >>> 16) & 0xff)]! ^
      table[3072 + (a >>> 24)]! ^
      table[2816 + (b & 0xff)]! ^
      table[2560 + ((b >>> 8) & 0xff)]! ^
      table[2304 + ((b >>> 16) & 0xff)]! ^
      table[2048 + (b >>> 24)]! ^
      table[1792 + (c & 0xff)]! ^
      table[1536 + ((c >>> 8) & 0xff)]! ^
      table[1280 + ((c >>> 16) & 0xff)]! ^
      table[1024 + (c >>> 24)]! ^
      table[768 + (d & 0xff)]! ^
      table[512 + ((d >>> 8) & 0xff)]! ^
      table[256 + ((d >>> 16) & 0xff)]! ^
      table[d >>> 24]!
  }
  for (at += words.byteLength; at < length; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

/**
 * The checksum after its first bytes were changed from `old` to `changed` (of one length), with `rest` bytes after them that stayed: a CRC is
 * linear, so the difference of the heads, moved on by `rest` zero bytes, is the difference of the sums. Takes the same time for any `rest`.
 */
export function crc32cAfterHeadChange(crc: number, old: Uint8Array, changed: Uint8Array, rest: number): number {
  let difference = 0
  for (let n = 0; n < old.length; n++) difference = (difference >>> 8) ^ tables[(difference ^ old[n]! ^ changed[n]!) & 0xff]!
  return (crc ^ multiply(difference, powerOfBytes(rest))) >>> 0
}

/** x^(8 * 2^n) modulo the polynomial, for n = 0 .. 31. */
const powers = new Int32Array(32)
for (let n = 0, power = 1 << 23; n < powers.length; n++, power = multiply(power, power)) powers[n] = power

/** x^(8 * bytes) modulo the polynomial: what moves a remainder on by that many zero bytes. */
function powerOfBytes(bytes: number): number {
  let product = 1 << 31
  for (let n = 0, left = bytes; left > 0; n++, left = Math.floor(left / 2)) if (left % 2 === 1) product = multiply(product, powers[n]!)
  return product
}

/** The product of two polynomials of 32 bits modulo the polynomial; the highest bit stands for x^0. */
function multiply(a: number, b: number): number {
  let product = 0
  let factor = b
  for (let mask = 1 << 31; mask !== 0; mask >>>= 1) {
    if ((a & mask) !== 0) product ^= factor
    factor = factor & 1 ? (factor >>> 1) ^ polynomial : factor >>> 1
  }
  return product
}
