import { BadRequestError } from '../../contract/errors.ts'
import { fitsFilter } from './letter-filter.ts'
import { scanBytesMax, type LetterPage, type LetterQuery } from './letter-shelf.ts'
import type { KeptLetter } from './letter.ts'

/** How far a list has come in one of its streams: all of this part before the place is left, and all of the parts before it. */
export interface ListPlace {
  readonly part: number
  readonly before: number
}

/** One step backwards: a letter, or null for what is none. */
export interface LetterSeen {
  readonly part: number
  readonly at: number
  readonly next: number
  readonly bytes: number
  readonly letter: KeptLetter | null
  /** An empty line: no letter, and nothing that is worth a word. */
  readonly blank: boolean
}

/**
 * A page of letters, newest first, merged from streams that are each so already (a task's files, a partition). `open` reads a stream
 * backwards from a place; undefined: from its end. Throws a BadRequestError where the cursor is not one of its own.
 */
export async function newestPage(
  { filter, limit, cursor }: LetterQuery,
  ids: readonly number[],
  open: (id: number, place: ListPlace | undefined) => AsyncGenerator<LetterSeen>,
): Promise<LetterPage> {
  const places = cursor === null ? new Map<number, ListPlace>() : readCursor(cursor)
  const streams = ids.map((id) => new Stream(id, open(id, places.get(id)), places.get(id)))
  const letters: KeptLetter[] = []
  let [unreadable, scanned] = [0, 0]
  const fill = async () => {
    for (const stream of streams) {
      const seen = await stream.fill()
      scanned += seen.bytes
      unreadable += seen.unreadable
    }
  }
  try {
    for (await fill(); letters.length < limit && scanned < scanBytesMax; await fill()) {
      const newest = streams.filter((stream) => stream.head).toSorted((a, b) => (b.head!.timeMs ?? 0) - (a.head!.timeMs ?? 0))[0]
      if (!newest) break
      const letter = newest.take()
      if (fitsFilter(letter, filter)) letters.push(letter)
    }
    const more = streams.some((stream) => !stream.done || stream.head)
    return { letters, next: more ? writeCursor(streams) : null, unreadable }
  } finally {
    await Promise.all(streams.map((stream) => stream.close()))
  }
}

/** One stream, with one letter read ahead. */
class Stream {
  readonly id: number
  readonly #steps: AsyncGenerator<LetterSeen>
  place: ListPlace | undefined
  head: KeptLetter | undefined
  done = false

  constructor(id: number, steps: AsyncGenerator<LetterSeen>, place: ListPlace | undefined) {
    this.id = id
    this.#steps = steps
    this.place = place
  }

  /** Reads until there is a head, nothing more, or enough for one answer. */
  async fill(): Promise<{ readonly bytes: number; readonly unreadable: number }> {
    let [bytes, unreadable] = [0, 0]
    while (!this.head && !this.done && bytes < scanBytesMax) {
      const { value: step, done } = await this.#steps.next()
      if (done) {
        this.done = true
        break
      }
      bytes += step.bytes
      this.head = step.letter ?? undefined
      // What is no letter is passed at once; an unread head is not.
      this.place = { part: step.part, before: this.head ? step.next : step.at }
      if (!this.head && !step.blank) unreadable++
    }
    return { bytes, unreadable }
  }

  take(): KeptLetter {
    const letter = this.head!
    this.place = { ...this.place!, before: letter.at }
    this.head = undefined
    return letter
  }

  async close(): Promise<void> {
    await this.#steps.return(undefined)
  }
}

function writeCursor(streams: readonly Stream[]): string {
  const places = streams.flatMap(({ id, place }) => (place ? [[id, place.part, place.before]] : []))
  return Buffer.from(JSON.stringify(places)).toString('base64url')
}

function readCursor(text: string): Map<number, ListPlace> {
  const wrong = new BadRequestError('The "cursor" is not one that this list gave: leave it out to begin anew')
  let entries: unknown
  try {
    entries = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw wrong
  }
  const fits = (entry: unknown): entry is [number, number, number] =>
    Array.isArray(entry) && entry.length === 3 && entry.every((part) => Number.isSafeInteger(part) && part >= 0)
  if (!Array.isArray(entries) || !entries.every(fits)) throw wrong
  return new Map(entries.map(([id, part, before]) => [id, { part, before }]))
}
