/**
 * Positions in Postgres' write-ahead log (LSNs) are plain numbers in here: bytes since the start of the log. A log of 2^53 bytes (8 PiB)
 * is beyond what a server writes in its life, so an LSN over that is refused rather than rounded.
 */
export type Lsn = number

const two32 = 4294967296

/** Reads Postgres' text form, `16/B374D848`. Throws a RangeError for anything else. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text)
  if (!match) throw new RangeError(`"${text}" is not a Postgres LSN such as 16/B374D848`)
  return lsnOf(Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16))
}

/** Postgres' text form of an LSN. */
export function formatLsn(lsn: Lsn): string {
  return `${Math.floor(lsn / two32)
    .toString(16)
    .toUpperCase()}/${(lsn % two32).toString(16).toUpperCase()}`
}

/** Reads the eight bytes at `offset`, which the caller has checked to be there. Throws a RangeError beyond 2^53. */
export function readLsn(buffer: Uint8Array, offset: number): Lsn {
  return lsnOf(readUint32(buffer, offset), readUint32(buffer, offset + 4))
}

/** Writes eight bytes at `offset`. */
export function writeLsn(buffer: Buffer, lsn: Lsn, offset: number): void {
  buffer.writeUInt32BE(Math.floor(lsn / two32), offset)
  buffer.writeUInt32BE(lsn % two32, offset + 4)
}

/** Reads four bytes, unsigned: oids and transaction ids are. */
export function readUint32(buffer: Uint8Array, offset: number): number {
  return ((buffer[offset]! << 24) | (buffer[offset + 1]! << 16) | (buffer[offset + 2]! << 8) | buffer[offset + 3]!) >>> 0
}

function lsnOf(high: number, low: number): Lsn {
  if (high >= 0x200000)
    throw new RangeError(`LSN ${high.toString(16)}/${low.toString(16)} is beyond 2^53 bytes, more than Millrace can count`)
  return high * two32 + low
}
