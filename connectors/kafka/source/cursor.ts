import type { DecodedBatch, RecordColumns } from '../records/record-set.ts'
import type { Start } from './starts.ts'

/** One partition as it is read. Plain and mutable: owned by one task, touched between awaits only. */
export interface Cursor {
  readonly topic: string
  readonly partition: number
  /** Its key in `Offsets`. */
  readonly key: string
  /** The next offset to fetch. */
  fetchFrom: number
  /** The next offset to hand out. */
  position: number
  /** What the group was told last. */
  committed: number
  /** The first offset that is not read; undefined: there is none. */
  readonly end: number | undefined
  readonly endSetting: string | undefined
  readonly topicId: string | undefined
  /** The end of the log that a reader may see, as far as it is known; -1: not yet. */
  logEnd: number
  /** Fetched and not yet handed out. */
  queuedBytes: number
  /** Not fetched before this instant of the monotonic clock; 0: at any time. */
  notBeforeMs: number
  /** Consecutive answers that could not be read; a second one at the same offset is no fault of the network. */
  corrupt: number
  /** Timestamp of the last record handed out; null: none yet. */
  lastTimestamp: number | null
}

/** Batches of one fetch of one partition, and how far they are handed out. */
export interface Fetched {
  readonly cursor: Cursor
  readonly batches: readonly DecodedBatch[]
  /** Where the partition goes on after them: also over markers and aborted records. */
  readonly next: number
  /** True: the log lacks what comes before `next`. */
  readonly jump: boolean
  readonly bytes: number
  /** The batch that is read next. */
  at: number
  /** Its records, once somebody looks at them, and the first of them that is not handed out. */
  columns: RecordColumns | undefined
  index: number
}

/** Records of one batch, by index: from `from` up to `to`, which is not in it. */
export interface Slice {
  readonly cursor: Cursor
  readonly columns: RecordColumns
  readonly from: number
  readonly to: number
}

export function cursorOf({ topic, partition, key, position: { offset, end, topicId } }: Start): Cursor {
  return {
    topic,
    partition,
    key,
    fetchFrom: offset,
    position: offset,
    committed: offset,
    end: end?.offset,
    endSetting: end?.setting,
    topicId,
    logEnd: -1,
    queuedBytes: 0,
    notBeforeMs: 0,
    corrupt: 0,
    lastTimestamp: null,
  }
}

/** True: all that was asked for is handed out. */
export function isDone({ position, end }: Cursor): boolean {
  return end !== undefined && position >= end
}
