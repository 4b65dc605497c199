import { BadRequestError } from '../contract/errors.ts'
import type { Json } from '../contract/json.ts'
import { partitionKey, type Offsets } from '../contract/record.ts'
import type { OffsetEntry } from './control.ts'
import { isRedriveKey } from './letters/redrive-job.ts'
import { isFlushKey } from './task.ts'

/** Positions in Connect's shape; the loop's own counters are left out, and members that begin with `#`, which a source keeps for itself. */
export function entriesOf(offsets: Offsets): readonly OffsetEntry[] {
  return Object.entries(offsets).flatMap(([partition, position]) =>
    isFlushKey(partition) || isRedriveKey(partition)
      ? []
      : [{ partition: partitionOf(partition), offset: position === null ? null : asMap(position) }],
  )
}

/**
 * What a person wrote, as the store keeps it. A partition whose keys stand in another order than the source writes them is the same
 * partition. Throws a BadRequestError where one partition is given twice.
 */
export function offsetsOf(entries: readonly OffsetEntry[], known: Offsets): Offsets {
  const spelled = new Map(Object.keys(known).map((partition) => [canonical(partitionOf(partition)), partition]))
  const offsets = new Map<string, Json>()
  for (const { partition, offset } of entries) {
    const key = spelled.get(canonical(partition)) ?? partitionKey(partition)
    if (offsets.has(key)) throw new BadRequestError(`The partition ${key} is given twice in the provided offsets`)
    const old = known[key]
    // A position that is no map is shown as one with the single key "position", and taken back in that form.
    const plain = offset !== null && old !== undefined && !isMap(old) && Object.keys(offset).join() === 'position'
    offsets.set(key, plain ? offset['position']! : offset)
  }
  return Object.fromEntries(offsets)
}

function partitionOf(key: string): Readonly<Record<string, Json>> {
  try {
    const partition = JSON.parse(key) as Json
    if (isMap(partition)) return partition
  } catch {
    // A source that names its partitions without JSON: the name is shown as it is.
  }
  return { partition: key }
}

function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isMap(value)) return JSON.stringify(value)
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key]!)}`)
  return `{${members.join()}}`
}

function asMap(position: Json): Readonly<Record<string, Json>> {
  return isMap(position) ? Object.fromEntries(Object.entries(position).filter(([member]) => !member.startsWith('#'))) : { position }
}

function isMap(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
