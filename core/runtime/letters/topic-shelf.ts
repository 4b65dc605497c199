import { BadRequestError, ConflictError } from '../../contract/errors.ts'
import { RemoteError } from '../failure.ts'
import type { CallAnswer, CallRequest } from '../protocol.ts'
import type { LetterPage, LetterQuery, LetterShelf } from './letter-shelf.ts'
import type { LetterTopicSpec } from './letter-topic.ts'
import type { LetterSpan, RedriveJob } from './redrive-job.ts'

/** Dead letters in a topic: a host reads them, as the control plane runs no plugin. */
export class TopicShelf implements LetterShelf {
  readonly #topic: LetterTopicSpec
  readonly #connector: string
  readonly #call: (request: CallRequest) => Promise<CallAnswer>

  constructor(topic: LetterTopicSpec, connector: string, call: (request: CallRequest) => Promise<CallAnswer>) {
    this.#topic = topic
    this.#connector = connector
    this.#call = call
  }

  async list(query: LetterQuery): Promise<LetterPage> {
    return (await this.#ask(query)) as LetterPage
  }

  async spans(from: { readonly unit: string; readonly at: number } | null): Promise<readonly LetterSpan[]> {
    const spans = (await this.#ask(null)) as readonly LetterSpan[]
    if (from === null) return spans
    const span = spans.find(({ unit }) => unit === from.unit)
    if (span && from.at >= span.from && from.at < span.to) return [{ ...span, from: from.at }]
    throw new BadRequestError(`No dead letter of the id ${from.unit}:${from.at} is there: take "from" of a letter that GET lists`)
  }

  /** Only what needs no reading is counted: a topic may hold more than one answer can look at. */
  async count({ spans, filter, except, max }: RedriveJob): Promise<number | null> {
    if (spans.length === 0) return 0
    if (Object.keys(filter).length > 0 || except.length > 0) return null
    const all = spans.reduce((sum, { from, to }) => sum + to - from, 0)
    return max === null ? all : Math.min(all, max)
  }

  async #ask(query: LetterQuery | null): Promise<CallAnswer> {
    try {
      return await this.#call({ kind: 'letters', topic: this.#topic, connector: this.#connector, query })
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      if (error.code === 'BAD_REQUEST') throw new BadRequestError(error.message, { cause: error })
      throw new ConflictError(`The dead letter topic ${this.#topic.topic} could not be read: ${error.message}`, { cause: error })
    }
  }
}
