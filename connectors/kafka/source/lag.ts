import type { Progress } from '../../../core/index.ts'
import { isDone, type Cursor } from './cursor.ts'

/** How far this task is behind the ends of its partitions, as far as the last answers told. */
export function lagOf(cursors: readonly Cursor[], nowMs: number = Date.now()): Progress {
  let records = 0
  let oldest: number | null = null
  for (const cursor of cursors) {
    const behind = Math.max(0, Math.min(cursor.logEnd, cursor.end ?? Infinity) - cursor.position)
    if (behind === 0 || isDone(cursor)) continue
    records += behind
    if (cursor.lastTimestamp !== null) oldest = Math.min(oldest ?? Infinity, cursor.lastTimestamp)
  }
  const seconds = records === 0 ? 0 : oldest === null ? null : Math.max(0, (nowMs - oldest) / 1000)
  const phase = cursors.length === 0 ? 'waiting for partitions' : `reading ${cursors.length} partitions`
  return { phase, lag: { bytes: null, seconds, records } }
}
