import { randomUUID } from 'node:crypto'
import { BadRequestError, ConflictError } from '../../contract/errors.ts'
import type { OffsetStore } from '../../contract/offsets.ts'
import type { Offsets } from '../../contract/record.ts'
import type { LetterPage, LetterQuery, LetterShelf } from './letter-shelf.ts'
import type { LetterFilter } from './letter-filter.ts'
import {
  freshState,
  leftAfter,
  redriveKey,
  redrivesIn,
  rememberedMax,
  stateJson,
  type RedriveJob,
  type RedriveState,
} from './redrive-job.ts'
import { placeOfId } from './shown-letter.ts'

/** What a person orders. */
export interface RedriveOrder {
  readonly filter: LetterFilter
  /** Id of a letter: that one, and what follows it in the same task's letters; null: all. */
  readonly from: string | null
  readonly max: number | null
  /** True: letters that were redriven before come again, too. */
  readonly again: boolean
}

/** A redrive as people see it. */
export interface RedriveReport {
  readonly id: string
  readonly state: RedriveState['state']
  readonly createdMs: number
  readonly filter: LetterFilter
  readonly max: number | null
  readonly replayed: number
  readonly skipped: number
  readonly refused: number
  readonly unreadable: number
}

/** What the control plane does with a connector's dead letters: it lists them and orders redrives, and leaves the work to the connector's first task. */
export class LetterDesk {
  readonly #connector: string
  readonly #offsets: OffsetStore
  readonly #shelf: LetterShelf

  constructor(connector: string, offsets: OffsetStore, shelf: LetterShelf) {
    this.#connector = connector
    this.#offsets = offsets
    this.#shelf = shelf
  }

  list(query: LetterQuery): Promise<LetterPage> {
    return this.#shelf.list(query)
  }

  /**
   * Notes the redrive among the connector's offsets and resolves when that is durable. `letters` is how many it will find; null: too many to
   * count at once. Throws a ConflictError while another one runs.
   */
  async order(order: RedriveOrder): Promise<{ readonly state: RedriveState; readonly letters: number | null }> {
    const earlier = redrivesIn(await this.#offsets.load(this.#connector))
    const running = earlier.find(({ state }) => state === 'RUNNING')
    if (running) throw new ConflictError(`The redrive ${running.job.id} of ${this.#connector} is not done yet: wait for its end`)
    const from = order.from === null ? null : placeOfId(order.from)
    if (from === undefined) throw new BadRequestError(`"from" must be the id of a dead letter, as GET lists it; it is ${order.from}`)
    const all = await this.#shelf.spans(from)
    const { spent, ...left } = leftAfter(all, earlier)
    if (earlier.length - spent.length >= rememberedMax && Object.keys(order.filter).length > 0) {
      throw new BadRequestError(
        `${rememberedMax} filtered redrives of ${this.#connector} are remembered, so that no letter comes twice, and no more can be: order one without a filter, which takes their place`,
      )
    }
    const chosen = order.again ? { ...left, spans: all, except: [] } : left
    const job: RedriveJob = { id: randomUUID(), createdMs: Date.now(), filter: order.filter, max: order.max, ...chosen }
    const letters = await this.#shelf.count(job)
    const state = freshState(job)
    const forgotten = Object.fromEntries(spent.map((id) => [redriveKey(id), null]))
    await this.#offsets.save(this.#connector, { ...forgotten, [redriveKey(job.id)]: stateJson(state) })
    return { state, letters }
  }
}

/** The redrives among a connector's offsets, newest first. */
export function reportsOf(offsets: Offsets | undefined): readonly RedriveReport[] {
  return redrivesIn(offsets).map(reportOf).toReversed()
}

/** What people see of a redrive. */
export function reportOf({ job, state, replayed, skipped, refused, unreadable }: RedriveState): RedriveReport {
  return { id: job.id, state, createdMs: job.createdMs, filter: job.filter, max: job.max, replayed, skipped, refused, unreadable }
}
