import { BadRequestError } from '../../contract/errors.ts'
import { letterFiles, type LetterFile } from './folder-files.ts'
import { scanBytesMax, type LetterPage, type LetterQuery, type LetterShelf } from './letter-shelf.ts'
import { parseLetter } from './line.ts'
import { endOfLines, linesBackward, linesForward } from './line-file.ts'
import { newestPage, type LetterSeen, type ListPlace } from './newest-first.ts'
import { wants, type LetterSpan, type RedriveJob } from './redrive-job.ts'

/** Dead letters in a folder of JSON lines. */
export class FolderShelf implements LetterShelf {
  readonly #folder: string
  readonly #connector: string

  constructor(folder: string, connector: string) {
    this.#folder = folder
    this.#connector = connector
  }

  async list(query: LetterQuery): Promise<LetterPage> {
    const files = await letterFiles(this.#folder, this.#connector)
    const byTask = Map.groupBy(files, (file) => file.task)
    return newestPage(query, [...byTask.keys()], (task, place) => backwards(byTask.get(task)!, this.#connector, place))
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

async function* backwards(files: readonly LetterFile[], connector: string, place: ListPlace | undefined): AsyncGenerator<LetterSeen> {
  for (const file of files.toReversed()) {
    if (place && file.number > place.part) continue
    const before = file.number === place?.part ? Math.min(place.before, file.bytes) : file.bytes
    for await (const { at, next, text } of linesBackward(file.path, before)) {
      const letter = text === null ? undefined : parseLetter(text, connector, { unit: file.name, at })
      yield { part: file.number, at, next, bytes: next - at, letter: letter ?? null, blank: text === '' }
    }
  }
}
