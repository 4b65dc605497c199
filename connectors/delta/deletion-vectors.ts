import { crc32 } from 'node:zlib'
import { randomBytes } from 'node:crypto'
import type { DeletionVectorDescriptor } from './actions.ts'
import { RoaringSet } from './roaring.ts'
import type { Storage } from './storage.ts'

/** Vectors up to this size are written into the log itself, which saves a file. */
const inlineBytesMax = 512
const fileVersion = 1

/** Writes the deletion vectors of one commit, all larger ones into one file; resolves to their descriptors, in order, when they are durable. */
export async function writeVectors(
  storage: Storage,
  table: string,
  sets: readonly RoaringSet[],
): Promise<readonly DeletionVectorDescriptor[]> {
  const uuid = randomUuidBytes()
  const parts: Buffer[] = [Buffer.from([fileVersion])]
  let length = 1
  const descriptors = sets.map((set): DeletionVectorDescriptor => {
    const bytes = set.serialize()
    if (bytes.length <= inlineBytesMax) {
      return { storageType: 'i', pathOrInlineDv: z85(bytes), sizeInBytes: bytes.length, cardinality: set.size }
    }
    const head = Buffer.alloc(4)
    head.writeInt32BE(bytes.length)
    const check = Buffer.alloc(4)
    check.writeUInt32BE(crc32(bytes))
    const descriptor: DeletionVectorDescriptor = {
      storageType: 'u',
      pathOrInlineDv: z85(uuid),
      offset: length,
      sizeInBytes: bytes.length,
      cardinality: set.size,
    }
    parts.push(head, bytes, check)
    length += bytes.length + 8
    return descriptor
  })
  if (parts.length > 1) await storage.put(`${table}/${vectorFile(uuid)}`, Buffer.concat(parts))
  return descriptors
}

/** The rows that a descriptor masks. Throws where the file is missing or damaged: reading on would bring deleted rows back. */
export async function readVector(storage: Storage, table: string, descriptor: DeletionVectorDescriptor): Promise<RoaringSet> {
  if (descriptor.storageType === 'i')
    return checked(RoaringSet.deserialize(fromZ85(descriptor.pathOrInlineDv, descriptor.sizeInBytes)), table, descriptor)
  if (descriptor.storageType !== 'u') {
    throw new Error(
      `Table ${table}: a deletion vector lies at the absolute path ${descriptor.pathOrInlineDv}; only those inside the table are followed`,
    )
  }
  const prefix = descriptor.pathOrInlineDv.slice(0, -20)
  const name = `${table}/${prefix === '' ? '' : `${prefix}/`}${vectorFile(fromZ85(descriptor.pathOrInlineDv.slice(-20), 16))}`
  const file = await storage.read(name)
  if (!file) throw new Error(`Deletion vector file ${name} is missing`)
  const start = descriptor.offset ?? 1
  const size = file.readInt32BE(start)
  const bytes = file.subarray(start + 4, start + 4 + size)
  if (size !== descriptor.sizeInBytes || file.readUInt32BE(start + 4 + size) !== crc32(bytes)) {
    throw new Error(`Deletion vector file ${name} is damaged at byte ${start}`)
  }
  return checked(RoaringSet.deserialize(bytes), table, descriptor)
}

function checked(set: RoaringSet, table: string, descriptor: DeletionVectorDescriptor): RoaringSet {
  if (set.size === descriptor.cardinality) return set
  throw new Error(`Table ${table}: a deletion vector masks ${set.size} rows, its descriptor says ${descriptor.cardinality}`)
}

function vectorFile(uuid: Buffer): string {
  const hex = uuid.toString('hex')
  return `deletion_vector_${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}.bin`
}

function randomUuidBytes(): Buffer {
  const bytes = randomBytes(16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}

const z85Digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

/** Z85 (ZeroMQ RFC 32): 4 bytes as 5 characters; the last group is filled up with zero bytes. */
export function z85(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    let value = 0
    for (let index = 0; index < 4; index++) value = value * 256 + (bytes[at + index] ?? 0)
    let group = ''
    for (let index = 0; index < 5; index++, value = Math.floor(value / 85)) group = z85Digits[value % 85]! + group
    text += group
  }
  return text
}

/** The first `length` bytes that a Z85 text spells. Throws a RangeError for other text. */
export function fromZ85(text: string, length: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(text.length / 5) * 4)
  for (let at = 0; at < text.length; at += 5) {
    let value = 0
    for (let index = 0; index < 5; index++) {
      const digit = at + index < text.length ? z85Digits.indexOf(text[at + index]!) : -1
      if (digit < 0) throw new RangeError('a deletion vector is not Z85 text')
      value = value * 85 + digit
    }
    if (value > 0xffffffff) throw new RangeError('a deletion vector is not Z85 text')
    bytes.writeUInt32BE(value, (at / 5) * 4)
  }
  if (bytes.length < length) throw new RangeError('a deletion vector is shorter than its descriptor says')
  return bytes.subarray(0, length)
}
