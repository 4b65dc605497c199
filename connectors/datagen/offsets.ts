import type { Offsets } from '../../core/index.ts'

/** Refuses positions that datagen could not have written. */
export function checkDatagenOffsets(offsets: Offsets): void {
  for (const [partition, position] of Object.entries(offsets)) {
    if (!/^\{"datagen":".*","task":\d+\}$/s.test(partition)) {
      throw new TypeError(`Source partition ${partition} is not one of datagen; it looks like {"datagen":"<topic>","task":0}`)
    }
    if (position !== null) recordsOf(position)
  }
}

/** Reads a saved position. Throws a TypeError for one that datagen could not have written. */
export function recordsOf(position: unknown): { readonly records: number; readonly tasks?: number } {
  const { records, tasks } =
    typeof position === 'object' && position !== null ? (position as Record<string, unknown>) : { records: position }
  if (!Number.isSafeInteger(records) || (records as number) < 0) {
    throw new TypeError(`A datagen position is {"records": n} with n a non-negative integer, not ${JSON.stringify(position)}`)
  }
  return typeof tasks === 'number' ? { records: records as number, tasks } : { records: records as number }
}
