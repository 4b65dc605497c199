import type { DeadLetter, LetterBox } from './letter.ts'

/** A box whose calls come one after another: a source that is polled ahead may reject a record while the sink does. */
export class OrderlyBox implements LetterBox {
  readonly #box: LetterBox
  #last: Promise<void> = Promise.resolve()

  constructor(box: LetterBox) {
    this.#box = box
  }

  add(letter: DeadLetter): Promise<void> {
    return this.#take(() => this.#box.add(letter))
  }

  sync(kill: AbortSignal): Promise<void> {
    return this.#take(() => this.#box.sync(kill))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#take(async () => this.#box[Symbol.asyncDispose]())
  }

  #take(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {}) // Whoever asked hears of it; the next call has its own outcome.
    return turn
  }
}
