import type { ConnectRecord, Origin } from '../../contract/record.ts'

/** What a task knows of records that were dead letters, while they are on their way: transforms carry the origin on, so it is what tells them. */
export class RedriveMarks {
  readonly #redriven = new WeakMap<Origin, number>()
  readonly #past = new WeakSet<readonly ConnectRecord[]>()

  /** The record of this origin is on its way for the `count`th time. */
  mark(origin: Origin, count: number): void {
    this.#redriven.set(origin, count)
  }

  /** How often the record was redriven: for the letter that it may become again. */
  countOf({ origin }: ConnectRecord): number {
    return (origin && this.#redriven.get(origin)) ?? 0
  }

  /** These records have the chain's transforms behind them already. */
  markPastChain(records: readonly ConnectRecord[]): void {
    this.#past.add(records)
  }

  isPastChain(records: readonly ConnectRecord[]): boolean {
    return this.#past.has(records)
  }
}
