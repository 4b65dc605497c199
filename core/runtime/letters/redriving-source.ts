import type { Logger } from '../../contract/context.ts'
import type { Offsets, RecordBatch } from '../../contract/record.ts'
import type { SourceTask } from '../../contract/source.ts'
import type { LetterReader, LetterStep } from './letter-reader.ts'
import { isRedriveKey, redriveKey, redrivesIn, stateJson, wants, type RedriveState } from './redrive-job.ts'
import type { RedriveMarks } from './redrive-marks.ts'
import { restore, type NumberedLetter, type RestoreContext } from './restore.ts'

/** Bounds of one batch of letters: how many are handed over, how many are looked at, and their bytes. */
const batchLettersMax = 500
const batchStepsMax = 5_000
const batchBytesMax = 4 * 1024 * 1024

export interface RedrivingParts {
  readonly reader: LetterReader
  readonly context: RestoreContext
  readonly marks: RedriveMarks
  /** Whether an unfinished redrive of the connector is this task's to resume. */
  readonly resumes: boolean
  readonly log: Logger
  /** A letter that was redriven this often is left where it is (`errors.redrive.max`). */
  readonly redriveMax: number
}

interface Turning {
  readonly letters: readonly NumberedLetter[]
  readonly chained: boolean
  /** Where the redrive is after these letters. */
  readonly state: RedriveState
}

/**
 * A source that hands out dead letters again while a redrive runs, turn by turn with its own records and never within a source transaction.
 * Where it stands lies in the offsets, under a partition of the redrive's own.
 */
export class RedrivingSource implements SourceTask {
  readonly #source: SourceTask
  readonly #parts: RedrivingParts
  #state: RedriveState | undefined
  #steps: AsyncGenerator<LetterStep> | undefined
  /** A step that was read and belongs to the next batch. */
  #held: LetterStep | undefined
  /** Read, and not handed over yet because turning them failed for now. */
  #turning: Turning | undefined
  #seen = new Set<string>()
  #turn = false
  /** Its end is saved: it need not ride along in the sink's offsets any more. */
  #released: string | undefined
  #open = false
  #ended = false

  constructor(source: SourceTask, parts: RedrivingParts) {
    this.#source = source
    this.#parts = parts
  }

  /** Begins a redrive, unless it is known already. Its first letters come with the next poll. */
  begin(state: RedriveState): void {
    if (this.#seen.has(state.job.id)) return
    this.#seen.add(state.job.id)
    this.#state = state
    this.#parts.log.info({ redrive: state.job.id, replayed: state.replayed }, 'Dead letters are redriven')
  }

  async open(offsets: Offsets | undefined): Promise<void> {
    const unfinished = this.#parts.resumes && redrivesIn(offsets).find(({ state }) => state === 'RUNNING')
    if (unfinished) this.begin(unfinished)
    await this.#source.open(offsets && ownOffsets(offsets))
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    if (this.#released !== undefined && !this.#open) {
      const released = [redriveKey(this.#released)]
      this.#released = undefined
      return { records: [], offsets: {}, released }
    }
    if (this.#state && !this.#open && (this.#ended || (this.#turn = !this.#turn))) return this.#letters(this.#state)
    if (this.#ended) return { records: [], offsets: {}, end: true }
    // While letters wait, the source gives what it has.
    const batch = await this.#source.poll(this.#state && !this.#open ? AbortSignal.abort() : signal)
    this.#open = batch.open ?? false
    if (!batch.end || !this.#state) return batch
    this.#ended = true
    return notTheEnd(batch)
  }

  async commit(offsets: Offsets): Promise<void> {
    this.#released = redrivesIn(offsets).find(({ state }) => state === 'DONE')?.job.id ?? this.#released
    const own = ownOffsets(offsets)
    if (Object.keys(own).length === 0 && Object.keys(offsets).length > 0) return
    await this.#source.commit?.(own)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#steps?.return(undefined)
    } finally {
      await this.#source[Symbol.asyncDispose]()
    }
  }

  async #letters(began: RedriveState): Promise<RecordBatch> {
    const { letters, chained, state } = (this.#turning ??= await this.#readFrom(began))
    const records = await restore(letters, state.job.id, this.#parts.context, (origin, letter) =>
      this.#parts.marks.mark(origin, letter.redriven + 1),
    )
    this.#turning = undefined
    if (chained) this.#parts.marks.markPastChain(records)
    const done = state.state === 'DONE'
    this.#state = done ? undefined : state
    if (done) await this.#finish(state)
    return { records, offsets: { [redriveKey(state.job.id)]: stateJson(state) }, checkpoint: done }
  }

  /** A reader that failed is not asked again: the next attempt begins where the last batch ended. */
  async #readFrom(began: RedriveState): Promise<Turning> {
    try {
      return await this.#read(began)
    } catch (error) {
      this.#steps = this.#held = undefined
      throw error
    }
  }

  async #finish(state: RedriveState): Promise<void> {
    const { job, replayed, skipped, refused, unreadable } = state
    this.#parts.log.info({ redrive: job.id, replayed, skipped, refused, unreadable }, 'The redrive is done')
    await this.#steps?.return(undefined)
    this.#steps = this.#held = undefined
  }

  async #read(began: RedriveState): Promise<Turning> {
    const { job } = began
    const steps = (this.#steps ??= this.#parts.reader.read(job.spans, began.span, began.at))
    const letters: NumberedLetter[] = []
    const count = { replayed: began.replayed, skipped: began.skipped, refused: began.refused, unreadable: began.unreadable }
    let [span, at, bytes, chained] = [began.span, began.at, 0, false]
    const place = () => ({ job, span, at, ...count })
    for (let read = 0; read < batchStepsMax; read++) {
      const full = letters.length >= batchLettersMax || bytes >= batchBytesMax
      if (job.max !== null && count.replayed >= job.max) return { letters, chained, state: { ...place(), state: 'DONE' } }
      if (full) break
      const step = this.#held ?? (await steps.next()).value
      this.#held = undefined
      if (!step) return { letters, chained, state: { ...place(), span: job.spans.length, at: 0, state: 'DONE' } }
      const { letter } = step
      if (letter === null) count.unreadable++
      else if (!wants(job, letter)) count.skipped++
      else if ((letter.raw === null && letter.record === null) || letter.redriven >= this.#parts.redriveMax) count.refused++
      else {
        const past = letter.raw === null && letter.chained
        // Those that need no chain come in batches of their own.
        if (letters.length > 0 && past !== chained) {
          this.#held = step
          break
        }
        chained = past
        letters.push({ letter, number: ++count.replayed })
        bytes += step.next - letter.at
      }
      ;[span, at] = [step.span, step.next]
    }
    return { letters, chained, state: { ...place(), state: 'RUNNING' } }
  }
}

/** The batch without its `end`. Its records may be decoded only when asked for, and stay so. */
function notTheEnd(batch: RecordBatch): RecordBatch {
  const { offsets, bytes, open, checkpoint, whole, released, rewound } = batch
  const parts = { bytes, open, checkpoint, whole, released, rewound }
  const given = Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)) as Partial<RecordBatch>
  return Object.defineProperty({ ...given, offsets, records: [] }, 'records', { get: () => batch.records, enumerable: true })
}

function ownOffsets(offsets: Offsets): Offsets {
  return Object.fromEntries(Object.entries(offsets).filter(([partition]) => !isRedriveKey(partition)))
}
