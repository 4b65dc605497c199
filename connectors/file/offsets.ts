import type { Offsets } from '../../core/index.ts'

/** Refuses offsets that a person wrote, in the words of Kafka Connect's FileStreamSourceConnector. */
export function checkFileOffsets(offsets: Offsets): void {
  for (const [partition, offset] of Object.entries(offsets)) {
    if (offset === null) continue
    if (typeof offset !== 'object' || Array.isArray(offset) || !Object.hasOwn(offset, 'position')) {
      throw new TypeError("Offset objects should either be null or contain the key 'position'")
    }
    checkPosition(offset as { position?: unknown })
    const named: unknown = JSON.parse(partition)
    if (named === null) throw new TypeError('Partition objects cannot be null')
    if (typeof named !== 'object' || !Object.hasOwn(named, 'filename'))
      throw new TypeError("Partition objects should contain the key 'filename'")
  }
}

/** Throws a TypeError unless the position counts bytes. */
export function checkPosition({ position }: { position?: unknown }): void {
  const number = typeof position === 'string' && /^-?\d{1,15}$/.test(position) ? Number(position) : position
  if (!Number.isSafeInteger(number)) throw new TypeError("The value for the 'position' key in the offset is expected to be a Long value")
  if ((number as number) < 0) throw new TypeError("The value for the 'position' key in the offset should be a non-negative value")
}
