import type { Json } from '../../contract/json.ts'
import { partitionKey, type Offsets } from '../../contract/record.ts'
import type { KeptLetter } from './letter.ts'
import { fitsFilter, type LetterFilter } from './letter-filter.ts'

/** Part of a unit (a file, a partition): from the place of one letter to the place after another. */
export type LetterSpan = { readonly unit: string; readonly from: number; readonly to: number }

/** What a person asked for. It never reads what was written after it began: each span's end is fixed when it does. */
export type RedriveJob = {
  readonly id: string
  readonly createdMs: number
  readonly filter: LetterFilter
  /** Most letters that it replays; null: all. */
  readonly max: number | null
  readonly spans: readonly LetterSpan[]
  /** What earlier redrives read without a filter: it stays known when those are forgotten. */
  readonly covered: readonly LetterSpan[]
  /** What earlier redrives replayed of these spans: it does not come again. */
  readonly except: readonly { readonly filter: LetterFilter; readonly spans: readonly LetterSpan[] }[]
}

/**
 * How far a redrive is. It lies among the connector's offsets, under a partition of its own: saved and committed with the data, so that a
 * crash resumes it, and a sink that owns its offsets drops what it already has.
 */
export type RedriveState = {
  readonly job: RedriveJob
  readonly state: 'RUNNING' | 'DONE'
  /** The span and the place in it that come next. */
  readonly span: number
  readonly at: number
  /** Letters that were handed to the pipeline: the position of the last one. */
  readonly replayed: number
  /** Letters that did not fit the filter or were replayed by an earlier redrive. */
  readonly skipped: number
  /** Letters that were redriven too often (errors.redrive.max), or whose record is not kept exactly. */
  readonly refused: number
  /** Lines and messages that are no letter of this connector. */
  readonly unreadable: number
}

const tag = '{"#redrive":'

/** The partition under which a redrive's state stands among the offsets. */
export function redriveKey(id: string): string {
  return partitionKey({ '#redrive': id })
}

/** True for the entries of a connector's offsets that are redrives, and no partition of the source. */
export function isRedriveKey(partition: string): boolean {
  return partition.startsWith(tag)
}

/** The redrives among offsets, oldest first. */
export function redrivesIn(offsets: Offsets | undefined): readonly RedriveState[] {
  const states = Object.entries(offsets ?? {}).filter(([partition, position]) => isRedriveKey(partition) && position !== null)
  return states.map(([, position]) => position as unknown as RedriveState).toSorted((a, b) => a.job.createdMs - b.job.createdMs)
}

/** A redrive that has read nothing yet. */
export function freshState(job: RedriveJob): RedriveState {
  return { job, state: 'RUNNING', span: 0, at: job.spans[0]?.from ?? 0, replayed: 0, skipped: 0, refused: 0, unreadable: 0 }
}

/** As it stands in offsets. */
export function stateJson(state: RedriveState): Json {
  return state as unknown as Json
}

/** True where the job means this letter. */
export function wants(job: RedriveJob, letter: KeptLetter): boolean {
  if (!fitsFilter(letter, job.filter)) return false
  return !job.except.some(
    ({ filter, spans }) =>
      spans.some((span) => span.unit === letter.unit && span.from <= letter.at && letter.at < span.to) && fitsFilter(letter, filter),
  )
}

/** Most filtered redrives that are remembered: each of them is asked about every letter of a later one. */
export const rememberedMax = 100

/** What is left to replay after earlier redrives. `spent` are the redrives that the new one's memory makes needless. */
export function leftAfter(
  spans: readonly LetterSpan[],
  earlier: readonly RedriveState[],
): Pick<RedriveJob, 'spans' | 'covered' | 'except'> & { readonly spent: readonly string[] } {
  const covered = merged(earlier.flatMap((state) => [...state.job.covered, ...(isPlain(state.job) ? spansRead(state) : [])]))
  const left = spans.map((span) => {
    const over = covered.find((one) => one.unit === span.unit && one.from <= span.from && one.to > span.from)
    return over ? { ...span, from: Math.min(over.to, span.to) } : span
  })
  const filtered = earlier
    .filter(({ job }) => !isPlain(job))
    .map((state) => ({ id: state.job.id, filter: state.job.filter, spans: spansRead(state) }))
  const isCovered = (span: LetterSpan) => covered.some((one) => one.unit === span.unit && one.from <= span.from && span.to <= one.to)
  const except = filtered.filter((cover) => !cover.spans.every(isCovered))
  const middle = covered.filter((one) => left.some((span) => span.unit === one.unit && one.to > span.from && one.from < span.to))
  const islands = middle.length > 0 ? [{ filter: {}, spans: middle }] : []
  const kept = new Set(except.map(({ id }) => id))
  return {
    spans: left.filter((span) => span.to > span.from),
    covered,
    except: [...islands, ...except.map(({ filter, spans: read }) => ({ filter, spans: read }))],
    spent: earlier.flatMap(({ job }) => (kept.has(job.id) ? [] : [job.id])),
  }
}

function isPlain({ filter }: RedriveJob): boolean {
  return Object.keys(filter).length === 0
}

/** The spans that a redrive has read by now. */
function spansRead({ job, span, at }: RedriveState): readonly LetterSpan[] {
  return job.spans.slice(0, span + 1).flatMap((one, index) => {
    const to = index < span ? one.to : Math.min(at, one.to)
    return to > one.from ? [{ ...one, to }] : []
  })
}

/** Spans that touch become one. */
function merged(spans: readonly LetterSpan[]): readonly LetterSpan[] {
  const result: LetterSpan[] = []
  for (const span of spans.toSorted((a, b) => (a.unit < b.unit ? -1 : a.unit > b.unit ? 1 : a.from - b.from))) {
    const last = result.at(-1)
    if (last && last.unit === span.unit && span.from <= last.to) result[result.length - 1] = { ...last, to: Math.max(last.to, span.to) }
    else result.push(span)
  }
  return result
}
