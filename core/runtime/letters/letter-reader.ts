import { join } from 'node:path'
import type { Logger } from '../../contract/context.ts'
import type { KeptLetter } from './letter.ts'
import { parseLetter } from './line.ts'
import { linesForward } from './line-file.ts'
import type { LetterSpan } from './redrive-job.ts'

/** One step of reading: a letter, or null for what is none, and where the next step begins. */
export interface LetterStep {
  readonly span: number
  readonly next: number
  readonly letter: KeptLetter | null
}

/** Reads letters in the order in which they were written, span by span. */
export interface LetterReader {
  /** `span` and `at`: where to begin. */
  read(spans: readonly LetterSpan[], span: number, at: number): AsyncGenerator<LetterStep>
}

/** Letters of a folder of JSON lines. */
export class FolderReader implements LetterReader {
  readonly #folder: string
  readonly #connector: string
  readonly #log: Logger

  constructor(folder: string, connector: string, log: Logger) {
    this.#folder = folder
    this.#connector = connector
    this.#log = log
  }

  async *read(spans: readonly LetterSpan[], span: number, at: number): AsyncGenerator<LetterStep> {
    for (let index = span; index < spans.length; index++) {
      const { unit, from, to } = spans[index]!
      try {
        for await (const line of linesForward(join(this.#folder, unit), index === span ? Math.max(at, from) : from, to)) {
          const letter = line.text === null ? null : parseLetter(line.text, this.#connector, { unit, at: line.at })
          yield { span: index, next: line.next, letter: letter ?? null }
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        this.#log.warn({ file: unit }, 'A file of dead letters was removed before its redrive came to it')
      }
    }
  }
}
