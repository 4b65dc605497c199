import type { LetterFilter } from './letter-filter.ts'
import type { KeptLetter } from './letter.ts'
import type { LetterSpan, RedriveJob } from './redrive-job.ts'

/** Letters that were found, and where to go on; `next` null: there are no more. */
export interface LetterPage {
  readonly letters: readonly KeptLetter[]
  readonly next: string | null
  /** Lines or messages that were passed and are no letter of the connector. */
  readonly unreadable: number
}

export interface LetterQuery {
  readonly filter: LetterFilter
  readonly limit: number
  /** `next` of the page before; null: the newest letters. */
  readonly cursor: string | null
}

/** Where a connector's letters lie, as the control plane reads them. */
export interface LetterShelf {
  /** Newest first. A page may hold fewer letters than its limit, even none, and yet have a `next`: what is read for one page is bounded. */
  list(query: LetterQuery): Promise<LetterPage>
  /** All that stands there now, or one letter and what follows it. Throws a BadRequestError where `from` names no letter. */
  spans(from: { readonly unit: string; readonly at: number } | null): Promise<readonly LetterSpan[]>
  /** How many letters a redrive will find; null: too many to count now. */
  count(job: RedriveJob): Promise<number | null>
}

/** Most bytes that are read for one answer. */
export const scanBytesMax = 16 * 1024 * 1024
