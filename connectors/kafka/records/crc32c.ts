import { crc32c as wasm } from '@platformatic/wasm-utils'

/** The Castagnoli polynomial, its bits reversed. */
const polynomial = 0x82f63b78

/** CRC-32C (Castagnoli, RFC 3720) of the bytes from `start` to `end`, as an unsigned number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return wasm(bytes.subarray(start, end))
}

/**
 * The checksum after its first bytes were changed from `old` to `changed` (of one length), with `rest` bytes after them that stayed: a CRC is
 * linear, so the difference of the heads, moved on by `rest` zero bytes, is the difference of the sums. Takes the same time for any `rest`.
 */
export function crc32cAfterHeadChange(crc: number, old: Uint8Array, changed: Uint8Array, rest: number): number {
  let difference = 0
  for (let n = 0; n < old.length; n++) difference = (difference >>> 8) ^ table[(difference ^ old[n]! ^ changed[n]!) & 0xff]!
  return (crc ^ multiply(difference, powerOfBytes(rest))) >>> 0
}

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
  return crc
})

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
