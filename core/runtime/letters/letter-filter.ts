import type { KeptLetter } from './letter.ts'

/** Which letters are meant; every part that is given must fit. */
export type LetterFilter = {
  /** As in Connect: VALUE_CONVERTER, TRANSFORMATION, TASK_PUT ... in any case. */
  readonly stage?: string
  /** The topic that the record came from. */
  readonly topic?: string
  /** Part of the error's class or message, in any case. */
  readonly error?: string
  /** Rejected at or after this moment. Milliseconds since the epoch. */
  readonly afterMs?: number
  /** Rejected before this moment. */
  readonly beforeMs?: number
}

/** Whether a letter fits. One that does not tell its time fits no bound of time. */
export function fitsFilter(letter: KeptLetter, { stage, topic, error, afterMs, beforeMs }: LetterFilter): boolean {
  if (stage !== undefined && letter.stage?.toUpperCase() !== stage.toUpperCase()) return false
  if (topic !== undefined && letter.topic !== topic) return false
  if (afterMs !== undefined && (letter.timeMs === null || letter.timeMs < afterMs)) return false
  if (beforeMs !== undefined && (letter.timeMs === null || letter.timeMs >= beforeMs)) return false
  if (error === undefined) return true
  return `${letter.error.class ?? ''}: ${letter.error.message}`.toLowerCase().includes(error.toLowerCase())
}
