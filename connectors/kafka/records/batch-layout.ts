/** Where the fields of a record batch lie (KIP-98, magic 2), in bytes from its start. All are big-endian. */
export const layout = {
  baseOffset: 0,
  /** Bytes after this field. */
  length: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  /** CRC32C of everything from `attributes` to the end. */
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const

/** Bytes in front of what `length` counts. */
export const lengthEnd = 12

/** Bits of the attributes; the lowest three are the compression's number. */
export const attribute = { compression: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20, deleteHorizon: 0x40 } as const

/** Fewest bytes of a record: length, attributes, timestamp, offset, key length, value length and header count in one byte each. */
export const recordBytesMin = 7
