import { BadRequestError } from '../../contract/errors.ts'
import { letterFiles, type LetterFile } from './folder-files.ts'
import { fitsFilter, type LetterFilter } from './letter-filter.ts'
import type { KeptLetter } from './letter.ts'
import { parseLetter } from './line.ts'
import { endOfLines, linesBackward, linesForward } from './line-file.ts'
import { wants, type LetterSpan, type RedriveJob } from './redrive-job.ts'

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

/** Dead letters in a folder of JSON lines. */
export class FolderShelf implements LetterShelf {
  readonly #folder: string
  readonly #connector: string

  constructor(folder: string, connector: string) {
    this.#folder = folder
    this.#connector = connector
  }

  async list({ filter, limit, cursor }: LetterQuery): Promise<LetterPage> {
    const files = await letterFiles(this.#folder, this.#connector)
    const places = cursor === null ? new Map<number, Place>() : readCursor(cursor)
    const tasks = [...Map.groupBy(files, (file) => file.task)].map(([task, own]) => new TaskLetters(this.#connector, task, own, places))
    const letters: KeptLetter[] = []
    let [unreadable, scanned] = [0, 0]
    try {
      while (letters.length < limit && scanned < scanBytesMax) {
        for (const one of tasks) {
          const step = await one.fill()
          scanned += step.bytes
          unreadable += step.unreadable
        }
        const newest = tasks.filter((one) => one.head).toSorted((a, b) => (b.head!.timeMs ?? 0) - (a.head!.timeMs ?? 0))[0]
        if (!newest) break
        const letter = newest.take()
        if (fitsFilter(letter, filter)) letters.push(letter)
      }
      for (const one of tasks) unreadable += (await one.fill()).unreadable
      const more = tasks.some((one) => one.head)
      return { letters, next: more ? writeCursor(tasks) : null, unreadable }
    } finally {
      await Promise.all(tasks.map((one) => one.close()))
    }
  }

  async spans(from: { readonly unit: string; readonly at: number } | null): Promise<readonly LetterSpan[]> {
    const files = await letterFiles(this.#folder, this.#connector)
    const first = from === null ? undefined : files.find((file) => file.name === from.unit)
    if (from && !(first && (await this.#isLetter(first, from.at)))) {
      throw new BadRequestError(`No dead letter of the id ${from.unit}:${from.at} is there: take "from" of a letter that GET lists`)
    }
    const chosen = first ? files.filter((file) => file.task === first.task && file.number >= first.number) : files
    const ends = await Promise.all(chosen.map((file) => endOfLines(file.path, file.bytes)))
    return chosen.map((file, index) => ({ unit: file.name, from: file === first ? from!.at : 0, to: ends[index]! }))
  }

  async count(job: RedriveJob): Promise<number | null> {
    let [count, scanned] = [0, 0]
    const files = new Map((await letterFiles(this.#folder, this.#connector)).map((file) => [file.name, file]))
    for (const { unit, from, to } of job.spans) {
      const file = files.get(unit)
      if (!file) continue
      for await (const { text, at, next } of linesForward(file.path, from, to)) {
        const letter = text === null ? undefined : parseLetter(text, this.#connector, { unit, at })
        if (letter && wants(job, letter)) count++
        if (job.max !== null && count >= job.max) return count
        scanned += next - at
        if (scanned > scanBytesMax) return null
      }
    }
    return count
  }

  async #isLetter(file: LetterFile, at: number): Promise<boolean> {
    if (at >= file.bytes) return false
    for await (const { text } of linesForward(file.path, at, file.bytes)) {
      return text !== null && parseLetter(text, this.#connector, { unit: file.name, at }) !== undefined
    }
    return false
  }
}

/** Read everything of this file before the place; nothing of later files. */
interface Place {
  readonly number: number
  readonly before: number
}

/** The letters of one task, newest first, with one read ahead: tasks are merged by their times. */
class TaskLetters {
  readonly task: number
  readonly #connector: string
  readonly #lines: AsyncGenerator<{ readonly file: LetterFile; readonly at: number; readonly next: number; readonly text: string | null }>
  place: Place
  head: KeptLetter | undefined
  #done = false

  constructor(connector: string, task: number, files: readonly LetterFile[], places: ReadonlyMap<number, Place>) {
    this.#connector = connector
    this.task = task
    const last = files.at(-1)!
    this.place = places.get(task) ?? { number: last.number, before: last.bytes }
    this.#lines = backwards(files, this.place)
  }

  /** Reads until there is a head, or nothing more. */
  async fill(): Promise<{ readonly bytes: number; readonly unreadable: number }> {
    let [bytes, unreadable] = [0, 0]
    while (!this.head && !this.#done && bytes < scanBytesMax) {
      const { value: line, done } = await this.#lines.next()
      if (done) {
        this.#done = true
        break
      }
      bytes += line.next - line.at
      this.head = line.text === null ? undefined : parseLetter(line.text, this.#connector, { unit: line.file.name, at: line.at })
      // What is no letter is passed at once, an unread head is not.
      this.place = { number: line.file.number, before: this.head ? line.next : line.at }
      if (!this.head && line.text !== '') unreadable++
    }
    return { bytes, unreadable }
  }

  take(): KeptLetter {
    const letter = this.head!
    this.place = { ...this.place, before: letter.at }
    this.head = undefined
    return letter
  }

  async close(): Promise<void> {
    await this.#lines.return(undefined)
  }
}

async function* backwards(files: readonly LetterFile[], place: Place) {
  for (const file of files.toReversed()) {
    if (file.number > place.number) continue
    const before = file.number === place.number ? Math.min(place.before, file.bytes) : file.bytes
    for await (const line of linesBackward(file.path, before)) yield { ...line, file }
  }
}

function writeCursor(tasks: readonly TaskLetters[]): string {
  return Buffer.from(JSON.stringify(tasks.map(({ task, place }) => [task, place.number, place.before]))).toString('base64url')
}

function readCursor(text: string): Map<number, Place> {
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
  return new Map(entries.map(([task, number, before]) => [task, { number, before }]))
}
